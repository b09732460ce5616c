#pragma once

/// @file
/// The walk of json.encode over tables: without recursion, and interruptible where a `__tojson` has
/// to be called.

#include <array>
#include <lua.hpp>

#include "runtime/modules/json_output.hpp"

namespace perilune::runtime {

/// Stack slots of a C function while it walks.
struct JsonSlots {
  static constexpr int kWriter = 1;   ///< the writer, or nil as long as the text is C++'s own
  static constexpr int kState = 2;    ///< what `__tojson` gets, or nil
  static constexpr int kVisited = 3;  ///< state.visited, or nil
  static constexpr int kToJson = 4;   ///< "__tojson"
  static constexpr int kFixed = 4;    ///< then two for each level: the table, and its key or keys
};

/// Trivially destructible: a Lua error may end it anywhere.
class JsonWalk {
 public:
  struct Level {
    enum class Kind : std::uint8_t { Array, Object, Sorted };
    const void* table;
    int index;  ///< of the value that was written last
    int count;
    Kind kind;
    bool noted;  ///< it is in `visited`
  };

  JsonWalk(lua_State* L, JsonOutput& out);

  /// Writes the value on top of the stack and pops it. False: a `__tojson` must be called; the
  /// value and its metamethod are on top.
  [[nodiscard]] bool start() { return emit() && walk(); }
  /// Goes on, once that has written its value.
  [[nodiscard]] bool walk();
  /// Raises cycle_exists if the table or userdata on top contains itself.
  void check_cycle();

  int depth = 0;
  std::array<Level, kJsonDeepest> levels;

 private:
  bool emit();
  bool next(Level& level);
  bool next_member();
  bool next_sorted(Level& level);
  void close();
  void open(bool array);
  bool has_tojson();
  bool skipped();
  int sequence_length();
  void push_sorted_keys();
  [[noreturn]] void raise_unencodable();
  void poll();
  [[nodiscard]] int slot() const noexcept { return JsonSlots::kFixed + 2 * depth - 1; }

  lua_State* L_;
  JsonOutput& out_;
  const void* tag_;
  const void* null_;
  int polls_;
};

}  // namespace perilune::runtime
