#pragma once

/// @file
/// Makes a page of docs/reference out of the tables that register a module's functions.

#include <string>

#include "runtime/script/lua_class.hpp"

namespace perilune::test {

inline void append_functions(std::string& page, std::span<const runtime::LuaFunction> functions) {
  bool open = false;
  for (const auto& function : functions) {
    if (*function.usage == '\0') continue;
    if (!open) page += "\n| call | what it does |\n|---|---|\n";
    open = true;
    std::string usage = function.usage;
    for (std::size_t at = usage.find('|'); at != std::string::npos; at = usage.find('|', at + 2))
      usage.insert(at, 1, '\\');
    page += "| `" + usage + "` | " + (function.suspends ? "**Suspends.** " : "") + function.help +
            " |\n";
  }
}

inline void append_properties(std::string& page, const runtime::LuaClass& entry) {
  bool open = false;
  for (const auto& property : entry.readable) {
    if (*property.help == '\0') continue;
    if (!open) page += "\n| property | what it is |\n|---|---|\n";
    open = true;
    bool writable = false;
    for (const auto& other : entry.writable)
      writable = writable || std::string{other.name} == property.name;
    page += std::string{"| `"} + property.name + "`" + (writable ? " (writable)" : "") + " | " +
            property.help + " |\n";
  }
}

/// The page's whole text.
inline std::string lua_reference_page(const runtime::ModuleReference& module) {
  const std::string name = module.name;
  std::string page = "# " + (module.global ? "`" + name + "`" : "`require '" + name + "'`") + "\n";
  if (module.engine_only) page += "\nOnly under `perilune run`, not in hosted apps.\n";
  page += std::string{"\n"} + module.summary + "\n";
  append_functions(page, module.functions);
  for (const auto* entry : module.classes) {
    page += std::string{"\n## "} + entry->shown + "\n";
    if (*entry->help != '\0') page += std::string{"\n"} + entry->help + "\n";
    append_functions(page, entry->methods);
    append_properties(page, *entry);
  }
  return page;
}

}  // namespace perilune::test
