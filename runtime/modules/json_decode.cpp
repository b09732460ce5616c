// json.decode: the grammar, without recursion, and the building of tables.
//
// A container's values wait on the Lua stack until it is closed, so that its table is made at once
// in its size. If many are open or a container is long, its table is made early and grows.
#include <array>
#include <lua.hpp>

#include "runtime/modules/byte_span.hpp"
#include "runtime/modules/json_values.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

// Stack slots of json_decode.
constexpr int kText = 1;
constexpr int kOptions = 2;
constexpr int kNull = 3;
constexpr int kTag = 4;
constexpr int kScratch = 5;

/// Values of one container that wait on the stack (an object's keys count).
constexpr int kPending = 64;
/// Slots up to which values wait at all. LuaJIT gives a C function 8000.
constexpr int kPendingTop = 4096;
/// What one step pushes at most.
constexpr int kStep = 8;
static_assert(kPendingTop + kPending + 3 * kJsonDeepest + kStep < 8000);

struct Level {
  int base;     ///< slot of the container's table, nil until it is made
  int pending;  ///< values on the stack behind it
  int stored;   ///< values in the table (of an array)
  bool array;
  bool made;
};

bool poll(void* state) { return json_must_stop(static_cast<lua_State*>(state)); }

/// Trivially destructible: a Lua error may end it anywhere.
class Decoder {
 public:
  Decoder(lua_State* L, std::string_view text, int max_depth) noexcept
      : L_{L}, text_{text}, reader_{text, {poll, L}}, max_depth_{max_depth} {}

  /// Leaves the value on the stack.
  void run();

 private:
  /// Reads a value, or a container's beginning (true).
  bool value(const char* expected);
  /// Behind a container's beginning: true if a value follows, false if it was empty.
  bool enter();
  /// Behind a value: true if another one follows, false if that was the last one.
  bool leave();
  void key(const char* expected);
  void string();
  void open(bool array);
  void close();
  void count(Level& level);
  void make_table(Level& level);
  void store(const Level& level, int pending);
  void read_word(std::string_view word);
  Level& top() noexcept { return levels_[static_cast<std::size_t>(depth_ - 1)]; }
  /// What was looked at is not what is `expected` there.
  [[noreturn]] void fail(JsonError code, const char* expected);
  [[noreturn]] void fail_in_token();
  [[noreturn]] void raise(const char* category, int code, const char* what);
  [[noreturn]] void raise_too_deep();
  void push_error(const char* category, int code, const char* what);
  const char* found() const;

  lua_State* L_;
  std::string_view text_;
  JsonReader reader_;
  int max_depth_;
  int depth_ = 0;
  std::size_t scratch_size_ = 0;
  std::array<Level, kJsonDeepest> levels_;
};

void Decoder::run() {
  bool opened = value("a value");
  for (;;) {
    bool more = opened && enter();
    while (!more) {
      if (depth_ == 0) break;
      more = leave();
    }
    if (!more) break;
    opened = value("a value");
  }
  if (reader_.peek() != -1) fail(JsonError::UnexpectedToken, "the end of the text");
  if (reader_.stopped()) fail_in_token();
}

bool Decoder::value(const char* expected) {
  const int c = reader_.peek();
  switch (c) {
    case '"': string(); return false;
    case '{': open(false); return true;
    case '[': open(true); return true;
    case 't':
      read_word("true");
      lua_pushboolean(L_, 1);
      return false;
    case 'f':
      read_word("false");
      lua_pushboolean(L_, 0);
      return false;
    case 'n':
      read_word("null");
      lua_pushvalue(L_, kNull);
      return false;
    case ']': fail(JsonError::UnbalancedEndArray, expected);
    case '}': fail(JsonError::UnbalancedEndObject, expected);
    default: break;
  }
  if (c != '-' && (c < '0' || c > '9')) fail(JsonError::UnexpectedToken, expected);
  double number = 0;
  if (!reader_.read_number(number)) fail_in_token();
  lua_pushnumber(L_, number);
  return false;
}

bool Decoder::enter() {
  const bool array = top().array;
  const int c = reader_.peek();
  if (c == (array ? ']' : '}')) {
    reader_.skip();
    close();
    return false;
  }
  if (!array) key("a string or '}'");
  return true;
}

bool Decoder::leave() {
  Level& level = top();
  count(level);
  const int c = reader_.peek();
  if (c == ',') {
    reader_.skip();
    lua_checkstack(L_, kStep);
    if (!level.array) key("a string");
    return true;
  }
  if (c != (level.array ? ']' : '}')) {
    if (level.array) fail(JsonError::ExpectedEndArray, "',' or ']'");
    fail(JsonError::ExpectedEndObject, "',' or '}'");
  }
  reader_.skip();
  close();
  return false;
}

void Decoder::key(const char* expected) {
  if (reader_.peek() != '"') fail(JsonError::InvalidKey, expected);
  string();
  if (reader_.peek() != ':') fail(JsonError::UnexpectedToken, "':'");
  reader_.skip();
}

void Decoder::read_word(std::string_view word) {
  if (!reader_.read_literal(word)) fail_in_token();
}

void Decoder::string() {
  std::string_view raw;
  bool escaped = false;
  if (!reader_.read_string(raw, escaped)) fail_in_token();
  if (!escaped) return lua_pushlstring(L_, raw.data(), raw.size());
  std::array<char, 512> small;
  char* to = small.data();
  if (raw.size() > small.size()) {
    if (raw.size() > scratch_size_) {
      lua_newuserdata(L_, raw.size());
      lua_replace(L_, kScratch);
      scratch_size_ = raw.size();
    }
    to = static_cast<char*>(lua_touserdata(L_, kScratch));
  }
  const std::ptrdiff_t size = reader_.unescape(raw, to);
  if (size < 0) fail_in_token();
  lua_pushlstring(L_, to, static_cast<std::size_t>(size));
}

void Decoder::open(bool array) {
  if (depth_ == max_depth_) raise_too_deep();
  reader_.skip();
  luaL_checkstack(L_, kStep, "json");
  lua_pushnil(L_);
  levels_[static_cast<std::size_t>(depth_++)] = {lua_gettop(L_), 0, 0, array, false};
  if (lua_gettop(L_) > kPendingTop) make_table(top());
}

void Decoder::raise_too_deep() {
  luaL_checkstack(L_, LUA_MINSTACK, "json");
  push_error(kJsonDomCategory, static_cast<int>(JsonDomError::TooManyLevels),
             lua_pushfstring(L_, "more than %d levels", max_depth_));
  lua_pushinteger(L_, max_depth_);
  lua_setfield(L_, -2, "limit");
  lua_error(L_);
  __builtin_unreachable();
}

/// One more value, or key and value, is on the stack.
void Decoder::count(Level& level) {
  level.pending += level.array ? 1 : 2;
  if (level.made) {
    store(level, level.pending);
    level.stored += level.pending;
    level.pending = 0;
  } else if (level.pending == kPending) {
    make_table(level);
  }
}

void Decoder::make_table(Level& level) {
  if (level.array) {
    lua_createtable(L_, level.pending, 0);
    lua_pushvalue(L_, kTag);
    lua_setmetatable(L_, -2);
  } else {
    lua_createtable(L_, 0, level.pending / 2);
  }
  lua_replace(L_, level.base);
  store(level, level.pending);
  level.stored = level.pending;
  level.pending = 0;
  level.made = true;
}

/// Moves the pending values into the table.
void Decoder::store(const Level& level, int pending) {
  if (level.array) {
    for (int i = level.stored + pending; i > level.stored; --i) lua_rawseti(L_, level.base, i);
  } else if (pending == 2) {
    lua_rawset(L_, level.base);
  } else {
    // Forwards, so that of equal keys the last one wins.
    for (int i = 1; i < pending; i += 2) {
      lua_pushvalue(L_, level.base + i);
      lua_pushvalue(L_, level.base + i + 1);
      lua_rawset(L_, level.base);
    }
    lua_settop(L_, level.base);
  }
}

void Decoder::close() {
  Level& level = top();
  if (!level.made) make_table(level);
  --depth_;
}

const char* Decoder::found() const {
  if (reader_.at_end()) return "the end of the text";
  const auto c = static_cast<unsigned char>(text_[reader_.offset()]);
  if (c > ' ' && c < 0x7F) return lua_pushfstring(L_, "'%c'", static_cast<int>(c));
  constexpr std::string_view kHex = "0123456789abcdef";
  return lua_pushfstring(L_, "byte 0x%c%c", kHex[c >> 4U], kHex[c & 15U]);
}

void Decoder::fail(JsonError code, const char* expected) {
  if (reader_.stopped()) Vm::of(L_).raise_verdict(L_);
  luaL_checkstack(L_, LUA_MINSTACK, "json");
  if (reader_.at_end()) code = JsonError::InsufficientTokens;
  raise(kJsonLexerCategory, static_cast<int>(code),
        lua_pushfstring(L_, "expected %s, found %s", expected, found()));
}

void Decoder::fail_in_token() {
  if (reader_.stopped()) Vm::of(L_).raise_verdict(L_);
  if (reader_.expects()) fail(JsonError::InvalidValue, reader_.problem());
  if (reader_.out_of_range())
    raise(kJsonDomCategory, static_cast<int>(JsonDomError::ResultOutOfRange), reader_.problem());
  raise(kJsonLexerCategory, static_cast<int>(JsonError::InvalidValue), reader_.problem());
}

void Decoder::raise(const char* category, int code, const char* what) {
  push_error(category, code, what);
  lua_error(L_);
  __builtin_unreachable();
}

void Decoder::push_error(const char* category, int code, const char* what) {
  luaL_checkstack(L_, LUA_MINSTACK, "json");
  const std::size_t offset = reader_.offset();
  std::size_t line = 1;
  std::size_t line_start = 0;
  for (std::size_t at = text_.find('\n'); at < offset; at = text_.find('\n', at + 1)) {
    ++line;
    line_start = at + 1;
  }
  const auto number = [](std::size_t n) { return static_cast<lua_Number>(n); };
  const auto set = [this](const char* name, lua_Number value) {
    lua_pushnumber(L_, value);
    lua_setfield(L_, -2, name);
  };
  const lua_Number column = number(offset - line_start + 1);
  push_code(L_, category, code,
            lua_pushfstring(L_, "line %f, column %f: %s", number(line), column, what));
  set("line", number(line));
  set("column", column);
  set("offset", number(offset));
}

}  // namespace

int json_decode(lua_State* L) {
  const std::string_view text = check_bytes(L, kText);
  check_json_options(L, kOptions);
  lua_settop(L, kOptions);
  const int max_depth = json_max_depth(L, kOptions);
  push_json_null(L);
  push_json_array_tag(L);
  lua_pushnil(L);
  Decoder{L, text, max_depth}.run();
  return 1;
}

}  // namespace perilune::runtime
