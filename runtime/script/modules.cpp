#include "runtime/script/modules.hpp"

#include <algorithm>
#include <array>
#include <lua.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/script/errors.hpp"
#include "runtime/script/library.hpp"
#include "runtime/script/load.hpp"
#include "runtime/script/module_functions.hpp"
#include "runtime/script/module_path.hpp"
#include "runtime/vm/operation.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

class ModuleWait;

/// What `require` knows in one VM.
struct Modules {
  explicit Modules(Vm&) {}
  std::string root;  ///< folder of the start file, "" or with a slash at its end
  std::vector<ModuleWait*> waiting;
};

Modules& modules_of(lua_State* L) { return Vm::of(L).slot<Modules>(); }

/// A fiber that needs a module whose body another fiber is running.
class ModuleWait final : public Operation {
 public:
  ModuleWait(Modules& modules, std::string id) : modules_{modules}, id_{std::move(id)} {
    modules_.waiting.push_back(this);
  }
  ~ModuleWait() override { std::erase(modules_.waiting, this); }

  [[nodiscard]] const char* name() const noexcept override { return "require"; }
  [[nodiscard]] std::string resource() const override { return "module " + id_; }
  void cancel() noexcept override { complete_cancelled(); }
  int finish(lua_State*) override { return 0; }

  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  void loaded() noexcept { complete(); }

 private:
  Modules& modules_;
  std::string id_;
};

std::string_view check_text(lua_State* L, int index) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(L, index, &size);
  return {text, size};
}

/// LuaJIT's own extra modules ("string.buffer", "table.new"): only the engine has the table.
bool push_preloaded(lua_State* L, const char* name) {
  lua_getfield(L, LUA_REGISTRYINDEX, "_PRELOAD");
  if (!lua_istable(L, -1)) return false;
  lua_getfield(L, -1, name);
  if (!lua_isfunction(L, -1)) return false;
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
  return true;
}

/// (name) -> the built-in module, or nil. Upvalue: those already opened.
int native_module(lua_State* L) {
  const std::string_view name = check_text(L, 1);
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  lua_rawget(L, lua_upvalueindex(1));
  if (!lua_isnil(L, 2)) return 1;
  if (const NativeModule* found = Vm::of(L).find_module(name)) {
    lua_pushcfunction(L, found->open);
    lua_call(L, 0, 1);
  } else if (!push_preloaded(L, name.data())) {
    return 0;
  }
  lua_pushvalue(L, 1);
  lua_pushvalue(L, -2);
  lua_rawset(L, lua_upvalueindex(1));
  return 1;
}

/// Raises a core error with the field `module` and a sentence that says what was looked for.
[[noreturn]] void raise_import(lua_State* L, CoreError code, std::string_view name,
                               const std::string& why) {
  push_code(L, kCoreCategory, static_cast<int>(code), why.c_str());
  lua_pushlstring(L, name.data(), std::min<std::size_t>(name.size(), 255));
  lua_setfield(L, -2, "module");
  lua_error(L);
  __builtin_unreachable();
}

std::string quoted(std::string_view name) {
  std::string text = "'";
  for (const char c : name.substr(0, 80)) text += c < ' ' ? '?' : c;
  return text + (name.size() > 80 ? "…'" : "'");
}

std::string reason(CoreError code, std::string_view name) {
  switch (code) {
    case CoreError::ModuleNotFound:
      return "module not found: no built-in module is called " + quoted(name) +
             "; a file of the app is imported as './" + std::string{name} + "' or '/" +
             std::string{name} + "'";
    case CoreError::LeafCannotImportChild:
      return quoted(name) +
             ": only an init.lua or the start file has children; write '../' for a "
             "file beside this one, or '/' from the root";
    case CoreError::RootCannotImportParent: return quoted(name) + " lies above the root of the app";
    default:
      return "invalid module name " + quoted(name) +
             ": components are letters, digits and '_', without an ending";
  }
}

/// (name, id of the importer, its kind) -> id.
int locate(lua_State* L) {
  const std::string_view name = check_text(L, 1);
  const std::string_view from = check_text(L, 2);
  const std::string_view kind = check_text(L, 3);
  const ModuleKind importer = kind == "start"  ? ModuleKind::Start
                              : kind == "init" ? ModuleKind::Init
                                               : ModuleKind::Leaf;
  const auto found = locate_module(name, from, importer);
  if (const auto* code = std::get_if<CoreError>(&found))
    raise_import(L, *code, name, reason(*code, name));
  const auto& id = std::get<std::string>(found);
  lua_pushlstring(L, id.data(), id.size());
  return 1;
}

/// Pushes the environment of a file: the globals, `_FILE` and `_CONTEXT`.
void push_environment(lua_State* L, const std::string& path, const char* context) {
  lua_createtable(L, 0, 64);
  lua_pushnil(L);
  while (lua_next(L, LUA_GLOBALSINDEX) != 0) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
  lua_pushlstring(L, path.data(), path.size());
  lua_setfield(L, -2, "_FILE");
  lua_pushstring(L, context);
  lua_setfield(L, -2, "_CONTEXT");
}

/// (name, id) -> function, environment, kind.
int load_module(lua_State* L) {
  const std::string_view name = check_text(L, 1);
  const std::string id{check_text(L, 2)};
  Vm& vm = Vm::of(L);
  const std::string& root = modules_of(L).root;
  const char* kind = "leaf";
  std::string path = root + id + ".lua";
  std::optional<std::string> source = vm.host().read_source(path);
  if (!source) {
    kind = "init";
    path = root + id + "/init.lua";
    source = vm.host().read_source(path);
  }
  if (!source) {
    raise_import(L, CoreError::ModuleNotFound, name,
                 "module not found: " + quoted(name) + " (looked for " + root + id + ".lua and " +
                     path + ")");
  }
  if (!push_chunk(L, *source, path)) return lua_error(L);
  push_environment(L, path, "");
  lua_pushvalue(L, -1);
  lua_setfenv(L, -3);
  lua_pushstring(L, kind);
  return 3;
}

int raise_cyclic(lua_State* L) {
  const std::string_view name = check_text(L, 1);
  raise_import(
      L, CoreError::CyclicImport, name,
      "cyclic import: " + quoted(name) + " is still being loaded by this chain of imports");
}

int wait(lua_State* L) {
  return suspend(L, std::make_unique<ModuleWait>(modules_of(L), std::string{check_text(L, 1)}));
}

int wake(lua_State* L) {
  const std::string_view id = check_text(L, 1);
  for (ModuleWait* waiter : modules_of(L).waiting) {
    if (waiter->id() == id) waiter->loaded();
  }
  return 0;
}

constexpr std::array<luaL_Reg, 5> kFunctions{{{"locate", locate},
                                              {"load_module", load_module},
                                              {"raise_cyclic", raise_cyclic},
                                              {"wake", wake},
                                              {nullptr, nullptr}}};

}  // namespace

void register_module_functions(lua_State* L) {
  luaL_register(L, nullptr, kFunctions.data());
  lua_newtable(L);
  lua_pushcclosure(L, native_module, 1);
  lua_setfield(L, -2, "native");
}

void open_modules(lua_State* L) {
  push_primitives(L);
  push_suspending(L, wait, 0);
  lua_setfield(L, -2, "wait");
  lua_pop(L, 1);
}

bool push_start(Vm& vm, lua_State* L, std::string_view source, const std::string& path,
                const char* context) {
  if (!push_chunk(L, source, path)) return false;
  const auto slash = path.rfind('/');
  std::string& root = vm.slot<Modules>().root;
  root = slash == std::string::npos ? std::string{} : path.substr(0, slash + 1);
  push_environment(L, path, context);
  lua_pushvalue(L, -1);
  const std::string id = module_id(std::string_view{path}.substr(root.size()));
  lua_pushlstring(L, id.data(), id.size());
  call_prelude(L, "start", 2, 0);
  lua_setfenv(L, -2);
  return true;
}

}  // namespace perilune::runtime
