#include "runtime/modules/byte_span.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <lua.hpp>
#include <utility>

#include "runtime/modules/byte_span_methods.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

constexpr double kMaxSize = 0x7FFFFF00;
constexpr std::size_t kMaxAppended = 0x40000000;

/// Pushes a span without bytes of its own.
ByteSpan* push_view(lua_State* L, char* data, std::size_t size, std::size_t capacity) {
  auto* span = new (lua_newuserdata(L, sizeof(ByteSpan))) ByteSpan{data, size, capacity};
  push_class(L, kByteSpanClass);
  lua_setmetatable(L, -2);
  return span;
}

std::size_t check_size(lua_State* L, int index) {
  const double n = luaL_checknumber(L, index);
  if (!(n >= 0 && n <= kMaxSize)) raise_bad_argument(L, index);
  return static_cast<std::size_t>(n);
}

/// Makes `index`'s environment table refer to it (or to the span whose bytes it shows), so that a
/// slice with the same table keeps the bytes.
void anchor(lua_State* L, int index, ByteSpan* span) {
  if (span->anchored) return;
  lua_createtable(L, 1, 0);
  lua_pushvalue(L, index);
  lua_rawseti(L, -2, 1);
  lua_setfenv(L, index);
  span->anchored = true;
}

int slice(lua_State* L, int index, ByteSpan* span, std::size_t offset, std::size_t size) {
  anchor(L, index, span);
  ByteSpan* part = push_view(L, span->data + offset, size, span->capacity - offset);
  lua_getfenv(L, index);
  lua_setfenv(L, -2);
  part->anchored = true;
  return 1;
}

/// The number at `index` as a position of the span, or `bad_index`.
char* check_position(lua_State* L, ByteSpan* span, int index) {
  const double at = lua_tonumber(L, index);
  if (at >= 1 && at <= static_cast<double>(span->size))
    return span->data + static_cast<std::size_t>(at) - 1;
  push_code(L, kCoreCategory, static_cast<int>(CoreError::BadIndex));
  lua_pushvalue(L, index);
  lua_setfield(L, -2, "index");
  lua_error(L);
  __builtin_unreachable();
}

}  // namespace

int span_new(lua_State* L) {
  const std::size_t size = check_size(L, 1);
  const std::size_t capacity = lua_isnoneornil(L, 2) ? size : check_size(L, 2);
  if (capacity < size) raise_bad_argument(L, 2);
  push_byte_span(L, size, capacity);
  return 1;
}

int span_slice(lua_State* L) {
  ByteSpan* span = check_byte_span(L, 1);
  const auto first = luaL_optnumber(L, 2, 1);
  const auto last = luaL_optnumber(L, 3, static_cast<double>(span->size));
  if (!(first >= 1 && first <= static_cast<double>(span->capacity) + 1)) raise_bad_argument(L, 2);
  const auto offset = static_cast<std::size_t>(first) - 1;
  if (!(last >= static_cast<double>(offset) && last <= static_cast<double>(span->capacity)))
    raise_bad_argument(L, lua_isnoneornil(L, 3) ? 2 : 3);
  return slice(L, 1, span, offset, static_cast<std::size_t>(last) - offset);
}

int span_first(lua_State* L) {
  ByteSpan* span = check_byte_span(L, 1);
  const std::size_t n = check_size(L, 2);
  if (n > span->size) raise_bad_argument(L, 2);
  return slice(L, 1, span, 0, n);
}

int span_last(lua_State* L) {
  ByteSpan* span = check_byte_span(L, 1);
  const std::size_t n = check_size(L, 2);
  if (n > span->size) raise_bad_argument(L, 2);
  return slice(L, 1, span, span->size - n, n);
}

int span_trimmed(lua_State* L) {
  ByteSpan* span = check_byte_span(L, 1);
  const ByteSet blanks =
      byte_set(lua_isnoneornil(L, 2) ? std::string_view{" \f\n\r\t\v"} : check_bytes(L, 2));
  const std::size_t first = std::min(first_byte(L, span->view(), blanks, false, 0), span->size);
  const std::size_t last = last_byte(L, span->view(), blanks, false, span->size);
  return slice(L, 1, span, first, first == span->size ? 0 : last + 1 - first);
}

int span_copy(lua_State* L) {
  ByteSpan* span = check_byte_span(L, 1);
  const std::string_view from = check_bytes(L, 2);
  const std::size_t n = std::min(span->size, from.size());
  if (n > 0) std::memmove(span->data, from.data(), n);
  lua_pushnumber(L, static_cast<double>(n));
  return 1;
}

/// Go's append: in place while the capacity lasts, else a new span of at least twice the size.
int span_append(lua_State* L) {
  const int top = lua_gettop(L);
  ByteSpan* base = lua_isnoneornil(L, 1) ? nullptr : test_byte_span(L, 1);
  const std::size_t own = base != nullptr ? base->size : 0;
  std::size_t total = own;
  for (int i = base != nullptr ? 2 : 1; i <= top; ++i) {
    if (lua_isnil(L, i)) continue;
    total += check_bytes(L, i).size();
    if (static_cast<double>(total) > kMaxSize) raise_bad_argument(L, i);
  }
  char* to = nullptr;
  if (base != nullptr && total <= base->capacity) {
    slice(L, 1, base, 0, total);
    to = base->data;
  } else {
    to = push_byte_span(L, total, std::max(total, std::min(own * 2, kMaxAppended)))->data;
    if (own > 0) std::memcpy(to, base->data, own);
  }
  to += own;
  for (int i = base != nullptr ? 2 : 1; i <= top; ++i) {
    if (lua_isnil(L, i)) continue;
    const std::string_view part = check_bytes(L, i);
    if (!part.empty()) std::memmove(to, part.data(), part.size());
    to += part.size();
  }
  return 1;
}

int span_index(lua_State* L) {
  ByteSpan* span = check_byte_span(L, 1);
  if (lua_type(L, 2) == LUA_TNUMBER) {
    lua_pushinteger(L, static_cast<unsigned char>(*check_position(L, span, 2)));
    return 1;
  }
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(1));
  if (lua_type(L, -1) == LUA_TNUMBER) {  // the one property
    lua_pushnumber(L, static_cast<double>(span->capacity));
    return 1;
  }
  if (!lua_isnil(L, -1)) return 1;
  if (!push_number_method(L, 2)) raise_core(L, CoreError::BadIndex);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, -2);
  lua_rawset(L, lua_upvalueindex(1));
  return 1;
}

int span_newindex(lua_State* L) {
  ByteSpan* span = check_byte_span(L, 1);
  if (lua_type(L, 2) != LUA_TNUMBER) raise_code(L, kGenericCategory, EPERM);
  char* at = check_position(L, span, 2);
  const double value = luaL_checknumber(L, 3);
  if (!(value >= 0 && value <= 255)) raise_bad_argument(L, 3);
  *at = static_cast<char>(static_cast<unsigned char>(value));
  return 0;
}

int span_len(lua_State* L) {
  lua_pushnumber(L, static_cast<double>(check_byte_span(L, 1)->size));
  return 1;
}

int span_equal(lua_State* L) {
  const ByteSpan* left = test_byte_span(L, 1);
  const ByteSpan* right = test_byte_span(L, 2);
  lua_pushboolean(L, left != nullptr && right != nullptr && left->view() == right->view() ? 1 : 0);
  return 1;
}

int span_tostring(lua_State* L) {
  const ByteSpan* span = check_byte_span(L, 1);
  lua_pushlstring(L, span->data, span->size);
  return 1;
}

ByteSpan* test_byte_span(lua_State* L, int index) noexcept {
  return static_cast<ByteSpan*>(luaL_testudata(L, index, kByteSpanClass.name));
}

ByteSpan* check_byte_span(lua_State* L, int index) {
  ByteSpan* span = test_byte_span(L, index);
  if (span == nullptr) luaL_typerror(L, index, "byte_span");
  return span;
}

std::string_view check_bytes(lua_State* L, int index) {
  if (lua_type(L, index) == LUA_TSTRING) {
    std::size_t size = 0;
    const char* text = lua_tolstring(L, index, &size);
    return {text, size};
  }
  const ByteSpan* span = test_byte_span(L, index);
  if (span == nullptr) luaL_typerror(L, index, "byte_span or string");
  return span->view();
}

ByteSpan* push_byte_span(lua_State* L, std::size_t size, std::size_t capacity) {
  void* memory = lua_newuserdata(L, sizeof(ByteSpan) + capacity);
  char* data = static_cast<char*>(memory) + sizeof(ByteSpan);
  std::memset(data, 0, capacity);
  auto* span = new (memory) ByteSpan{data, size, capacity};
  push_class(L, kByteSpanClass);
  lua_setmetatable(L, -2);
  return span;
}

void push_byte_view(lua_State* L, int index, std::size_t offset, std::size_t size) {
  slice(L, index, check_byte_span(L, index), offset, size);
}

/// What operations hold in one VM: a registry table of values by number.
class HeldBytes : public std::enable_shared_from_this<HeldBytes> {
 public:
  explicit HeldBytes(lua_State* L) noexcept : state_{L} {}
  void release(int reference) noexcept { luaL_unref(state_, LUA_REGISTRYINDEX, reference); }

 private:
  lua_State* state_;
};

namespace {

/// The slot: its destruction (before the lua_State's) turns every hold into an empty shell.
struct HeldBytesSlot {
  explicit HeldBytesSlot(Vm& vm) : held{std::make_shared<HeldBytes>(vm.main_state())} {}
  std::shared_ptr<HeldBytes> held;
};

}  // namespace

BytesHold::BytesHold() noexcept = default;

BytesHold::BytesHold(lua_State* L, int index) {
  const std::string_view bytes = check_bytes(L, index);
  writable_ = lua_type(L, index) != LUA_TSTRING;
  lua_pushvalue(L, index);
  reference_ = luaL_ref(L, LUA_REGISTRYINDEX);
  owner_ = Vm::of(L).slot<HeldBytesSlot>().held;
  data_ = const_cast<char*>(bytes.data());
  size_ = bytes.size();
}

BytesHold::BytesHold(BytesHold&& other) noexcept { *this = std::move(other); }

BytesHold& BytesHold::operator=(BytesHold&& other) noexcept {
  if (this == &other) return *this;
  let_go();
  owner_ = std::move(other.owner_);
  reference_ = std::exchange(other.reference_, -1);
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  writable_ = other.writable_;
  return *this;
}

BytesHold::~BytesHold() { let_go(); }

void BytesHold::let_go() noexcept {
  if (reference_ < 0) return;
  if (const auto owner = owner_.lock()) owner->release(reference_);
  reference_ = -1;
}

}  // namespace perilune::runtime
