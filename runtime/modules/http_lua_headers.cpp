#include <cerrno>

#include "runtime/modules/http_lua.hpp"
#include "runtime/modules/net_errors.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

struct HeadersHandle {
  HeadersHandle(MessagePtr owner, FieldTable table) : message{std::move(owner)}, which{table} {}
  MessagePtr message;
  FieldTable which;
};

HeaderMap& fields_of(HttpMessage& message, FieldTable which) {
  return which == FieldTable::Headers ? message.headers : message.trailers;
}

HeaderMap& check_fields(lua_State* L, bool change) {
  auto& handle = check_object<HeadersHandle>(L, 1, headers_class());
  check_unlocked(L, *handle.message, change);
  return fields_of(*handle.message, handle.which);
}

/// Pushes nil, the value, or a list of the values of the fields with this name.
void push_values(lua_State* L, const HeaderMap& fields, std::string_view name) {
  const std::size_t first = fields.find(name);
  if (first == fields.size()) {
    lua_pushnil(L);
    return;
  }
  const std::string_view value = fields[first].value;
  lua_pushlstring(L, value.data(), value.size());
  std::size_t next = fields.find(name, first + 1);
  if (next == fields.size()) return;
  lua_newtable(L);
  lua_insert(L, -2);
  lua_rawseti(L, -2, 1);
  for (int n = 2; next < fields.size(); next = fields.find(name, next + 1), ++n) {
    const std::string_view more = fields[next].value;
    lua_pushlstring(L, more.data(), more.size());
    lua_rawseti(L, -2, n);
  }
}

/// Adds the string or number at `index`. Kept within the limits of what can be sent, so that a
/// table can't grow without bound.
void add_value(lua_State* L, int index, HeaderMap& fields, std::string_view name) {
  if (lua_type(L, index) != LUA_TSTRING && lua_type(L, index) != LUA_TNUMBER)
    raise_bad_argument(L, 3);
  lua_pushvalue(L, index);
  std::size_t size = 0;
  const char* text = lua_tolstring(L, -1, &size);
  const Limits& limits = Vm::of(L).config().limits;
  if (fields.size() >= limits.raw(Limit::ResponseHeaderCount) ||
      fields.wire_bytes() + name.size() + size + 4 > limits.raw(Limit::ResponseHeaders))
    raise_fault(L, HttpFault{HttpErrc::HeadersTooLarge, {}, {}});
  fields.add(name, {text, size});
  lua_pop(L, 1);
}

/// Sets the fields of one name from the value at `index`: nil, string, number or list of such.
void assign_field(lua_State* L, int index, HeaderMap& fields, std::string_view name) {
  fields.remove(name);
  if (lua_isnil(L, index)) return;
  if (!lua_istable(L, index)) {
    add_value(L, index, fields, name);
    return;
  }
  for (int n = 1;; ++n) {
    lua_rawgeti(L, index, n);
    if (lua_isnil(L, -1)) break;
    add_value(L, lua_gettop(L), fields, name);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

int l_index(lua_State* L) {
  if (lua_type(L, 2) != LUA_TSTRING) {
    lua_pushnil(L);
    return 1;
  }
  push_values(L, check_fields(L, false), check_string(L, 2));
  return 1;
}

int l_newindex(lua_State* L) {
  HeaderMap& fields = check_fields(L, true);
  const std::string_view name = check_string(L, 2);
  if (!is_token(name)) raise_fault(L, HttpFault{HttpErrc::InvalidHeader, "not a header name", {}});
  assign_field(L, 3, fields, name);
  if (!check_object<HeadersHandle>(L, 1, headers_class()).message->account())
    raise_errno(L, ENOMEM);
  return 0;
}

/// next(headers, name): each name once, in the order of its first field.
int l_next(lua_State* L) {
  const HeaderMap& fields = check_fields(L, false);
  std::size_t i = 0;
  if (!lua_isnoneornil(L, 2)) i = fields.find(check_string(L, 2)) + 1;
  while (i < fields.size() && fields.find(fields[i].name) != i) ++i;
  if (i >= fields.size()) {
    lua_pushnil(L);
    return 1;
  }
  const std::string_view name = fields[i].name;
  lua_pushlstring(L, name.data(), name.size());
  push_values(L, fields, name);
  return 2;
}

int l_pairs(lua_State* L) {
  check_fields(L, false);
  lua_pushcfunction(L, l_next);
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

int l_eq(lua_State* L) {
  const auto* a = test_object<HeadersHandle>(L, 1, headers_class());
  const auto* b = test_object<HeadersHandle>(L, 2, headers_class());
  lua_pushboolean(L,
                  a != nullptr && b != nullptr && a->message == b->message && a->which == b->which);
  return 1;
}

}  // namespace

const LuaClass& headers_class() {
  static constexpr LuaClass kClass{
      "perilune.http.headers",      "http.headers", {}, {}, {}, l_index, l_newindex,
      collect_object<HeadersHandle>};
  return kClass;
}

void push_headers(lua_State* L, const MessagePtr& message, FieldTable which) {
  push_object<HeadersHandle>(L, headers_class(), message, which);
  lua_getmetatable(L, -1);
  lua_getfield(L, -1, "__pairs");
  if (lua_isnil(L, -1)) {
    lua_pushcfunction(L, l_pairs);
    lua_setfield(L, -3, "__pairs");
    lua_pushcfunction(L, l_eq);
    lua_setfield(L, -3, "__eq");
  }
  lua_pop(L, 2);
}

void assign_headers(lua_State* L, int index, HttpMessage& message, FieldTable which) {
  HeaderMap& fields = fields_of(message, which);
  if (lua_isnil(L, index)) {
    fields.clear();
    return;
  }
  if (const auto* other = test_object<HeadersHandle>(L, index, headers_class())) {
    check_unlocked(L, *other->message, false);
    const HeaderMap copy = fields_of(*other->message, other->which);
    fields = copy;
    return;
  }
  luaL_checktype(L, index, LUA_TTABLE);
  fields.clear();
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    if (lua_type(L, -2) != LUA_TSTRING) raise_bad_argument(L, index);
    const std::string_view name = check_string(L, -2);
    if (!is_token(name))
      raise_fault(L, HttpFault{HttpErrc::InvalidHeader, "not a header name", {}});
    assign_field(L, lua_gettop(L), fields, name);
    lua_pop(L, 1);
  }
}

}  // namespace perilune::runtime
