#pragma once

/// @file
/// The lexer of `json.decode`: strings, numbers and literals out of a text in memory.
///
/// Knows nothing of Lua, allocates nothing, never throws. Long texts are read in windows: between
/// two of them `Poll` is asked whether to go on.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace perilune::runtime {

/// Codes of the category "trial.protocol.json", numbered as Emilua programs know them.
enum class JsonError : std::uint8_t {
  None = 0,
  UnexpectedToken = 1,
  InvalidKey = 2,
  InvalidValue = 3,
  IncompatibleType = 4,
  UnbalancedEndArray = 5,
  UnbalancedEndObject = 6,
  ExpectedEndArray = 7,
  ExpectedEndObject = 8,
  InsufficientTokens = 9,
  FieldNotFound = 10,
};

/// Codes of the category "emilua.json.dom".
enum class JsonDomError : std::uint8_t {
  ResultOutOfRange = 1,
  TooManyLevels = 2,
  ArrayTooLong = 3,
  CycleExists = 4,
};

class JsonReader {
 public:
  /// Longest number, in bytes.
  static constexpr std::size_t kLongestNumber = 1024;
  /// Bytes between two polls.
  static constexpr std::size_t kWindow = 16 * 1024;

  /// Returns true to stop. May raise a Lua error: a reader has no destructor.
  struct Poll {
    bool (*ask)(void* context);
    void* context;
  };

  JsonReader(std::string_view text, Poll poll) noexcept
      : begin_{text.data()}, end_{text.data() + text.size()}, at_{text.data()}, poll_{poll} {
    open_window(at_);
  }

  /// The first byte of the next token, which is not consumed, or -1 at the text's end.
  [[nodiscard]] int peek() {
    while (at_ < limit_ || more(at_)) {
      const auto c = static_cast<unsigned char>(*at_);
      if (c > ' ' || (c != ' ' && c != '\n' && c != '\r' && c != '\t')) return c;
      ++at_;
    }
    return -1;
  }
  void skip() noexcept { ++at_; }

  /// A string, whose opening quote is next. `raw` is what stands between the quotes: UTF-8 without
  /// controls; `escaped` tells whether it has to go through `unescape`.
  [[nodiscard]] bool read_string(std::string_view& raw, bool& escaped);
  /// Writes the string that `raw` (of `read_string`) stands for to `to`, which has room for as many
  /// bytes as `raw` has. Returns their number, or -1.
  [[nodiscard]] std::ptrdiff_t unescape(std::string_view raw, char* to);
  /// A number, whose first byte is next.
  [[nodiscard]] bool read_number(double& value);
  /// `true`, `false` or `null`, whose first byte was looked at.
  [[nodiscard]] bool read_literal(std::string_view word);

  // After a function returned false (or peek() -1):

  /// The poll said so.
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }
  [[nodiscard]] bool at_end() const noexcept { return at_ >= end_; }
  /// What was expected instead of the byte at `offset()`, or what is wrong with it.
  [[nodiscard]] const char* problem() const noexcept { return problem_; }
  /// `problem()` is what was expected (and not what is wrong).
  [[nodiscard]] bool expects() const noexcept { return expects_; }
  /// The number's value does not fit into a double.
  [[nodiscard]] bool out_of_range() const noexcept { return out_of_range_; }
  [[nodiscard]] std::size_t offset() const noexcept {
    return static_cast<std::size_t>(at_ - begin_);
  }

 private:
  void open_window(const char* at) noexcept {
    limit_ = static_cast<std::size_t>(end_ - at) < kWindow ? end_ : at + kWindow;
  }
  /// Called with `at == limit_`. True if there is more to read.
  [[nodiscard]] bool more(const char* at);
  [[nodiscard]] bool expected(const char* at, const char* what) noexcept;
  [[nodiscard]] bool wrong(const char* at, const char* what) noexcept;
  [[nodiscard]] bool digits(const char*& at);
  [[nodiscard]] bool convert(std::string_view text, double& value);
  [[nodiscard]] bool escape(const char*& from, const char* end, char*& to);
  [[nodiscard]] bool code_unit(const char* from, const char* end, unsigned& unit);

  const char* begin_;
  const char* end_;
  const char* at_;
  const char* limit_ = nullptr;
  Poll poll_;
  const char* problem_ = "a value";
  bool expects_ = true;
  bool out_of_range_ = false;
  bool stopped_ = false;
};

}  // namespace perilune::runtime
