#include "runtime/modules/byte_span_methods.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <lua.hpp>

#include "runtime/modules/byte_span.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

using View = std::string_view;

View check_view(lua_State* L, int index) { return check_byte_span(L, index)->view(); }

/// Pushes a found offset as a script's position, or nil.
int push_found(lua_State* L, std::size_t offset) {
  if (offset == View::npos) {
    lua_pushnil(L);
  } else {
    lua_pushnumber(L, static_cast<double>(offset) + 1);
  }
  return 1;
}

/// The optional position at `index` as an offset.
std::size_t opt_offset(lua_State* L, int index, std::size_t fallback) {
  if (lua_isnoneornil(L, index)) return fallback;
  const double position = luaL_checknumber(L, index);
  if (!(position >= 1 && position <= 0x7FFFFFFF)) raise_bad_argument(L, index);
  return static_cast<std::size_t>(position) - 1;
}

void poll(lua_State* L) {
  Vm& vm = Vm::of(L);
  if (vm.must_stop()) vm.raise_verdict(L);
}

/// Calls `change` with each byte, looking at the budget now and then.
template <typename Change>
int change_bytes(lua_State* L, Change change) {
  const std::span<char> bytes = check_byte_span(L, 1)->bytes();
  for (std::size_t at = 0; at < bytes.size(); at += kSpanPoll) {
    if (at > 0) poll(L);
    for (char& c : bytes.subspan(at, std::min(kSpanPoll, bytes.size() - at))) c = change(c);
  }
  lua_settop(L, 1);
  return 1;
}

/// The first byte at or after the position whose membership in the set is `wanted`.
int find_forward(lua_State* L, bool wanted) {
  const View in = check_byte_span(L, 1)->view();
  const ByteSet set = byte_set(check_bytes(L, 2));
  return push_found(L, first_byte(L, in, set, wanted, opt_offset(L, 3, 0)));
}

int find_backward(lua_State* L, bool wanted) {
  const View in = check_byte_span(L, 1)->view();
  const ByteSet set = byte_set(check_bytes(L, 2));
  const std::size_t end =
      lua_isnoneornil(L, 3) ? in.size() : std::min(in.size(), opt_offset(L, 3, 0) + 1);
  return push_found(L, last_byte(L, in, set, wanted, end));
}

}  // namespace

ByteSet byte_set(View bytes) noexcept {
  ByteSet set;
  for (const char c : bytes) set.set(static_cast<unsigned char>(c));
  return set;
}

std::size_t first_byte(lua_State* L, View in, const ByteSet& set, bool wanted, std::size_t from) {
  for (std::size_t at = from; at < in.size(); ++at) {
    if (set[static_cast<unsigned char>(in[at])] == wanted) return at;
    if (at % kSpanPoll == 0) poll(L);
  }
  return View::npos;
}

std::size_t last_byte(lua_State* L, View in, const ByteSet& set, bool wanted, std::size_t end) {
  while (end-- > 0) {
    if (set[static_cast<unsigned char>(in[end])] == wanted) return end;
    if (end % kSpanPoll == 0) poll(L);
  }
  return View::npos;
}

int span_starts_with(lua_State* L) {
  lua_pushboolean(L, check_view(L, 1).starts_with(check_bytes(L, 2)) ? 1 : 0);
  return 1;
}

int span_ends_with(lua_State* L) {
  lua_pushboolean(L, check_view(L, 1).ends_with(check_bytes(L, 2)) ? 1 : 0);
  return 1;
}

/// memmem: linear in the worst case, unlike std::string_view::find.
int span_find(lua_State* L) {
  const View in = check_view(L, 1);
  const View what = check_bytes(L, 2);
  const std::size_t from = opt_offset(L, 3, 0);
  if (from > in.size()) return push_found(L, View::npos);
  if (what.empty()) return push_found(L, from);
  const void* found = memmem(in.data() + from, in.size() - from, what.data(), what.size());
  if (found == nullptr) return push_found(L, View::npos);
  return push_found(L, static_cast<std::size_t>(static_cast<const char*>(found) - in.data()));
}

/// The last byte of a match is at or before position `end`.
int span_rfind(lua_State* L) {
  const View in = check_view(L, 1);
  const View what = check_bytes(L, 2);
  const std::size_t end =
      lua_isnoneornil(L, 3) ? in.size() : std::min(in.size(), opt_offset(L, 3, 0) + 1);
  if (what.size() > end) return push_found(L, View::npos);
  std::size_t work = 0;  // the comparison may be quadratic: it pays attention to the budget
  for (std::size_t at = end - what.size();; --at) {
    if (in.substr(at, what.size()) == what) return push_found(L, at);
    if (at == 0) return push_found(L, View::npos);
    work += what.size() + 1;
    if (work < kSpanPoll) continue;
    work = 0;
    poll(L);
  }
}

int span_find_first_of(lua_State* L) { return find_forward(L, true); }
int span_find_first_not_of(lua_State* L) { return find_forward(L, false); }
int span_find_last_of(lua_State* L) { return find_backward(L, true); }
int span_find_last_not_of(lua_State* L) { return find_backward(L, false); }

int span_fill(lua_State* L) {
  const ByteSpan* span = check_byte_span(L, 1);
  const double value = luaL_checknumber(L, 2);
  if (!(value >= 0 && value <= 255) || value != std::floor(value)) raise_bad_argument(L, 2);
  if (span->size > 0) std::memset(span->data, static_cast<int>(value), span->size);
  lua_settop(L, 1);
  return 1;
}

int span_lower(lua_State* L) {
  return change_bytes(
      L, [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
}

int span_upper(lua_State* L) {
  return change_bytes(
      L, [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; });
}

}  // namespace perilune::runtime
