#include "runtime/modules/regex_reader.hpp"

#include <array>

namespace perilune::runtime {
namespace {

struct NamedSet {
  std::string_view name;
  bool (*has)(unsigned c);
};

constexpr bool upper(unsigned c) { return c >= 'A' && c <= 'Z'; }
constexpr bool lower(unsigned c) { return c >= 'a' && c <= 'z'; }
constexpr bool alpha(unsigned c) { return upper(c) || lower(c); }
constexpr bool digit(unsigned c) { return c >= '0' && c <= '9'; }
constexpr bool alnum(unsigned c) { return alpha(c) || digit(c); }
constexpr bool graph(unsigned c) { return c > 32 && c < 127; }
constexpr bool space(unsigned c) { return c == ' ' || (c >= 9 && c <= 13); }
constexpr bool word(unsigned c) { return alnum(c) || c == '_'; }

/// Of the C locale: bytes above 127 are in none.
constexpr std::array<NamedSet, 13> kNamed{{
    {"alnum", alnum},
    {"alpha", alpha},
    {"blank", [](unsigned c) { return c == ' ' || c == '\t'; }},
    {"cntrl", [](unsigned c) { return c < 32 || c == 127; }},
    {"digit", digit},
    {"graph", graph},
    {"lower", lower},
    {"print", [](unsigned c) { return graph(c) || c == ' '; }},
    {"punct", [](unsigned c) { return graph(c) && !alnum(c); }},
    {"space", space},
    {"upper", upper},
    {"word", word},
    {"xdigit",
     [](unsigned c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }},
}};

RegexSet set_of(bool (*has)(unsigned c)) {
  RegexSet set;
  for (unsigned c = 0; c < 256; ++c) set[c] = has(c);
  return set;
}

}  // namespace

/// One member of a bracket: a byte (which may begin a range) or a whole set.
struct RegexReader::Member {
  std::optional<unsigned char> byte;
  RegexSet set;
};

std::optional<int> RegexReader::number() noexcept {
  if (done() || !digit(peek())) return std::nullopt;
  int value = 0;
  while (!done() && digit(peek())) {
    const int next = take() - '0';
    if (value <= kRegexRepeatLimit) value = value * 10 + next;
  }
  return value;
}

unsigned char RegexReader::hex(int digits, std::size_t offset) {
  unsigned value = 0;
  for (int i = 0; i < digits; ++i) {
    if (done() || !kNamed[12].has(peek())) fail(offset, "too few hexadecimal digits");
    const unsigned c = take();
    value = value * 16 + (digit(c) ? c - '0' : (c | 32U) - 'a' + 10);
  }
  if (value > 255) fail(offset, "a pattern matches bytes: no character above \\u00ff");
  return static_cast<unsigned char>(value);
}

RegexSet RegexReader::ecma_escape(bool in_set) {
  const std::size_t offset = at_ - 1;
  if (done()) fail(offset, "nothing follows the backslash");
  const unsigned char c = take();
  switch (c) {
    case 'd': return set_of(digit);
    case 'D': return ~set_of(digit);
    case 's': return set_of(space);
    case 'S': return ~set_of(space);
    case 'w': return set_of(word);
    case 'W': return ~set_of(word);
    case 't': return one_byte('\t');
    case 'n': return one_byte('\n');
    case 'v': return one_byte('\v');
    case 'f': return one_byte('\f');
    case 'r': return one_byte('\r');
    case 'x': return one_byte(hex(2, offset));
    case 'u': return one_byte(hex(4, offset));
    case 'c':
      if (done() || !alpha(peek())) fail(offset, "\\c needs a letter");
      return one_byte(take() % 32);
    case '0':
      if (!done() && digit(peek())) fail(offset, "octal escapes are not supported");
      return one_byte(0);
    default: break;
  }
  if (in_set && c == 'b') return one_byte('\b');
  if (digit(c)) {
    fail(offset, "back references are not supported: they cannot be matched in linear time");
  }
  if (alnum(c)) fail(offset, std::string{"unknown escape \\"} + static_cast<char>(c));
  return one_byte(c);
}

/// After "[": ":alpha:]", ".x.]" or "=x=]".
RegexReader::Member RegexReader::named(std::size_t opened) {
  const std::size_t offset = at_ - 1;
  const unsigned char kind = take();
  const std::size_t from = at_;
  const std::string close{static_cast<char>(kind), ']'};
  const std::size_t end = pattern_.find(close, from);
  if (end == std::string_view::npos) fail(opened, "\"[\" without \"]\"");
  const std::string_view name = pattern_.substr(from, end - from);
  at_ = end + 2;
  if (kind == ':') {
    for (const NamedSet& entry : kNamed) {
      if (entry.name != name) continue;
      const bool either = syntax_.ignore_case && (name == "lower" || name == "upper");
      return {std::nullopt, set_of(either ? alpha : entry.has)};
    }
    fail(offset, "unknown class [:" + std::string{name} + ":]");
  }
  if (name.size() != 1) fail(offset, "a collating element here is one byte");
  const auto byte = static_cast<unsigned char>(name[0]);
  if (kind == '=') return {std::nullopt, one_byte(byte)};
  return {byte, {}};
}

RegexReader::Member RegexReader::member(std::size_t opened) {
  if (done()) fail(opened, "\"[\" without \"]\"");
  const unsigned char c = take();
  if (c == '[' && !done() && (peek() == ':' || peek() == '.' || peek() == '='))
    return named(opened);
  if (c != '\\' || !ecma()) return {c, {}};
  const RegexSet set = ecma_escape(true);
  if (set.count() != 1) return {std::nullopt, set};
  unsigned byte = 0;
  while (!set[byte]) ++byte;
  return {static_cast<unsigned char>(byte), {}};
}

RegexSet RegexReader::bracket() {
  const std::size_t opened = at_ - 1;
  const bool negated = take("^");
  RegexSet set;
  // In POSIX a "]" that comes first is a member; in ECMAScript it closes the empty set.
  bool first = !ecma();
  while (first || !take("]")) {
    first = false;
    const std::size_t from = at_;
    const Member low = member(opened);
    if (!sees("-") || sees("-]")) {
      set |= low.byte ? one_byte(*low.byte) : low.set;
      continue;
    }
    take();
    const Member high = member(opened);
    if (!low.byte || !high.byte) fail(from, "a class cannot be the end of a range");
    if (*low.byte > *high.byte) fail(from, "the range is backwards");
    for (unsigned c = *low.byte; c <= *high.byte; ++c) set.set(c);
  }
  if (syntax_.ignore_case) set = fold_case(set);
  return negated ? ~set : set;
}

RegexSet fold_case(RegexSet set) noexcept {
  for (unsigned c = 'a'; c <= 'z'; ++c) {
    if (!set[c] && !set[c - 32]) continue;
    set.set(c);
    set.set(c - 32);
  }
  return set;
}

RegexSet one_byte(unsigned char c) noexcept {
  RegexSet set;
  set.set(c);
  return set;
}

namespace {

void append_byte(std::string& to, unsigned c) {
  if (alnum(c)) {
    to += static_cast<char>(c);
    return;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  to += "\\x";
  to += kHex[c / 16];
  to += kHex[c % 16];
}

}  // namespace

void append_set(std::string& to, const RegexSet& set) {
  const std::size_t count = set.count();
  if (count == 0) {
    to += "[^\\x00-\\xff]";
    return;
  }
  if (count > 1) to += '[';
  for (unsigned c = 0; c < 256; ++c) {
    if (!set[c]) continue;
    append_byte(to, c);
    unsigned last = c;
    while (last < 255 && set[last + 1]) ++last;
    if (last > c) {
      to += '-';
      append_byte(to, last);
    }
    c = last;
  }
  if (count > 1) to += ']';
}

}  // namespace perilune::runtime
