#pragma once

/// @file
/// Private to regex.cpp: the table that `regex.new` takes, and the words of its page.

#include <string_view>

#include "runtime/modules/regex_syntax.hpp"

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

struct RegexOptions {
  std::string_view pattern;  ///< on the Lua stack
  RegexSyntax syntax;
  bool optimize = false;
};

/// Reads the table at `index` and leaves the pattern on the stack. EINVAL with the option's name.
[[nodiscard]] RegexOptions check_regex_options(lua_State* L, int index);
[[nodiscard]] const char* regex_grammar_name(RegexGrammar grammar) noexcept;

/// Raises EINVAL with `arg` set to an option's name.
[[noreturn]] void raise_bad_option(lua_State* L, const char* name);

extern const char* const kRegexSummary;

}  // namespace perilune::runtime
