#include "runtime/modules/regex.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <lua.hpp>
#include <new>
#include <optional>
#include <utility>

#include "runtime/modules/byte_span.hpp"
#include "runtime/modules/regex_options.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

extern const LuaClass kRegex;

/// Charged to its VM while it lives.
class Regex {
 public:
  Regex(Vm& vm, bool optimized) noexcept : vm_{&vm}, optimized_{optimized} {}
  ~Regex() {
    program_.reset();
    vm_->release_memory(charged_);
  }
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  /// Compiles; false if the VM may not have that much memory. Throws RegexError, std::bad_alloc.
  [[nodiscard]] bool compile(std::string_view pattern, const RegexSyntax& syntax) {
    const RegexTranslation translation = translate_regex(pattern, syntax);
    for (std::size_t memory = RegexProgram::kLeastMemory * (optimized_ ? 8 : 1);
         memory <= RegexProgram::kMostMemory; memory *= 2) {
      if (!charge(memory)) return false;
      program_.emplace(translation, syntax, memory);
      if (program_->ok()) return charge(program_->memory());
    }
    throw RegexError{0, "the pattern is too large"};
  }

  [[nodiscard]] const RegexProgram& program() const noexcept { return *program_; }
  [[nodiscard]] bool optimized() const noexcept { return optimized_; }

 private:
  /// Makes the charge `bytes` in all.
  bool charge(std::size_t bytes) noexcept {
    vm_->release_memory(std::exchange(charged_, 0));
    if (!vm_->charge_memory(bytes)) return false;
    charged_ = bytes;
    return true;
  }

  Vm* vm_;
  std::optional<RegexProgram> program_;
  std::size_t charged_ = 0;
  bool optimized_;
};

enum class Failure : std::uint8_t { None, Pattern, Memory };

/// An error must not be raised inside a catch: what was wrong with the pattern goes to `error`.
Failure compile(Regex& regex, const RegexOptions& options, RegexError& error) {
  try {
    return regex.compile(options.pattern, options.syntax) ? Failure::None : Failure::Memory;
  } catch (RegexError& caught) {
    error = std::move(caught);
    return Failure::Pattern;
  } catch (const std::bad_alloc&) {
    return Failure::Memory;
  }
}

[[noreturn]] void raise_memory(lua_State* L) {
  lua_pushliteral(L, "not enough memory");
  lua_error(L);
  __builtin_unreachable();
}

[[noreturn]] void raise_pattern(lua_State* L, const RegexError& error) {
  const int offset = static_cast<int>(error.offset) + 1;
  lua_pushlstring(L, error.reason.data(), error.reason.size());
  const char* reason = lua_tostring(L, -1);
  push_code(L, kGenericCategory, EINVAL,
            lua_pushfstring(L, "bad pattern: at byte %d: %s", offset, reason));
  lua_pushliteral(L, "pattern");
  lua_setfield(L, -2, "arg");
  lua_pushinteger(L, offset);
  lua_setfield(L, -2, "offset");
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "reason");
  lua_error(L);
  __builtin_unreachable();
}

int l_new(lua_State* L) {
  const RegexOptions options = check_regex_options(L, 1);
  const int top = lua_gettop(L);
  Vm& vm = Vm::of(L);
  RegexError error;
  for (bool again = false;; again = true) {
    auto& regex = push_object<Regex>(L, kRegex, vm, options.optimize);
    const Failure failure = compile(regex, options, error);
    if (failure == Failure::None) return 1;
    if (failure == Failure::Pattern) raise_pattern(L, error);
    if (again) raise_memory(L);
    // To the collector a regex is small: those that nobody has any more may hold the rest.
    lua_settop(L, top);
    lua_gc(L, LUA_GCCOLLECT, 0);
  }
}

const Regex& check_regex(lua_State* L) { return check_object<Regex>(L, 1, kRegex); }

/// A byte and an instruction take 8 ns at most, and something is left for compiling RE2's reverse
/// program.
constexpr std::uint64_t kPerMillisecond = 100'000;

RegexWork work_for(lua_State* L) {
  Vm& vm = Vm::of(L);
  const std::uint64_t slice = vm.config().limits.count(Limit::Slice);
  // The engine's VMs have no CPU limit to keep: a second rather than a refusal.
  const std::uint64_t patience = vm.config().profile == Profile::Engine ? 100 : 1;
  return {slice * kPerMillisecond * patience,
          [](void* context) { return static_cast<Vm*>(context)->must_stop(); }, &vm};
}

[[noreturn]] void raise_too_long(lua_State* L, std::size_t size, std::size_t limit) {
  lua_pushfstring(L, "regex: a subject of %d bytes is too long for this pattern (limit %d bytes)",
                  static_cast<int>(size), static_cast<int>(limit));
  push_code(L, kGenericCategory, EMSGSIZE, lua_tostring(L, -1));
  lua_pushnumber(L, static_cast<double>(limit));
  lua_setfield(L, -2, "limit");
  lua_pushnumber(L, static_cast<double>(size));
  lua_setfield(L, -2, "used");
  lua_error(L);
  __builtin_unreachable();
}

template <typename Search>
bool run(lua_State* L, const RegexProgram& program, std::size_t size, Search search) {
  const RegexWork work = work_for(L);
  if (work.stop(work.context)) Vm::of(L).raise_verdict(L);
  bool full = false;
  RegexFound found = RegexFound::No;
  try {
    found = search(work);
  } catch (const std::bad_alloc&) {
    full = true;
  }
  if (full) raise_memory(L);
  if (found == RegexFound::Stopped) Vm::of(L).raise_verdict(L);
  if (found == RegexFound::TooLong) raise_too_long(L, size, program.call_limit(work));
  return found == RegexFound::Yes;
}

/// Pushes subject[begin, end): a view of a span, or a string.
void push_part(lua_State* L, int subject, std::string_view text, std::size_t begin,
               std::size_t end) {
  if (lua_type(L, subject) == LUA_TSTRING) {
    lua_pushlstring(L, text.data() + begin, end - begin);
  } else {
    push_byte_view(L, subject, begin, end - begin);
  }
}

int l_match(lua_State* L) {
  const RegexProgram& program = check_regex(L).program();
  const std::string_view text = check_bytes(L, 2);
  RegexProgram::Pieces pieces;
  const bool found = run(L, program, text.size(),
                         [&](const RegexWork& work) { return program.match(text, pieces, work); });
  if (!found) {
    lua_pushnil(L);
    return 1;
  }
  const int groups = program.groups();
  if (groups == 0) {
    lua_pushvalue(L, 2);
    return 1;
  }
  luaL_checkstack(L, groups + 4, "too many groups");
  for (int i = 1; i <= groups; ++i) {
    const RegexPiece& piece = pieces[static_cast<std::size_t>(i)];
    if (piece.matched()) {
      push_part(L, 2, text, piece.begin, piece.end);
    } else {
      lua_pushnil(L);
    }
  }
  return groups;
}

int l_search(lua_State* L) {
  const RegexProgram& program = check_regex(L).program();
  const std::string_view text = check_bytes(L, 2);
  RegexProgram::Pieces pieces;
  const bool found = search_regex(L, program, text, 0, true, pieces);
  lua_createtable(L, found ? program.groups() : 0, 2);
  lua_pushboolean(L, found ? 0 : 1);
  lua_setfield(L, -2, "empty");
  for (int i = 0; found && i <= program.groups(); ++i) {
    const RegexPiece& piece = pieces[static_cast<std::size_t>(i)];
    if (!piece.matched()) continue;
    lua_createtable(L, 0, 2);
    lua_pushnumber(L, static_cast<double>(piece.begin) + 1);
    lua_setfield(L, -2, "start");
    lua_pushnumber(L, static_cast<double>(piece.end));
    lua_setfield(L, -2, "end_");
    lua_rawseti(L, -2, i);
  }
  return 1;
}

enum Property : int { MarkCount, Grammar, IgnoreCase, Nosubs, Optimized };

int get(lua_State* L, int id) {
  const Regex& regex = check_regex(L);
  const RegexSyntax& syntax = regex.program().syntax();
  switch (id) {
    case MarkCount: lua_pushinteger(L, regex.program().groups()); break;
    case Grammar: lua_pushstring(L, regex_grammar_name(syntax.grammar)); break;
    case IgnoreCase: lua_pushboolean(L, syntax.ignore_case ? 1 : 0); break;
    case Nosubs: lua_pushboolean(L, syntax.nosubs ? 1 : 0); break;
    default: lua_pushboolean(L, regex.optimized() ? 1 : 0); break;
  }
  return 1;
}
void set(lua_State*, int) {}

constexpr std::array<LuaProperty, 5> kReadable{{
    {"mark_count", MarkCount, "number: groups that capture; 0 with `nosubs`"},
    {"grammar", Grammar, "string: `\"basic\"`, `\"extended\"` or `\"ecma\"`"},
    {"ignore_case", IgnoreCase, "boolean"},
    {"nosubs", Nosubs, "boolean"},
    {"optimized", Optimized, "boolean: made with `optimize = true`"},
}};

const LuaClass kRegex{.name = "perilune.regex",
                      .shown = "regex",
                      .methods = {},
                      .readable = kReadable,
                      .writable = {},
                      .index = lua_index<get>,
                      .newindex = lua_newindex<set>,
                      .collect = collect_object<Regex>};

constexpr std::array kClasses{&kRegex};

constexpr std::array<LuaFunction, 5> kFunctions{{
    {"new", l_new, false,
     "regex.new{pattern=, grammar=\"ecma\", ignore_case=false, nosubs=false, optimize=false} -> "
     "regex",
     "`grammar` is `\"basic\"` or `\"extended\"` (POSIX) or `\"ecma\"` (ECMAScript 3). "
     "`ignore_case` folds ASCII letters, `nosubs` makes groups capture nothing, `optimize` lets "
     "the "
     "automaton take eight times the memory. A bad pattern is EINVAL with `arg` (`\"pattern\"`), "
     "`offset` (the byte at fault, from 1) and `reason`; a bad or unknown option is EINVAL with "
     "its "
     "name in `arg`."},
    {"match", l_match, false, "regex.match(re, subject) -> captures… | nil",
     "Matches the whole subject, a string or byte_span. Gives the groups (nil for one that took no "
     "part), or the subject if the pattern has none; nil if it does not match."},
    {"search", l_search, false, "regex.search(re, subject) -> table",
     "The leftmost match: `{empty = false, [0] = {start =, end_ =}, [1] = …}`; `[0]` is all of it, "
     "the others are the groups (absent if they took no part). `subject:sub(start, end_)` is the "
     "text, so an empty match has `end_ = start - 1`. `{empty = true}` if there is none."},
    {"split", regex_split, false, "regex.split(re, subject) -> list",
     "What lies between the matches, empty parts too: one more than there are matches. A match "
     "of nothing does not separate. An empty subject has no parts. Strings for a string, views for "
     "a byte_span."},
    {"patsplit", regex_patsplit, false, "regex.patsplit(re, subject) -> list",
     "The matches themselves. An empty match counts unless it touches the one before."},
}};

}  // namespace

const RegexProgram* test_regex(lua_State* L, int index) noexcept {
  const Regex* regex = test_object<Regex>(L, index, kRegex);
  return regex == nullptr ? nullptr : &regex->program();
}

bool search_regex(lua_State* L, const RegexProgram& program, std::string_view text,
                  std::size_t from, bool with_groups, RegexProgram::Pieces& pieces) {
  return run(L, program, text.size() - from, [&](const RegexWork& work) {
    return program.search(text, from, with_groups, pieces, work);
  });
}

int regex_split(lua_State* L) {
  const RegexProgram& program = check_regex(L).program();
  const std::string_view text = check_bytes(L, 2);
  lua_settop(L, 2);
  lua_newtable(L);
  if (text.empty()) return 1;
  RegexProgram::Pieces pieces;
  int count = 0;
  std::size_t part = 0;
  for (std::size_t from = 0; from <= text.size();) {
    if (!search_regex(L, program, text, from, false, pieces)) break;
    const auto [begin, end] = pieces[0];
    from = std::max(end, begin + 1);
    if (begin == end) continue;
    push_part(L, 2, text, part, begin);
    lua_rawseti(L, 3, ++count);
    part = from = end;
  }
  push_part(L, 2, text, part, text.size());
  lua_rawseti(L, 3, ++count);
  return 1;
}

int regex_patsplit(lua_State* L) {
  const RegexProgram& program = check_regex(L).program();
  const std::string_view text = check_bytes(L, 2);
  lua_settop(L, 2);
  lua_newtable(L);
  if (text.empty()) return 1;
  RegexProgram::Pieces pieces;
  int count = 0;
  std::size_t previous = RegexPiece::kNone;  // where the last match ended
  for (std::size_t from = 0; from <= text.size();) {
    if (!search_regex(L, program, text, from, false, pieces)) break;
    const auto [begin, end] = pieces[0];
    from = begin == end ? end + 1 : end;
    if (begin == end && begin == previous) continue;
    push_part(L, 2, text, begin, end);
    lua_rawseti(L, 3, ++count);
    previous = end;
  }
  return 1;
}

const ModuleReference kRegexReference{
    .name = "regex",
    .summary = kRegexSummary,
    .functions = kFunctions,
    .classes = kClasses,
};

int open_regex(lua_State* L) {
  lua_createtable(L, 0, static_cast<int>(kFunctions.size()));
  set_functions(L, kFunctions);
  return 1;
}

}  // namespace perilune::runtime
