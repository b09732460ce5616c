#include "runtime/modules/regex_syntax.hpp"

#include <algorithm>

#include "runtime/modules/regex_reader.hpp"

namespace perilune::runtime {
namespace {

constexpr std::size_t kUnbounded = RegexTranslation::kUnbounded;

std::size_t add(std::size_t a, std::size_t b) { return a > kUnbounded - b ? kUnbounded : a + b; }
std::size_t times(std::size_t a, std::size_t n) {
  return n != 0 && a > kUnbounded / n ? kUnbounded : a * n;
}
bool disjoint(const RegexSet& a, const RegexSet& b) { return (a & b).none(); }

/// What is known of a piece of a pattern. `follow`: what may continue a complete match of it.
/// `sure`: the bytes read so far always tell which atom of it was matched last, so a match whose
/// `follow` is empty cannot become longer.
struct Part {
  RegexSet bytes;
  RegexSet first;
  RegexSet follow;
  std::size_t max_length = 0;
  std::size_t size = 0;
  int repeat = 1;  ///< of counted repetitions within each other
  bool nullable = true;
  bool sure = true;
};

/// RE2 makes an instruction of each range.
Part atom(const RegexSet& set) {
  const std::size_t ranges = (set & ~(set << 1U)).count();
  return {set, set, {}, 1, std::max<std::size_t>(ranges, 1), 1, false, true};
}

Part either(const Part& a, const Part& b) {
  return {a.bytes | b.bytes,        a.first | b.first,
          a.follow | b.follow,      std::max(a.max_length, b.max_length),
          a.size + b.size + 1,      std::max(a.repeat, b.repeat),
          a.nullable || b.nullable, a.sure && b.sure && disjoint(a.first, b.first)};
}

Part in_sequence(const Part& a, const Part& b) {
  Part both{a.bytes | b.bytes,
            a.first,
            b.follow,
            add(a.max_length, b.max_length),
            a.size + b.size,
            std::max(a.repeat, b.repeat),
            a.nullable && b.nullable,
            a.sure && b.sure && disjoint(a.follow, b.first)};
  if (a.nullable) {
    both.sure = both.sure && disjoint(a.first, b.first);
    both.first |= b.first;
  }
  if (b.nullable) both.follow |= a.follow | b.first;
  return both;
}

struct Times {
  int least;
  int most;  ///< -1: no bound
};

Part repeated(const Part& a, Times count) {
  Part all = a;
  const bool loops = count.most < 0 || count.most > 1;
  if (loops) {
    all.sure = a.sure && !a.nullable && disjoint(a.follow, a.first);
    if (count.most != count.least) all.follow |= a.first;
  }
  all.nullable = a.nullable || count.least == 0;
  all.max_length = count.most < 0 ? (a.max_length == 0 ? 0 : kUnbounded)
                                  : times(a.max_length, static_cast<std::size_t>(count.most));
  const int copies = std::max({count.least, count.most, 1});
  all.size = times(a.size + 1, static_cast<std::size_t>(copies));
  all.repeat = static_cast<int>(
      std::min<long long>(static_cast<long long>(a.repeat) * copies, kRegexRepeatLimit + 1));
  return all;
}

class Translator {
 public:
  Translator(std::string_view pattern, RegexSyntax syntax) noexcept : in_{pattern, syntax} {}

  RegexTranslation run() {
    const Part whole = alternatives(0);
    if (!in_.done()) in_.fail(in_.at(), "\")\" without \"(\"");
    RegexTranslation result;
    result.text = std::move(out_);
    result.groups = groups_;
    result.max_length = whole.max_length;
    result.bytes = whole.bytes;
    result.size = whole.size;
    result.open_ended = looks_ahead_ || !whole.sure || whole.follow.any();
    return result;
  }

 private:
  [[nodiscard]] bool basic() const { return in_.syntax().grammar == RegexGrammar::Basic; }
  [[nodiscard]] bool at_close() const { return in_.sees(basic() ? "\\)" : ")"); }
  [[nodiscard]] bool at_end_of_branch() const {
    return in_.done() || at_close() || (!basic() && in_.sees("|"));
  }

  Part alternatives(int depth) {
    Part all = branch(depth);
    while (!basic() && in_.take("|")) {
      out_ += '|';
      all = either(all, branch(depth));
      check_size(all);
    }
    return all;
  }

  Part branch(int depth) {
    Part all;
    bool begins = true;  // in a basic pattern "*" and "^" mean something else here
    bool anchored = false;
    while (!at_end_of_branch()) {
      if (assertion(begins && !anchored)) {
        anchored = true;
        continue;
      }
      const std::size_t from = out_.size();
      const std::size_t offset = in_.at();
      Part next = one(depth, begins);
      begins = false;
      next = quantified(next, from, offset);
      all = in_sequence(all, next);
      check_size(all);
    }
    return all;
  }

  /// "^", "$", "\b", "\B". `begins` stays true after a basic pattern's "^".
  bool assertion(bool begins) {
    if ((!basic() || begins) && in_.take("^")) {
      out_ += "\\A";
    } else if (in_.sees("$") && (!basic() || closes_after_dollar())) {
      in_.take();
      out_ += "\\z";
      looks_ahead_ = true;
    } else if (in_.ecma() && (in_.sees("\\b") || in_.sees("\\B"))) {
      in_.take();
      out_ += '\\';
      out_ += static_cast<char>(in_.take());
      looks_ahead_ = true;
    } else {
      return false;
    }
    if (!basic() && at_quantifier()) in_.fail(in_.at(), "nothing to repeat");
    return true;
  }

  bool closes_after_dollar() {
    RegexReader ahead = in_;
    ahead.take();
    return ahead.done() || ahead.sees("\\)");
  }

  [[nodiscard]] bool at_quantifier() const {
    if (basic()) return in_.sees("*") || in_.sees("\\{");
    return in_.sees("*") || in_.sees("+") || in_.sees("?") || in_.sees("{");
  }

  Part one(int depth, bool begins) {
    if (at_quantifier() && !(basic() && begins && in_.sees("*")))
      in_.fail(in_.at(), "nothing to repeat");
    if (in_.take(basic() ? "\\(" : "(")) return group(depth);
    if (in_.take("[")) return emit(in_.bracket());
    if (in_.take(".")) return emit(any());
    if (in_.take("\\")) return emit(folded(in_.ecma() ? in_.ecma_escape(false) : posix_escape()));
    return emit(folded(one_byte(in_.take())));
  }

  [[nodiscard]] RegexSet any() const {
    RegexSet set;
    set.set();
    if (in_.ecma()) {
      set.reset('\n');
      set.reset('\r');
    }
    return set;
  }

  [[nodiscard]] RegexSet folded(const RegexSet& set) const {
    return in_.syntax().ignore_case && set.count() == 1 ? fold_case(set) : set;
  }

  Part emit(const RegexSet& set) {
    append_set(out_, set);
    return atom(set);
  }

  RegexSet posix_escape() {
    const std::size_t offset = in_.at() - 1;
    if (in_.done()) in_.fail(offset, "nothing follows the backslash");
    const unsigned char c = in_.take();
    if (c >= '1' && c <= '9') {
      in_.fail(offset, "back references are not supported: they cannot be matched in linear time");
    }
    const std::string_view special = basic() ? ".[]*^$\\/" : ".[]*^$\\/()|+?{}";
    if (special.find(static_cast<char>(c)) == std::string_view::npos)
      in_.fail(offset, std::string{"unknown escape \\"} + static_cast<char>(c));
    return one_byte(c);
  }

  Part group(int depth) {
    const std::size_t opened = in_.at() - (basic() ? 2 : 1);
    if (depth == kRegexDepthLimit)
      in_.fail(opened, "groups nest deeper than " + std::to_string(kRegexDepthLimit));
    bool captures = !in_.syntax().nosubs;
    if (in_.ecma() && in_.take("?")) {
      if (in_.sees("=") || in_.sees("!") || in_.sees("<=") || in_.sees("<!"))
        in_.fail(opened, "look-around is not supported: it cannot be matched in linear time");
      if (!in_.take(":")) in_.fail(opened, "unknown kind of group");
      captures = false;
    }
    if (captures && ++groups_ > kRegexGroupLimit)
      in_.fail(opened, "more than " + std::to_string(kRegexGroupLimit) + " groups");
    out_ += captures ? "(" : "(?:";
    const Part inside = alternatives(depth + 1);
    if (!in_.take(basic() ? "\\)" : ")")) in_.fail(opened, "\"(\" without \")\"");
    out_ += ')';
    return inside;
  }

  Part quantified(Part part, std::size_t from, std::size_t offset) {
    for (bool again = false; at_quantifier(); again = true) {
      if (again && in_.ecma()) in_.fail(in_.at(), "nothing to repeat");
      if (again) {
        out_.insert(from, "(?:");
        out_ += ')';
      }
      const Times count = quantifier();
      part = repeated(part, count);
      if (part.repeat > kRegexRepeatLimit) {
        in_.fail(offset, "repeated more than " + std::to_string(kRegexRepeatLimit) +
                             " times, nested repetitions multiplied");
      }
      check_size(part);
      if (in_.ecma() && in_.take("?")) out_ += '?';
    }
    return part;
  }

  Times quantifier() {
    if (in_.take("*")) {
      out_ += '*';
      return {0, -1};
    }
    if (!basic() && in_.take("+")) {
      out_ += '+';
      return {1, -1};
    }
    if (!basic() && in_.take("?")) {
      out_ += '?';
      return {0, 1};
    }
    return counted();
  }

  Times counted() {
    const std::size_t opened = in_.at();
    in_.take(basic() ? "\\{" : "{");
    const auto least = in_.number();
    if (!least) in_.fail(opened, "a number must follow the brace");
    Times count{*least, *least};
    if (in_.take(",")) count.most = in_.number().value_or(-1);
    if (!in_.take(basic() ? "\\}" : "}")) in_.fail(opened, "the brace is not closed");
    if (std::max(count.least, count.most) > kRegexRepeatLimit)
      in_.fail(opened, "repeated more than " + std::to_string(kRegexRepeatLimit) + " times");
    if (count.most >= 0 && count.most < count.least)
      in_.fail(opened, "the repetition's bounds are backwards");
    out_ += '{' + std::to_string(count.least);
    if (count.most < 0) {
      out_ += ',';
    } else if (count.most != count.least) {
      out_ += ',' + std::to_string(count.most);
    }
    out_ += '}';
    return count;
  }

  void check_size(const Part& part) const {
    if (part.size <= kRegexSizeLimit) return;
    in_.fail(in_.at() - 1, "the pattern has more than " + std::to_string(kRegexSizeLimit) +
                               " ranges of bytes, repetitions written out");
  }

  RegexReader in_;
  std::string out_;
  int groups_ = 0;
  bool looks_ahead_ = false;
};

}  // namespace

RegexTranslation translate_regex(std::string_view pattern, RegexSyntax syntax) {
  if (pattern.size() > kRegexPatternLimit) {
    throw RegexError{kRegexPatternLimit,
                     "longer than " + std::to_string(kRegexPatternLimit) + " bytes"};
  }
  return Translator{pattern, syntax}.run();
}

}  // namespace perilune::runtime
