#pragma once

/// @file
/// `require 'regex'`: POSIX and ECMAScript regular expressions in linear time.

#include "runtime/modules/regex_program.hpp"
#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

int open_regex(lua_State* L);
extern const ModuleReference kRegexReference;

/// The regex at `index`, or nullptr.
[[nodiscard]] const RegexProgram* test_regex(lua_State* L, int index) noexcept;
/// `program.search` under the VM's budget, with every failure as a Lua error; false: no match.
[[nodiscard]] bool search_regex(lua_State* L, const RegexProgram& program, std::string_view text,
                                std::size_t from, bool with_groups, RegexProgram::Pieces& pieces);
/// `regex.split` and `regex.patsplit`: (regex, subject) -> list.
int regex_split(lua_State* L);
int regex_patsplit(lua_State* L);

}  // namespace perilune::runtime
