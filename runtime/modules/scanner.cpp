#include "runtime/modules/scanner.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <lua.hpp>

#include "runtime/modules/byte_span.hpp"
#include "runtime/modules/byte_span_methods.hpp"
#include "runtime/modules/regex.hpp"
#include "runtime/modules/regex_options.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

constexpr std::string_view kBlanks = " \f\n\r\t\v";

int push_end(lua_State* L, std::size_t first, std::size_t last) {
  lua_pushnumber(L, static_cast<double>(first));
  lua_pushnumber(L, static_cast<double>(last));
  return 2;
}

int push_resume(lua_State* L, std::size_t at) {
  lua_pushnumber(L, static_cast<double>(at));
  return 1;
}

/// `record` is what is buffered of the record and behind it, `base` the position of its first byte.
int find_regex_end(lua_State* L, const RegexProgram& regex, std::string_view record,
                   std::size_t base, std::size_t from, bool ended) {
  RegexProgram::Pieces pieces;
  for (std::size_t at = from; at <= record.size();) {
    if (!search_regex(L, regex, record, at, false, pieces)) break;
    const auto [begin, end] = pieces[0];
    at = begin + 1;
    if (begin == end) continue;  // a match of nothing ends no record
    if (end == record.size() && !ended && regex.open_ended()) return push_resume(L, base + begin);
    return push_end(L, base + begin, base + end - 1);
  }
  return push_resume(L, base + regex.resume_at(record, from));
}

/// (buffer, start, filled, scanned, separator, ended) -> first, last: where the separator of the
/// record at `start` lies; or where to go on looking once there are more bytes.
int find_end(lua_State* L) {
  const auto size = static_cast<long long>(check_byte_span(L, 1)->size);
  const auto filled = check_integer(L, 3, 0, size);
  const auto start = static_cast<std::size_t>(check_integer(L, 2, 1, filled + 1));
  const auto scanned =
      static_cast<std::size_t>(check_integer(L, 4, static_cast<long long>(start), filled + 1));
  const bool ended = lua_toboolean(L, 6) != 0;
  const std::string_view text =
      check_byte_span(L, 1)->view().substr(0, static_cast<std::size_t>(filled));
  if (const RegexProgram* regex = test_regex(L, 5)) {
    return find_regex_end(L, *regex, text.substr(start - 1), start, scanned - start, ended);
  }
  const std::string_view separator = check_string(L, 5);
  const std::size_t from = scanned - 1;
  const void* found =
      memmem(text.data() + from, text.size() - from, separator.data(), separator.size());
  if (found != nullptr) {
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    return push_end(L, at + 1, at + separator.size());
  }
  const std::size_t keep = separator.size() - 1;
  return push_resume(L, std::max(scanned, text.size() > keep ? text.size() - keep + 1 : 1));
}

/// (record, blanks | true) -> view
int trimmed(lua_State* L) {
  if (lua_isboolean(L, 2)) lua_settop(L, 1);
  return span_trimmed(L);
}

/// Appends record[begin, end) to the list on top.
void add_field(lua_State* L, std::size_t begin, std::size_t end, int& count) {
  push_byte_view(L, 1, begin, end - begin);
  lua_rawseti(L, -2, ++count);
}

/// (record, separator) -> views
int split_text(lua_State* L) {
  const std::string_view text = check_byte_span(L, 1)->view();
  const std::string_view by = check_string(L, 2);
  lua_newtable(L);
  if (text.empty()) return 1;
  int count = 0;
  std::size_t begin = 0;
  for (;;) {
    const void* found = memmem(text.data() + begin, text.size() - begin, by.data(), by.size());
    if (found == nullptr) break;
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    add_field(L, begin, at, count);
    begin = at + by.size();
  }
  add_field(L, begin, text.size(), count);
  return 1;
}

/// (record) -> views of what lies between blanks
int split_blanks(lua_State* L) {
  const std::string_view text = check_byte_span(L, 1)->view();
  const ByteSet blanks = byte_set(kBlanks);
  lua_settop(L, 1);
  lua_newtable(L);
  int count = 0;
  std::size_t begin = 0;
  while ((begin = first_byte(L, text, blanks, false, begin)) < text.size()) {
    const std::size_t end = std::min(first_byte(L, text, blanks, true, begin), text.size());
    add_field(L, begin, end, count);
    begin = end;
  }
  return 1;
}

/// (record, regex) -> list
int split_regex(lua_State* L) {
  lua_settop(L, 2);
  lua_insert(L, 1);
  return regex_split(L);
}
int split_pattern(lua_State* L) {
  lua_settop(L, 2);
  lua_insert(L, 1);
  return regex_patsplit(L);
}

int too_long(lua_State* L) {
  push_code(L, kGenericCategory, EMSGSIZE,
            lua_pushfstring(L, "a record is longer than %f bytes", luaL_checknumber(L, 1)));
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "limit");
  return lua_error(L);
}

bool is_text(lua_State* L) { return lua_type(L, -1) == LUA_TSTRING && lua_objlen(L, -1) > 0; }
bool is_regex(lua_State* L) { return test_regex(L, lua_gettop(L)) != nullptr; }
bool is_count(lua_State* L, double most) {
  if (lua_type(L, -1) != LUA_TNUMBER) return false;
  const double n = lua_tonumber(L, -1);
  return n >= 1 && n <= most && n == static_cast<double>(static_cast<long long>(n));
}

struct Option {
  std::string_view name;
  bool (*accepts)(lua_State* L);  ///< the value on top?
};
constexpr std::array<Option, 7> kOptions{{
    {"stream", [](lua_State*) { return true; }},
    {"record_separator", [](lua_State* L) { return is_text(L) || is_regex(L); }},
    {"field_separator",
     [](lua_State* L) { return is_text(L) || is_regex(L) || lua_isfunction(L, -1); }},
    {"field_pattern", is_regex},
    {"trim_record", [](lua_State* L) { return lua_isboolean(L, -1) || is_text(L); }},
    {"buffer_size_hint", [](lua_State* L) { return is_count(L, 1 << 24); }},
    {"max_record_size", [](lua_State* L) { return is_count(L, 1 << 30); }},
}};

/// (options) -> a copy, every value checked
int options(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_createtable(L, 0, static_cast<int>(kOptions.size()));
  lua_pushnil(L);
  while (lua_next(L, 1) != 0) {
    if (lua_type(L, -2) != LUA_TSTRING) raise_bad_argument(L, 1);
    const char* name = lua_tostring(L, -2);
    const auto* row = std::find_if(kOptions.begin(), kOptions.end(),
                                   [&](const Option& option) { return option.name == name; });
    if (row == kOptions.end() || !row->accepts(L)) raise_bad_option(L, name);
    lua_setfield(L, 2, name);
  }
  lua_getfield(L, 2, "field_pattern");
  lua_getfield(L, 2, "field_separator");
  if (!lua_isnil(L, -1) && !lua_isnil(L, -2)) raise_bad_option(L, "field_pattern");
  lua_settop(L, 2);
  return 1;
}

constexpr std::array<luaL_Reg, 8> kHelpers{{{"find_end", find_end},
                                            {"trimmed", trimmed},
                                            {"split_text", split_text},
                                            {"split_blanks", split_blanks},
                                            {"split_regex", split_regex},
                                            {"split_pattern", split_pattern},
                                            {"too_long", too_long},
                                            {"options", options}}};

constexpr std::array<LuaFunction, 7> kRows{{
    {"new", nullptr, false, "stream.scanner.new{stream=, …} -> scanner",
     "Reads records from `stream`. Options, each optional: `record_separator` (a string or regex; "
     "`\"\\n\"`), `field_separator` (a string, a regex, or a function that gets the record and "
     "gives "
     "what `get_line` shall give), `field_pattern` (a regex: its matches are the fields), "
     "`trim_record` (true: without blanks at both ends; a string: without these bytes), "
     "`buffer_size_hint` (4096: bytes to read at once), `max_record_size` (65536). A bad or "
     "unknown "
     "option is EINVAL with its name in `arg`."},
    {"with_awk_defaults", nullptr, false, "stream.scanner.with_awk_defaults(stream) -> scanner",
     "Lines, trimmed; fields are what lies between blanks (space, `\\f \\n \\r \\t \\v`)."},
    {"get_line", nullptr, true, "sc:get_line() -> byte_span | list",
     "The next record without its separator, or its fields (none for an empty record). Sets "
     "`record_terminator` and `record_number`. At the end of the stream the rest, if there is one, "
     "is the last record; then `asio_error.misc.eof`, again and again. EMSGSIZE (with `limit`) for "
     "a longer record than `max_record_size`; the error of `read_some`, after which one may go on. "
     "An interruption point if the stream's `read_some` is one."},
    {"buffered_line", nullptr, false, "sc:buffered_line() -> byte_span | list | nil",
     "What `get_line` gave last; nil before that or after `remove_line`."},
    {"remove_line", nullptr, false, "sc:remove_line()",
     "Takes the record that was read last out of the buffer (`get_line` does it too)."},
    {"buffer", nullptr, false, "sc:buffer() -> byte_span, number",
     "The buffered bytes, and the position in them of the record that was read last, or of what "
     "follows it after `remove_line`: from there on nothing is lost when somebody else goes on "
     "reading."},
    {"set_buffer", nullptr, false, "sc:set_buffer(span[, offset = 1])",
     "From now on it goes on with the bytes of `span` from `offset` on, then with the stream. It "
     "does not write to `span`. EINVAL with `arg` for an offset outside 1..#span + 1."},
}};

constexpr std::array<LuaProperty, 2> kFields{{
    {"record_terminator", 0,
     "string: the separator that ended the last record; empty at the end of the stream"},
    {"record_number", 1, "number: of records so far; may be set"},
}};

}  // namespace

std::span<const luaL_Reg> scanner_helpers() noexcept { return kHelpers; }

const LuaClass kScannerReference{
    .name = "stream.scanner",
    .shown = "stream.scanner",
    .methods = kRows,
    .readable = kFields,
    .writable = {},
    .index = nullptr,
    .newindex = nullptr,
    .collect = nullptr,
    .meta = {},
    .help =
        "Cuts a stream into records. Each byte is looked at once, however few bytes arrive at a "
        "time.\n\nRecords are views of the buffer, whose bytes stay as they are: a record may be "
        "kept, and keeps its buffer (4 KiB or more) with it; `byte_span.append(record)` is a copy "
        "of its own.\n\nThe default separator is `\"\\n\"`: a `\"\\r\"` before it belongs to the "
        "record unless `trim_record` is set. Where a regex as separator might go on behind the "
        "buffered bytes (`\\n+`), the record ends when the next bytes are there. A regex without "
        "greatest length all of whose bytes may occur in records (`.*END`) is searched from the "
        "record's beginning whenever bytes arrive.",
};

}  // namespace perilune::runtime
