#pragma once

/// @file
/// Lua patterns with a price: the same matches as LuaJIT's, but every step is counted.
///
/// A pattern can need exponential time; inside one C function no hook could end it. So the matcher
/// polls `Vm::must_stop` and has a step budget of its own (the engine's VMs have no CPU limit):
/// beyond it `find` and the like raise "pattern too complex". Patterns may contain "\0".

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

class Vm;

/// One subject and one pattern. Trivially destructible: its errors are Lua errors.
class Matcher {
 public:
  static constexpr int kMaxCaptures = 32;
  static constexpr int kMaxDepth = 200;  ///< of nested items, as in LuaJIT

  /// Errors are reported at stack `level` (1: the caller of the C function).
  Matcher(lua_State* L, std::string_view subject, std::string_view pattern, int level = 1);

  /// The end of a match that begins at `at`, or nullptr. Forgets earlier captures.
  [[nodiscard]] const char* match(const char* at);
  /// First match at or after `at`: its beginning (the end in `end`), or nullptr. An anchored search
  /// looks at one place only.
  [[nodiscard]] const char* search(const char* at, bool anchored, const char*& end);

  /// Pushes the captures of the last match (the whole match if there are none and `whole`).
  int push_captures(const char* begin, const char* end, bool whole);
  /// Pushes capture `index` (from 0).
  void push_capture(int index, const char* begin, const char* end);
  /// Text of capture `index`, or false for a position capture (then pushed as its text).
  [[nodiscard]] std::string_view capture_text(int index, const char* begin, const char* end,
                                              bool& position);

  [[nodiscard]] const char* subject_end() const noexcept { return subject_end_; }
  [[nodiscard]] const char* subject() const noexcept { return subject_; }
  /// Raises "pattern too complex" and the like at the level given.
  [[noreturn]] void fail(const char* message) const;

 private:
  static constexpr std::ptrdiff_t kUnclosed = -1;
  static constexpr std::ptrdiff_t kPosition = -2;
  struct Capture {
    const char* begin;
    std::ptrdiff_t size;
  };

  void step(int cost = 1) {
    if ((until_poll_ -= cost) < 0) poll();
  }
  void poll();
  [[nodiscard]] bool begins_literally() const noexcept;
  const char* item_end(const char* p) const;
  bool one(const char* s, const char* p, const char* end) const;
  bool in_set(unsigned char c, const char* p, const char* last) const;
  const char* run(const char* s, const char* p);
  const char* run_here(const char* s, const char* p);
  const char* balanced(const char* s, const char* p);
  const char* greedy(const char* s, const char* p, const char* end);
  const char* lazy(const char* s, const char* p, const char* end);
  const char* open(const char* s, const char* p, std::ptrdiff_t kind);
  const char* close(const char* s, const char* p);
  const char* back_reference(const char* s, int digit);
  bool frontier(const char* s, const char* p, const char* end) const;
  [[nodiscard]] int check_capture(int digit) const;

  lua_State* state_;
  Vm* vm_;
  const char* subject_;
  const char* subject_end_;
  const char* pattern_;
  const char* pattern_end_;
  int level_error_;
  int depth_ = 0;
  int until_poll_;
  int levels_ = 0;
  std::uint64_t budget_;
  std::array<Capture, kMaxCaptures> captures_;
};

}  // namespace perilune::runtime
