#pragma once

/// @file
/// Private to regex_*.cpp: reading a pattern byte by byte, and its sets.

#include <optional>

#include "runtime/modules/regex_syntax.hpp"

namespace perilune::runtime {

using RegexSet = std::bitset<256>;

/// A position in a pattern. Every failure is a RegexError at an offset.
class RegexReader {
 public:
  RegexReader(std::string_view pattern, RegexSyntax syntax) noexcept
      : pattern_{pattern}, syntax_{syntax} {}

  [[nodiscard]] bool done() const noexcept { return at_ == pattern_.size(); }
  [[nodiscard]] std::size_t at() const noexcept { return at_; }
  [[nodiscard]] bool sees(std::string_view text) const noexcept {
    return pattern_.substr(at_).starts_with(text);
  }
  [[nodiscard]] unsigned char peek() const noexcept {
    return static_cast<unsigned char>(pattern_[at_]);
  }
  unsigned char take() noexcept { return static_cast<unsigned char>(pattern_[at_++]); }
  /// Takes `text` if it comes next.
  bool take(std::string_view text) noexcept {
    if (!sees(text)) return false;
    at_ += text.size();
    return true;
  }
  [[noreturn]] void fail(std::size_t offset, std::string reason) const {
    throw RegexError{offset, std::move(reason)};
  }
  [[nodiscard]] const RegexSyntax& syntax() const noexcept { return syntax_; }
  [[nodiscard]] bool ecma() const noexcept { return syntax_.grammar == RegexGrammar::Ecma; }

  /// A decimal number, or nothing; beyond the repeat limit it stops counting.
  [[nodiscard]] std::optional<int> number() noexcept;
  /// What follows "[", including the "]".
  [[nodiscard]] RegexSet bracket();
  /// What follows "\" in ECMAScript where a byte or a class is meant (`in_set`: "\b" is a
  /// backspace).
  [[nodiscard]] RegexSet ecma_escape(bool in_set);

 private:
  struct Member;
  [[nodiscard]] Member member(std::size_t opened);
  [[nodiscard]] Member named(std::size_t opened);
  [[nodiscard]] unsigned char hex(int digits, std::size_t offset);

  std::string_view pattern_;
  RegexSyntax syntax_;
  std::size_t at_ = 0;
};

/// Both cases of each ASCII letter in it.
[[nodiscard]] RegexSet fold_case(RegexSet set) noexcept;
[[nodiscard]] RegexSet one_byte(unsigned char c) noexcept;
/// Appends the set in RE2's syntax.
void append_set(std::string& to, const RegexSet& set);

}  // namespace perilune::runtime
