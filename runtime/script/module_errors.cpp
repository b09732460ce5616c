#include "runtime/script/module_errors.hpp"

#include <algorithm>
#include <lua.hpp>

namespace perilune::runtime {
namespace {

constexpr std::size_t kMaxFilesNamed = 9;

std::string reason(CoreError code, std::string_view name) {
  const std::string quoted = quoted_name(name);
  switch (code) {
    case CoreError::LeafCannotImportChild:
      return quoted +
             ": only an init.lua or the start file has children; write '../' for a file beside "
             "this one, or '/' from the root";
    case CoreError::RootCannotImportParent:
      return quoted + " lies above the root of the program or package";
    case CoreError::CyclicImport:
      return "cyclic import: " + quoted + " is still being loaded by this chain of imports";
    case CoreError::CurrentModuleNotKnown:
      return "current module not known: the _FILE of this environment names no module of this VM, "
             "so " +
             quoted + " has nothing to be relative to";
    default:
      return "invalid module name " + quoted +
             ": components are letters, digits and '_', without an ending";
  }
}

}  // namespace

std::string quoted_name(std::string_view name) {
  std::string text = "'";
  for (const char c : name.substr(0, 80)) text += c >= 0 && (c < ' ' || c == 127) ? '?' : c;
  return text + (name.size() > 80 ? "…'" : "'");
}

void raise_import(lua_State* L, CoreError code, std::string_view name, const std::string& why) {
  push_code(L, kCoreCategory, static_cast<int>(code), why.c_str());
  lua_pushlstring(L, name.data(), std::min<std::size_t>(name.size(), 255));
  lua_setfield(L, -2, "module");
  lua_error(L);
  __builtin_unreachable();
}

void raise_import(lua_State* L, CoreError code, std::string_view name) {
  raise_import(L, code, name, reason(code, name));
}

void raise_external_not_found(lua_State* L, std::string_view name,
                              std::span<const std::string> looked_for, bool engine) {
  std::string why = "module not found: ";
  if (looked_for.empty()) {
    const std::string own = engine ? "program" : "app";
    why += "no built-in module is called " + quoted_name(name);
    if (engine) why += ", and neither PERILUNE_PATH nor EMILUA_PATH names a folder of packages";
    why += "; a file of the " + own + " is imported as './" + std::string{name} + "' or '/" +
           std::string{name} + "'";
  } else {
    why += quoted_name(name) + " is no built-in module; looked for ";
    const std::size_t shown = std::min(looked_for.size(), kMaxFilesNamed);
    for (std::size_t i = 0; i < shown; ++i) why += (i == 0 ? "" : ", ") + looked_for[i];
    if (shown < looked_for.size())
      why += " and in " + std::to_string((looked_for.size() - shown) / 3) + " more folders";
  }
  raise_import(L, CoreError::ModuleNotFound, name, why);
}

}  // namespace perilune::runtime
