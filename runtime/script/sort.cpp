#include "runtime/script/sort.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <lua.hpp>
#include <span>

#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

constexpr std::uint32_t kPollCompares = 8192;

struct Stopped {};

/// Counts comparisons; leaves std::sort by an exception that does not leave this file.
struct Poll {
  Vm& vm;
  std::uint32_t left = kPollCompares;

  void operator()() {
    if (--left > 0) return;
    left = kPollCompares;
    if (vm.must_stop()) throw Stopped{};
  }
};

struct Text {
  const char* data;
  std::uint32_t size;
  std::uint32_t index;  ///< where it was, from 1
};

bool text_less(const Text& a, const Text& b) {
  const int order = std::memcmp(a.data, b.data, std::min(a.size, b.size));
  return order < 0 || (order == 0 && a.size < b.size);
}

/// False if `Stopped`.
template <typename T, typename Less>
bool sort_span(Vm& vm, std::span<T> items, Less less) {
  Poll poll{vm};
  try {
    std::sort(items.begin(), items.end(), [&poll, less](const T& a, const T& b) {
      poll();
      return less(a, b);
    });
  } catch (const Stopped&) {
    return false;
  }
  return true;
}

template <typename T>
std::span<T> push_items(lua_State* L, int count) {
  const auto n = static_cast<std::size_t>(count);
  return {static_cast<T*>(lua_newuserdata(L, n * sizeof(T))), n};
}

bool sort_numbers(lua_State* L, Vm& vm, int count) {
  const auto items = push_items<double>(L, count);
  for (int i = 1; i <= count; ++i) {
    lua_rawgeti(L, 1, i);
    const double value = lua_tonumber(L, -1);
    // NaN is no strict weak order: std::sort would leave its bounds.
    if (lua_type(L, -1) != LUA_TNUMBER || std::isnan(value)) return false;
    items[static_cast<std::size_t>(i - 1)] = value;
    lua_pop(L, 1);
  }
  if (!sort_span(vm, items, [](double a, double b) { return a < b; })) vm.raise_verdict(L);
  for (int i = 1; i <= count; ++i) {
    lua_pushnumber(L, items[static_cast<std::size_t>(i - 1)]);
    lua_rawseti(L, 1, i);
  }
  return true;
}

/// Moves each string to its place, along the cycles of the permutation.
void place(lua_State* L, std::span<Text> items) {
  for (std::size_t start = 0; start < items.size(); ++start) {
    if (items[start].index == start + 1) continue;
    lua_rawgeti(L, 1, static_cast<int>(start + 1));
    std::size_t to = start;
    for (;;) {
      const std::size_t from = items[to].index - 1;
      items[to].index = static_cast<std::uint32_t>(to + 1);
      if (from == start) break;
      lua_rawgeti(L, 1, static_cast<int>(from + 1));
      lua_rawseti(L, 1, static_cast<int>(to + 1));
      to = from;
    }
    lua_rawseti(L, 1, static_cast<int>(to + 1));
  }
}

bool sort_texts(lua_State* L, Vm& vm, int count) {
  const auto items = push_items<Text>(L, count);
  for (int i = 1; i <= count; ++i) {
    lua_rawgeti(L, 1, i);
    if (lua_type(L, -1) != LUA_TSTRING) return false;
    std::size_t size = 0;
    const char* data = lua_tolstring(L, -1, &size);  // the table keeps it
    items[static_cast<std::size_t>(i - 1)] = {data, static_cast<std::uint32_t>(size),
                                              static_cast<std::uint32_t>(i)};
    lua_pop(L, 1);
  }
  if (!sort_span(vm, items, text_less)) vm.raise_verdict(L);
  place(L, items);
  return true;
}

}  // namespace

int table_sort_plain(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const std::size_t length = lua_objlen(L, 1);
  if (length > 0x7FFFFFFE) return luaL_argerror(L, 1, "too many elements");
  const int count = static_cast<int>(length);
  lua_rawgeti(L, 1, 1);
  const int type = lua_type(L, -1);
  Vm& vm = Vm::of(L);
  const bool done = count < 2 || (type == LUA_TNUMBER && sort_numbers(L, vm, count)) ||
                    (type == LUA_TSTRING && sort_texts(L, vm, count));
  lua_pushboolean(L, done ? 1 : 0);
  return 1;
}

}  // namespace perilune::runtime
