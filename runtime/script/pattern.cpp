#include "runtime/script/pattern.hpp"

#include <cstring>
#include <lua.hpp>

#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

constexpr int kPollSteps = 4096;
/// About 100 ms; a match that needs more is a mistake or an attack.
constexpr std::uint64_t kStepBudget = 20'000'000;

enum Class : std::uint16_t {
  kAlpha = 1,
  kCntrl = 2,
  kDigit = 4,
  kGraph = 8,
  kLower = 16,
  kPunct = 32,
  kSpace = 64,
  kUpper = 128,
  kHex = 256,
  kZero = 512,
};

constexpr std::uint16_t classes_of(unsigned c) {
  unsigned bits = 0;
  if (c >= 'a' && c <= 'z') bits |= kAlpha | kLower;
  if (c >= 'A' && c <= 'Z') bits |= kAlpha | kUpper;
  if (c >= '0' && c <= '9') bits |= kDigit | kHex;
  if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) bits |= kHex;
  if (c < 32 || c == 127) bits |= kCntrl;
  if (c == ' ' || (c >= 9 && c <= 13)) bits |= kSpace;
  if (c > 32 && c < 127) bits |= kGraph;
  if (c > 32 && c < 127 && (bits & (kAlpha | kDigit)) == 0) bits |= kPunct;
  if (c == 0) bits |= kZero;
  return static_cast<std::uint16_t>(bits);
}

constexpr std::array<std::uint16_t, 256> make_classes() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) table[c] = classes_of(c);
  return table;
}
constexpr auto kClasses = make_classes();

constexpr unsigned class_bits(unsigned char lower) {
  switch (lower) {
    case 'a': return kAlpha;
    case 'c': return kCntrl;
    case 'd': return kDigit;
    case 'g': return kGraph;
    case 'l': return kLower;
    case 'p': return kPunct;
    case 's': return kSpace;
    case 'u': return kUpper;
    case 'w': return kAlpha | kDigit;
    case 'x': return kHex;
    case 'z': return kZero;
    default: return 0;
  }
}

unsigned char byte(const char* p) { return static_cast<unsigned char>(*p); }

/// `%a` and the like; an upper-case letter is the complement, anything else means itself.
bool in_class(unsigned char c, unsigned char cl) {
  const bool upper = cl >= 'A' && cl <= 'Z';
  const unsigned bits = class_bits(upper ? static_cast<unsigned char>(cl + 32) : cl);
  if (bits == 0) return cl == c;
  return ((kClasses[c] & bits) != 0) != upper;
}

}  // namespace

Matcher::Matcher(lua_State* L, std::string_view subject, std::string_view pattern, int level)
    : state_{L},
      vm_{&Vm::of(L)},
      subject_{subject.data()},
      subject_end_{subject.data() + subject.size()},
      pattern_{pattern.data()},
      pattern_end_{pattern.data() + pattern.size()},
      level_error_{level},
      until_poll_{kPollSteps},
      budget_{kStepBudget + 8 * subject.size()} {}

void Matcher::fail(const char* message) const {
  luaL_where(state_, level_error_);
  lua_pushstring(state_, message);
  lua_concat(state_, 2);
  lua_error(state_);
  __builtin_unreachable();
}

void Matcher::poll() {
  const auto spent = static_cast<std::uint64_t>(kPollSteps - until_poll_);
  until_poll_ = kPollSteps;
  if (vm_->must_stop()) vm_->raise_verdict(state_);
  if (spent > budget_) fail("pattern too complex");
  budget_ -= spent;
}

const char* Matcher::match(const char* at) {
  levels_ = 0;
  depth_ = 0;
  return run(at, pattern_);
}

/// The first item is one plain character that must be there: memchr finds where to try.
bool Matcher::begins_literally() const noexcept {
  if (pattern_ == pattern_end_ || std::strchr("(.%[)$", *pattern_) != nullptr) return false;
  return pattern_ + 1 == pattern_end_ || std::strchr("*?-", pattern_[1]) == nullptr;
}

const char* Matcher::search(const char* at, bool anchored, const char*& end) {
  if (anchored) {
    ++pattern_;
    end = match(at);
    --pattern_;
    return end != nullptr ? at : nullptr;
  }
  const bool literal = begins_literally();
  for (; at <= subject_end_; ++at) {
    if (literal) {
      const auto rest = static_cast<std::size_t>(subject_end_ - at);
      at = static_cast<const char*>(std::memchr(at, *pattern_, rest));
      if (at == nullptr) return nullptr;
    }
    end = match(at);
    if (end != nullptr) return at;
  }
  return nullptr;
}

/// Where the single-character item at `p` ends.
const char* Matcher::item_end(const char* p) const {
  if (*p == '%') {
    if (p + 1 == pattern_end_) fail("malformed pattern (ends with '%')");
    return p + 2;
  }
  if (*p++ != '[') return p;
  if (p != pattern_end_ && *p == '^') ++p;
  do {  // a ']' that comes first is a member
    if (p == pattern_end_) fail("malformed pattern (missing ']')");
    if (*p++ == '%' && p != pattern_end_) ++p;
  } while (p == pattern_end_ || *p != ']');
  return p + 1;
}

/// `p` is at '[', `last` at its ']'.
bool Matcher::in_set(unsigned char c, const char* p, const char* last) const {
  bool wanted = true;
  if (p[1] == '^') {
    wanted = false;
    ++p;
  }
  while (++p < last) {
    if (*p == '%') {
      ++p;
      if (in_class(c, byte(p))) return wanted;
    } else if (p[1] == '-' && p + 2 < last) {
      p += 2;
      if (byte(p - 2) <= c && c <= byte(p)) return wanted;
    } else if (byte(p) == c) {
      return wanted;
    }
  }
  return !wanted;
}

bool Matcher::one(const char* s, const char* p, const char* end) const {
  if (s >= subject_end_) return false;
  switch (*p) {
    case '.': return true;
    case '%': return in_class(byte(s), byte(p + 1));
    case '[': return in_set(byte(s), p, end - 1);
    default: return *p == *s;
  }
}

const char* Matcher::balanced(const char* s, const char* p) {
  if (pattern_end_ - p < 2) fail("unbalanced pattern");
  if (s >= subject_end_ || *s != *p) return nullptr;
  int open_count = 1;
  while (++s < subject_end_) {
    step();
    if (*s == p[1]) {
      if (--open_count == 0) return s + 1;
    } else if (*s == *p) {
      ++open_count;
    }
  }
  return nullptr;
}

const char* Matcher::greedy(const char* s, const char* p, const char* end) {
  std::ptrdiff_t count = 0;
  while (one(s + count, p, end)) {
    ++count;
    step();
  }
  for (; count >= 0; --count) {
    if (const char* found = run(s + count, end + 1)) return found;
  }
  return nullptr;
}

const char* Matcher::lazy(const char* s, const char* p, const char* end) {
  for (;; ++s) {
    if (const char* found = run(s, end + 1)) return found;
    if (!one(s, p, end)) return nullptr;
  }
}

const char* Matcher::open(const char* s, const char* p, std::ptrdiff_t kind) {
  if (levels_ >= kMaxCaptures) fail("too many captures");
  captures_[static_cast<std::size_t>(levels_)] = {s, kind};
  ++levels_;
  const char* found = run(s, p);
  if (found == nullptr) --levels_;
  return found;
}

const char* Matcher::close(const char* s, const char* p) {
  int level = levels_ - 1;
  while (level >= 0 && captures_[static_cast<std::size_t>(level)].size != kUnclosed) --level;
  if (level < 0) fail("invalid pattern capture");
  Capture& capture = captures_[static_cast<std::size_t>(level)];
  capture.size = s - capture.begin;
  const char* found = run(s, p);
  if (found == nullptr) capture.size = kUnclosed;
  return found;
}

int Matcher::check_capture(int digit) const {
  const int level = digit - '1';
  if (level < 0 || level >= levels_ || captures_[static_cast<std::size_t>(level)].size == kUnclosed)
    fail("invalid capture index");
  return level;
}

const char* Matcher::back_reference(const char* s, int digit) {
  const Capture& capture = captures_[static_cast<std::size_t>(check_capture(digit))];
  // A position has no text: nothing is that long.
  const auto size = static_cast<std::size_t>(capture.size);
  step();
  if (static_cast<std::size_t>(subject_end_ - s) < size) return nullptr;
  step(static_cast<int>(size / 64));
  return std::memcmp(capture.begin, s, size) == 0 ? s + size : nullptr;
}

/// `%f[set]`: `p` at '[', `end` behind its ']'.
bool Matcher::frontier(const char* s, const char* p, const char* end) const {
  const unsigned char before = s == subject_ ? 0 : byte(s - 1);
  const unsigned char here = s == subject_end_ ? 0 : byte(s);
  return !in_set(before, p, end - 1) && in_set(here, p, end - 1);
}

const char* Matcher::run(const char* s, const char* p) {
  if (++depth_ > kMaxDepth) fail("pattern too complex");
  const char* found = run_here(s, p);
  --depth_;
  return found;
}

const char* Matcher::run_here(const char* s, const char* p) {
  while (p != pattern_end_) {
    step();
    if (*p == '(') {
      const bool position = p + 1 != pattern_end_ && p[1] == ')';
      return position ? open(s, p + 2, kPosition) : open(s, p + 1, kUnclosed);
    }
    if (*p == ')') return close(s, p + 1);
    if (*p == '$' && p + 1 == pattern_end_) return s == subject_end_ ? s : nullptr;
    if (*p == '%' && p + 1 != pattern_end_) {
      if (p[1] == 'b') {
        s = balanced(s, p + 2);
        if (s == nullptr) return nullptr;
        p += 4;
        continue;
      }
      if (p[1] == 'f') {
        p += 2;
        if (p == pattern_end_ || *p != '[') fail("missing '[' after '%f' in pattern");
        const char* end = item_end(p);
        if (!frontier(s, p, end)) return nullptr;
        p = end;
        continue;
      }
      if ((kClasses[byte(p + 1)] & kDigit) != 0) {
        s = back_reference(s, byte(p + 1));
        if (s == nullptr) return nullptr;
        p += 2;
        continue;
      }
    }
    const char* end = item_end(p);
    const char suffix = end != pattern_end_ ? *end : '\0';
    if (suffix == '?') {
      if (one(s, p, end)) {
        if (const char* found = run(s + 1, end + 1)) return found;
      }
      p = end + 1;
      continue;
    }
    if (suffix == '*') return greedy(s, p, end);
    if (suffix == '+') return one(s, p, end) ? greedy(s + 1, p, end) : nullptr;
    if (suffix == '-') return lazy(s, p, end);
    if (!one(s, p, end)) return nullptr;
    ++s;
    p = end;
  }
  return s;
}

std::string_view Matcher::capture_text(int index, const char* begin, const char* end,
                                       bool& position) {
  position = false;
  if (index >= levels_) {
    if (index != 0) fail("invalid capture index");
    return {begin, static_cast<std::size_t>(end - begin)};
  }
  const Capture& capture = captures_[static_cast<std::size_t>(index)];
  if (capture.size == kUnclosed) fail("unfinished capture");
  position = capture.size == kPosition;
  return {capture.begin, position ? 0 : static_cast<std::size_t>(capture.size)};
}

void Matcher::push_capture(int index, const char* begin, const char* end) {
  bool position = false;
  const std::string_view text = capture_text(index, begin, end, position);
  if (position) {
    lua_pushnumber(state_, static_cast<double>(text.data() - subject_) + 1);
  } else {
    lua_pushlstring(state_, text.data(), text.size());
  }
}

int Matcher::push_captures(const char* begin, const char* end, bool whole) {
  const int count = levels_ == 0 && whole ? 1 : levels_;
  luaL_checkstack(state_, count, "too many captures");
  for (int i = 0; i < count; ++i) push_capture(i, begin, end);
  return count;
}

}  // namespace perilune::runtime
