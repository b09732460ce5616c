#include "runtime/script/modules.hpp"

#include <algorithm>
#include <array>
#include <lua.hpp>
#include <memory>
#include <optional>
#include <unordered_map>

#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/import.hpp"
#include "runtime/script/library.hpp"
#include "runtime/script/load.hpp"
#include "runtime/script/module_errors.hpp"
#include "runtime/script/module_path.hpp"
#include "runtime/script/module_seal.hpp"
#include "runtime/vm/invocation.hpp"
#include "runtime/vm/operation.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

class ModuleWait;

/// The imports that wait for another fiber's import, by the fiber that waits.
struct ModuleWaits {
  explicit ModuleWaits(Vm&) {}
  std::unordered_map<std::uint32_t, ModuleWait*> by_fiber;
  std::uint64_t order = 0;
};

ModuleWaits& waits_of(lua_State* L) { return Vm::of(L).slot<ModuleWaits>(); }

/// A fiber that needs a module whose body another fiber is running.
class ModuleWait final : public Operation {
 public:
  ModuleWait(ModuleWaits& waits, std::uint32_t waiter, std::string key, std::string name,
             std::uint32_t loader, Scheduler& scheduler)
      : waits_{waits},
        scheduler_{scheduler},
        key_{std::move(key)},
        name_{std::move(name)},
        waiter_{waiter},
        loader_{loader},
        order_{++waits.order} {
    waits_.by_fiber[waiter_] = this;
  }
  ~ModuleWait() override { waits_.by_fiber.erase(waiter_); }

  [[nodiscard]] const char* name() const noexcept override { return "require"; }
  [[nodiscard]] std::string resource() const override {
    return "module " + quoted_name(name_) + ", loaded by fiber " + std::to_string(loader_);
  }
  [[nodiscard]] bool internal() const noexcept override { return true; }
  [[nodiscard]] const Fiber* holder() const noexcept override {
    // By number: a body that runs in a coroutine may have been left behind by its fiber.
    const Fiber* fiber = scheduler_.first();
    while (fiber != nullptr && fiber->id != loader_) fiber = fiber->next;
    return fiber;
  }
  void cancel() noexcept override { complete_cancelled(); }
  int finish(lua_State*) override { return 0; }

  [[nodiscard]] const std::string& key() const noexcept { return key_; }
  [[nodiscard]] std::uint32_t loader() const noexcept { return loader_; }
  [[nodiscard]] std::uint64_t order() const noexcept { return order_; }
  void loaded() noexcept { complete(); }

 private:
  ModuleWaits& waits_;
  Scheduler& scheduler_;
  std::string key_;
  std::string name_;
  std::uint32_t waiter_;
  std::uint32_t loader_;
  std::uint64_t order_;
};

std::string_view check_text(lua_State* L, int index) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(L, index, &size);
  return {text, size};
}

void push(lua_State* L, std::string_view text) { lua_pushlstring(L, text.data(), text.size()); }

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
    seal_module(L, found->name);
  } else if (!push_preloaded(L, name.data())) {
    return 0;
  }
  lua_pushvalue(L, 1);
  lua_pushvalue(L, -2);
  lua_rawset(L, lua_upvalueindex(1));
  return 1;
}

int raise_unknown(lua_State* L) {
  raise_import(L, CoreError::CurrentModuleNotKnown, check_text(L, 1));
}

/// Finds package `name` ("p" or "p/x/y"): id, root, path and kind as results of `locate`.
int locate_package(lua_State* L, std::string_view name) {
  const ModuleSearch& search = Vm::of(L).slot<ModuleSearch>();
  const auto slash = name.find('/');
  const std::string package{name.substr(0, slash)};
  const std::string id{slash == std::string_view::npos ? "" : name.substr(slash + 1)};
  const auto last = name.rfind('/');
  const auto base = last == std::string_view::npos ? 0 : last + 1;
  std::vector<std::string> looked_for;
  for (const std::string& folder : search.path) {
    const std::string file = folder + std::string{name};
    std::array<std::pair<std::string, const char*>, 3> candidates{
        {{file + ".lua", "leaf"},
         {file + "/init.lua", id.empty() ? "start" : "init"},
         {folder + std::string{name.substr(0, base)} + "lib" + std::string{name.substr(base)} +
              ".so",
          "plugin"}}};
    for (auto& [path, kind] : candidates) {
      if (search.exists != nullptr && search.exists(path)) {
        push(L, id);
        push(L, folder + package + "/");
        push(L, path);
        lua_pushstring(L, kind);
        return 4;
      }
      looked_for.push_back(std::move(path));
    }
  }
  const bool engine = Vm::of(L).config().profile == Profile::Engine;
  raise_external_not_found(L, name, looked_for, engine);
}

/// (name, id of the importer, its kind, its root) -> id, root [, path, kind: of a package].
int locate(lua_State* L) {
  const std::string_view name = check_text(L, 1);
  const std::string_view kind = check_text(L, 3);
  const ModuleKind importer = kind == "start"  ? ModuleKind::Start
                              : kind == "init" ? ModuleKind::Init
                                               : ModuleKind::Leaf;
  const auto found = locate_module(name, check_text(L, 2), importer);
  if (const auto* code = std::get_if<CoreError>(&found)) {
    if (*code == CoreError::ModuleNotFound) return locate_package(L, name);
    raise_import(L, *code, name);
  }
  push(L, std::get<std::string>(found));
  lua_pushvalue(L, 4);
  return 2;
}

/// Pushes the environment of a file: the globals, `_FILE` and `_CONTEXT`.
void push_environment(lua_State* L, const std::string& path, std::string_view context) {
  lua_createtable(L, 0, 64);
  lua_pushnil(L);
  while (lua_next(L, LUA_GLOBALSINDEX) != 0) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
  push(L, path);
  lua_setfield(L, -2, "_FILE");
  push(L, context);
  lua_setfield(L, -2, "_CONTEXT");
}

/// (name, id, root, path or nil, kind or nil, context) -> function, environment, kind, path; of a
/// plugin: module, nil, kind, path.
int load_module(lua_State* L) {
  const std::string_view name = check_text(L, 1);
  const std::string base = std::string{check_text(L, 3)} + std::string{check_text(L, 2)};
  const char* kind = luaL_optstring(L, 5, "leaf");
  std::string path = luaL_optstring(L, 4, (base + ".lua").c_str());
  Vm& vm = Vm::of(L);
  if (kind == std::string_view{"plugin"}) {
    vm.slot<ModuleSearch>().open_plugin(L, path);
    seal_module(L, path.c_str());
    lua_pushnil(L);
  } else {
    std::optional<std::string> source = vm.host().read_source(path);
    if (!source && lua_isnoneornil(L, 4)) {
      kind = "init";
      path = base + "/init.lua";
      source = vm.host().read_source(path);
    }
    if (!source) {
      raise_import(L, CoreError::ModuleNotFound, name,
                   "module not found: " + quoted_name(name) + " (looked for " + base + ".lua and " +
                       base + "/init.lua)");
    }
    if (!push_chunk(L, *source, path)) return lua_error(L);
    push_environment(L, path, check_text(L, 6));
    lua_pushvalue(L, -1);
    lua_setfenv(L, -3);
  }
  lua_pushstring(L, kind);
  push(L, path);
  return 4;
}

/// () -> the running fiber's number.
int fiber_number(lua_State* L) {
  const Fiber* fiber = Scheduler::of(L).current();
  lua_pushnumber(L, fiber == nullptr ? 0 : fiber->id);
  return 1;
}

/// (error) -> true if it is the importer that is ended, and not the module that failed.
int aborted(lua_State* L) {
  const Fiber* fiber = Scheduler::of(L).current();
  bool ended = false;
  if (fiber != nullptr) {
    const Invocation* invocation = fiber->invocation;
    ended =
        invocation != nullptr && (invocation->verdict() != Outcome::Ok || invocation->over_cpu());
    ended = ended || (fiber->interrupted &&
                      is_code(L, 1, kCoreCategory, static_cast<int>(CoreError::Interrupted)));
  }
  lua_pushboolean(L, ended ? 1 : 0);
  return 1;
}

/// (key, name, loader): suspends until the module is loaded or has failed. Raises cyclic_import if
/// its loader waits, through any number of imports, for this fiber, or if it is the start file,
/// which nobody loads (0).
int wait(lua_State* L) {
  const std::string_view key = check_text(L, 1);
  const std::string_view name = check_text(L, 2);
  const auto loader = static_cast<std::uint32_t>(luaL_checknumber(L, 3));
  Scheduler& scheduler = Scheduler::of(L);
  if (loader == 0) raise_import(L, CoreError::CyclicImport, name);
  scheduler.check_may_suspend(L, "require", true);
  const std::uint32_t self = scheduler.current()->id;
  ModuleWaits& waits = waits_of(L);
  std::uint32_t next = loader;
  for (std::size_t i = 0; i <= waits.by_fiber.size(); ++i) {
    if (next == self) raise_import(L, CoreError::CyclicImport, name);
    const auto found = waits.by_fiber.find(next);
    if (found == waits.by_fiber.end() || found->second->completed()) break;
    next = found->second->loader();
  }
  return suspend(L, std::make_unique<ModuleWait>(waits, self, std::string{key}, std::string{name},
                                                 loader, scheduler));
}

int wake(lua_State* L) {
  const std::string_view key = check_text(L, 1);
  std::vector<ModuleWait*> woken;
  for (const auto& [fiber, waiter] : waits_of(L).by_fiber) {
    if (waiter->key() == key) woken.push_back(waiter);
  }
  std::sort(woken.begin(), woken.end(),
            [](const auto* a, const auto* b) { return a->order() < b->order(); });
  for (ModuleWait* waiter : woken) waiter->loaded();
  return 0;
}

constexpr std::array<luaL_Reg, 7> kFunctions{{{"locate", locate},
                                              {"load_module", load_module},
                                              {"raise_unknown", raise_unknown},
                                              {"fiber", fiber_number},
                                              {"aborted", aborted},
                                              {"wake", wake},
                                              {nullptr, nullptr}}};

/// The start file, for when the first module is imported.
struct StartFile {
  explicit StartFile(Vm&) {}
  std::string id, root, path;
  const char* context = "";
};

}  // namespace

// () -> the functions by name. The first of them was called.
int load_functions(lua_State* L) {
  push_import(L);
  push_primitives(L);
  luaL_register(L, nullptr, kFunctions.data());
  lua_newtable(L);
  lua_pushcclosure(L, native_module, 1);
  lua_setfield(L, -2, "native");
  push_suspending(L, wait, 0);
  lua_setfield(L, -2, "wait");
  lua_pushvalue(L, LUA_GLOBALSINDEX);
  lua_call(L, 2, 1);
  const StartFile& start = Vm::of(L).slot<StartFile>();
  push(L, start.id);
  push(L, start.root);
  push(L, start.path);
  lua_pushstring(L, start.context);
  lua_call(L, 4, 1);
  return 1;
}

bool push_start(Vm& vm, lua_State* L, std::string_view source, const std::string& path,
                const char* context) {
  if (!push_chunk(L, source, path)) return false;
  if (vm.slot<ModuleSearch>().test && context == std::string_view{"main"}) context = "test";
  const auto slash = path.rfind('/');
  const std::size_t root = slash == std::string::npos ? 0 : slash + 1;
  StartFile& start = vm.slot<StartFile>();
  start.id = module_id(std::string_view{path}.substr(root));
  start.root = path.substr(0, root);
  start.path = path;
  start.context = context;
  push_environment(L, path, context);
  lua_pushvalue(L, -1);
  call_prelude(L, "bind", 1, 0);
  lua_setfenv(L, -2);
  return true;
}

}  // namespace perilune::runtime
