#pragma once

/// @file
/// What a failed `require` says: core error codes with the field `module` and a sentence.

#include <span>
#include <string>
#include <string_view>

#include "runtime/script/errors.hpp"

namespace perilune::runtime {

/// Raises `code` with the field `module` (at most 255 bytes of `name`) and `why` as its text.
[[noreturn]] void raise_import(lua_State* L, CoreError code, std::string_view name,
                               const std::string& why);
/// The same with the sentence that belongs to the code.
[[noreturn]] void raise_import(lua_State* L, CoreError code, std::string_view name);
/// module_not_found for an external name. `looked_for`: the files that are not there; empty if
/// there is no folder to search, then `engine` says whether there could be one.
[[noreturn]] void raise_external_not_found(lua_State* L, std::string_view name,
                                           std::span<const std::string> looked_for, bool engine);

/// "'name'", shortened and printable.
[[nodiscard]] std::string quoted_name(std::string_view name);

}  // namespace perilune::runtime
