#include "runtime/engine/plugin_value.hpp"

#include <cerrno>
#include <lua.hpp>
#include <new>
#include <span>

#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

/// Key in a class' metatable of the class itself; what has it is an object of a plugin.
const char kClassKey = 0;

struct PluginObject {
  void* data = nullptr;
};

void* light(const void* pointer) { return const_cast<void*>(pointer); }

int collect(lua_State* L) {
  void* data = nullptr;
  const perilune_class* of = plugin_object(L, 1, data);
  if (of == nullptr || data == nullptr) return 0;
  static_cast<PluginObject*>(lua_touserdata(L, 1))->data = nullptr;
  if (of->finalise != nullptr) of->finalise(data);
  return 0;
}

/// Upvalue: the methods.
int index(lua_State* L) {
  lua_settop(L, 2);
  lua_rawget(L, lua_upvalueindex(1));
  if (lua_isnil(L, -1)) raise_core(L, CoreError::BadIndex);
  return 1;
}

int newindex(lua_State* L) { raise_errno(L, EPERM); }

void push_metatable(lua_State* L, const perilune_class& of) {
  lua_pushlightuserdata(L, light(&of));
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (lua_istable(L, -1)) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushlightuserdata(L, light(&kClassKey));
  lua_pushlightuserdata(L, light(&of));
  lua_rawset(L, -3);
  lua_pushstring(L, of.name);
  lua_setfield(L, -2, "__metatable");
  lua_newtable(L);
  for (const perilune_entry& entry : std::span{of.methods, of.method_count}) {
    push_plugin_function(L, entry);
    lua_setfield(L, -2, entry.name);
  }
  lua_pushcclosure(L, index, 1);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, newindex);
  lua_setfield(L, -2, "__newindex");
  lua_pushcfunction(L, collect);
  lua_setfield(L, -2, "__gc");
  lua_pushlightuserdata(L, light(&of));
  lua_pushvalue(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

void finalise(const perilune_value& value) noexcept {
  if (value.type != PERILUNE_OBJECT || value.as.object.data == nullptr) return;
  if (value.as.object.of->finalise != nullptr) value.as.object.of->finalise(value.as.object.data);
}

}  // namespace

const perilune_class* plugin_object(lua_State* L, int index, void*& data) noexcept {
  void* memory = lua_touserdata(L, index);
  if (memory == nullptr || lua_islightuserdata(L, index) || lua_getmetatable(L, index) == 0)
    return nullptr;
  lua_pushlightuserdata(L, light(&kClassKey));
  lua_rawget(L, -2);
  const auto* of = static_cast<const perilune_class*>(lua_touserdata(L, -1));
  lua_pop(L, 2);
  if (of != nullptr) data = static_cast<PluginObject*>(memory)->data;
  return of;
}

bool PluginValue::is_result(const perilune_value& value) noexcept {
  if (value.type == PERILUNE_OBJECT) return value.as.object.of != nullptr;
  return value.type <= PERILUNE_STRING;
}

PluginValue::PluginValue(const perilune_value& value) : value_{value} {
  if (value.type == PERILUNE_STRING && value.as.string.size > 0)
    text_.assign(value.as.string.data, value.as.string.size);
}

PluginValue::PluginValue(PluginValue&& other) noexcept
    : value_{std::exchange(other.value_, perilune_value{})}, text_{std::move(other.text_)} {}

PluginValue::~PluginValue() { finalise(value_); }

void PluginValue::push(lua_State* L) {
  switch (value_.type) {
    case PERILUNE_BOOLEAN: return lua_pushboolean(L, value_.as.boolean != 0 ? 1 : 0);
    case PERILUNE_NUMBER: return lua_pushnumber(L, value_.as.number);
    case PERILUNE_STRING: return lua_pushlstring(L, text_.data(), text_.size());
    case PERILUNE_OBJECT: {
      auto* object = ::new (lua_newuserdata(L, sizeof(PluginObject))) PluginObject;
      push_metatable(L, *value_.as.object.of);
      lua_setmetatable(L, -2);
      object->data = value_.as.object.data;
      value_ = {};
      return;
    }
    default: return lua_pushnil(L);
  }
}

void PluginOutcome::add(const perilune_value* values, std::size_t count) noexcept {
  for (const perilune_value& value : std::span{values, count}) {
    if (!PluginValue::is_result(value)) {
      fail(kGenericCategory, EINVAL, "the plugin gave a value that is none");
      continue;
    }
    try {
      results.reserve(results.size() + 1);
      results.emplace_back(value);
    } catch (const std::bad_alloc&) {
      finalise(value);
      fail(kGenericCategory, ENOMEM, nullptr);
    }
  }
}

void PluginOutcome::fail(const char* category, int code, const char* message) noexcept {
  try {
    PluginError made{category == nullptr ? kGenericCategory : category, code, {}, 0};
    if (message != nullptr) made.message = message;
    error = std::move(made);
  } catch (const std::bad_alloc&) {
    error = PluginError{{}, ENOMEM, {}, 0};
  }
}

int PluginOutcome::push(lua_State* L) {
  if (error) {
    const char* message = error->message ? error->message->c_str() : nullptr;
    push_code(L, error->category.empty() ? kGenericCategory : error->category.c_str(), error->code,
              message);
    if (error->argument > 0) {
      lua_pushinteger(L, error->argument);
      lua_setfield(L, -2, "arg");
    }
    return lua_error(L);
  }
  constexpr std::size_t kMost = 8000;  // LuaJIT's C stack limit
  if (results.size() > kMost) luaL_error(L, "too many results of a plugin");
  luaL_checkstack(L, static_cast<int>(results.size()) + 8, "results of a plugin");
  for (PluginValue& value : results) value.push(L);
  return static_cast<int>(results.size());
}

}  // namespace perilune::runtime
