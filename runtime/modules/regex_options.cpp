#include "runtime/modules/regex_options.hpp"

#include <array>
#include <cerrno>
#include <lua.hpp>

#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

struct GrammarName {
  const char* name;
  RegexGrammar grammar;
};
constexpr std::array<GrammarName, 3> kGrammars{{{"basic", RegexGrammar::Basic},
                                                {"extended", RegexGrammar::Extended},
                                                {"ecma", RegexGrammar::Ecma}}};

RegexGrammar check_grammar(lua_State* L) {
  if (lua_type(L, -1) == LUA_TSTRING) {
    for (const GrammarName& row : kGrammars) {
      if (std::string_view{lua_tostring(L, -1)} == row.name) return row.grammar;
    }
  }
  raise_bad_option(L, "grammar");
}

/// The value is on top; the key is a string.
void read_option(lua_State* L, std::string_view name, RegexOptions& options, int pattern) {
  const auto flag = [&](const char* own) {
    if (lua_type(L, -1) != LUA_TBOOLEAN) raise_bad_option(L, own);
    return lua_toboolean(L, -1) != 0;
  };
  if (name == "pattern") {
    if (lua_type(L, -1) != LUA_TSTRING) raise_bad_option(L, "pattern");
    lua_pushvalue(L, -1);
    lua_replace(L, pattern);
  } else if (name == "grammar") {
    options.syntax.grammar = check_grammar(L);
  } else if (name == "ignore_case") {
    options.syntax.ignore_case = flag("ignore_case");
  } else if (name == "nosubs") {
    options.syntax.nosubs = flag("nosubs");
  } else if (name == "optimize") {
    options.optimize = flag("optimize");
  } else {
    raise_bad_option(L, lua_tostring(L, -2));
  }
}

}  // namespace

void raise_bad_option(lua_State* L, const char* name) {
  lua_pushstring(L, name);
  push_code(L, kGenericCategory, EINVAL, lua_pushfstring(L, "Invalid argument: option '%s'", name));
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "arg");
  lua_error(L);
  __builtin_unreachable();
}

RegexOptions check_regex_options(lua_State* L, int index) {
  luaL_checktype(L, index, LUA_TTABLE);
  lua_settop(L, index);
  RegexOptions options;
  lua_pushnil(L);
  const int pattern = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    if (lua_type(L, -2) != LUA_TSTRING) raise_bad_argument(L, index);
    read_option(L, lua_tostring(L, -2), options, pattern);
    lua_pop(L, 1);
  }
  if (lua_isnil(L, pattern)) raise_bad_option(L, "pattern");
  std::size_t size = 0;
  const char* text = lua_tolstring(L, pattern, &size);
  options.pattern = {text, size};
  return options;
}

const char* regex_grammar_name(RegexGrammar grammar) noexcept {
  return kGrammars[static_cast<std::size_t>(grammar)].name;
}

const char* const kRegexSummary =
    R"(Regular expressions over bytes, in time linear in the subject. There are three grammars, as in C++'s
`std::regex`; a pattern that only back-tracking could match is refused when it is made.

```lua
local regex = require 'regex'
local pair = regex.new{ pattern = [[(\w+)=([^;]*)]] }
print(regex.match(pair, 'name=value'))            --> name  value
local m = regex.search(pair, 'x; name=value')
print(m[1].start, m[1].end_)                      --> 4  7
```

## What differs from std::regex

| | `std::regex` | here |
|---|---|---|
| time | exponential in the worst case | linear |
| back references `\1`, look-ahead `(?=…)` `(?!…)` | matched | refused: EINVAL whose `reason` says so, with the `offset` |
| "basic", "extended": which of several matches | the first found | the leftmost, then the longest, as POSIX says |
| "basic", "extended": groups inside the longest match | rules of POSIX, mostly | those of the first way to match it; give up the group or use "ecma" where it matters |
| "ecma": which match | the first in the pattern's order | the same; `*?`, `+?`, `??`, `{n,m}?` are lazy |
| `.` | "ecma": not `\n` `\r`; POSIX: any | the same; `\0` is a byte like another |
| `^`, `$` | begin and end of the subject | the same; no line mode |
| classes, `\w`, `ignore_case` | of the locale | of ASCII; a pattern and a subject are bytes, so a character of UTF-8 beyond ASCII is several |
| `[[.x.]]`, `[[=x=]]` | names of the locale | one byte |
| `{n}` | any number | up to 1,000, nested repetitions multiplied |
| size of a pattern | memory | 4,096 bytes, 50 groups, 100 nested, 5,000 ranges of bytes (a letter is one, `\w` four) with repetitions written out |
| `a**` in POSIX grammars, empty alternatives | accepted | accepted |

## Limits

A regex counts against the VM's memory limit as long as it lives: 128 KiB (1 MiB with `optimize`, more if the pattern
needs it) and 16 bytes for each instruction and group.

One search cannot be interrupted, so its work is bounded by the slice (`slice_ms`). A long subject is cut where no match
can be cut: at a byte that no match contains (`.` has no newline, `[^,]*` no comma), or by the greatest length of a match.
Where neither is possible (`[\s\S]*x`) a subject longer than 1,000,000 bytes divided by the pattern's instructions (about
one for each range; 50,000 bytes for a pattern of 20) is refused with EMSGSIZE; the error has the field `limit`. Under
`perilune run` a hundred times as much is accepted.)";

}  // namespace perilune::runtime
