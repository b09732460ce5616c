#pragma once

/// @file
/// A compiled regular expression, searched in calls of bounded work: RE2 cannot be interrupted, so
/// a long subject is cut where no match can be cut, or refused.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "runtime/modules/regex_syntax.hpp"

namespace re2 {
class RE2;
}

namespace perilune::runtime {

/// Offsets of a match or group in the subject; `begin` is kNone if the group took no part.
struct RegexPiece {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t begin = kNone;
  std::size_t end = kNone;

  [[nodiscard]] bool matched() const noexcept { return begin != kNone; }
};

enum class RegexFound : std::uint8_t {
  No,
  Yes,
  Stopped,  ///< `RegexWork::stop` said so
  TooLong,  ///< the subject cannot be cut and is longer than `call_limit`
};

/// How much one call may do, and who asks for more time.
struct RegexWork {
  std::uint64_t budget = 0;               ///< bytes times instructions of one uninterruptible call
  bool (*stop)(void* context) = nullptr;  ///< asked between two calls
  void* context = nullptr;
};

/// Not copied, not moved: searches hand out nothing that refers to it. One thread at a time.
class RegexProgram {
 public:
  static constexpr std::size_t kLeastMemory = std::size_t{128} * 1024;
  static constexpr std::size_t kMostMemory = std::size_t{8} * 1024 * 1024;
  static constexpr std::size_t kPieces = kRegexGroupLimit + 1;
  using Pieces = std::array<RegexPiece, kPieces>;

  /// `memory`: what RE2 may take for program and automaton. `ok()` is false if it was too little.
  /// Throws std::bad_alloc.
  RegexProgram(const RegexTranslation& translation, RegexSyntax syntax, std::size_t memory);
  ~RegexProgram();
  RegexProgram(const RegexProgram&) = delete;
  RegexProgram& operator=(const RegexProgram&) = delete;

  [[nodiscard]] bool ok() const noexcept;
  /// What it takes at most, RE2's automaton included.
  [[nodiscard]] std::size_t memory() const noexcept { return memory_; }
  [[nodiscard]] int groups() const noexcept { return groups_; }
  [[nodiscard]] const RegexSyntax& syntax() const noexcept { return syntax_; }
  /// A subject of so many bytes is always searched.
  [[nodiscard]] std::size_t call_limit(const RegexWork& work) const noexcept;

  /// The leftmost match that begins at or after `from`; groups in `pieces[1..]` if `with_groups`.
  /// "^" and "\b" see the bytes before `from`. May throw std::bad_alloc.
  [[nodiscard]] RegexFound search(std::string_view text, std::size_t from, bool with_groups,
                                  Pieces& pieces, const RegexWork& work) const;
  /// Matches the whole text.
  [[nodiscard]] RegexFound match(std::string_view text, Pieces& pieces,
                                 const RegexWork& work) const;

  /// For a text that will grow: true if more bytes behind it might change a match that ends at its
  /// end.
  [[nodiscard]] bool open_ended() const noexcept { return open_ended_; }
  /// Nothing was found in `text` from `from` on, or only something that may still grow: where to
  /// look again once there is more.
  [[nodiscard]] std::size_t resume_at(std::string_view text, std::size_t from) const noexcept;

 private:
  /// One call of RE2 on text[from..end), which sees all of `text` around it.
  [[nodiscard]] bool call(std::string_view text, std::size_t from, std::size_t end, bool whole,
                          std::size_t count, Pieces& pieces) const;
  [[nodiscard]] RegexFound search_parts(std::string_view text, std::size_t from, std::size_t count,
                                        std::size_t limit, Pieces& pieces,
                                        const RegexWork& work) const;
  [[nodiscard]] std::size_t cut(std::string_view text, std::size_t from,
                                std::size_t end) const noexcept;

  std::unique_ptr<re2::RE2> program_;
  RegexSyntax syntax_;
  int groups_;
  std::size_t max_length_;
  std::bitset<256> bytes_;
  bool open_ended_;
  std::size_t memory_;
  std::uint64_t cost_ = 1;  ///< of one byte
};

}  // namespace perilune::runtime
