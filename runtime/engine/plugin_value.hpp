#pragma once

/// @file
/// What crosses the plugin ABI as a value: copied out of a plugin, pushed onto a Lua stack.

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "include/perilune/plugin.h"

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// A result that waits to be pushed. Owns an object until then: finalises it if nobody got it.
class PluginValue {
 public:
  /// Copies; `value.type` must be one that a result may have. Throws std::bad_alloc; then the
  /// object is finalised.
  explicit PluginValue(const perilune_value& value);
  PluginValue(PluginValue&& other) noexcept;
  PluginValue& operator=(PluginValue&&) = delete;
  ~PluginValue();

  [[nodiscard]] static bool is_result(const perilune_value& value) noexcept;
  /// Pushes it; may raise. An object belongs to the script then.
  void push(lua_State* L);

 private:
  perilune_value value_;
  std::string text_;
};

struct PluginError {
  std::string category;
  int code = 0;
  std::optional<std::string> message;
  int argument = 0;  ///< the field `arg`, if it is not 0
};

/// How a call of a plugin's function ended.
struct PluginOutcome {
  std::vector<PluginValue> results;
  std::optional<PluginError> error;

  /// Copies. Out of memory becomes an error.
  void add(const perilune_value* values, std::size_t count) noexcept;
  void fail(const char* category, int code, const char* message) noexcept;
  /// Pushes the results and returns their number, or raises the error.
  int push(lua_State* L);
};

/// The class and data of the plugin's object at `index`; nullptr for anything else. Raises nothing.
[[nodiscard]] const perilune_class* plugin_object(lua_State* L, int index, void*& data) noexcept;

/// Pushes a Lua function that calls the plugin's. `entry` outlives the VM.
void push_plugin_function(lua_State* L, const perilune_entry& entry);

/// The table that plugins get.
[[nodiscard]] const perilune_host& plugin_host() noexcept;

}  // namespace perilune::runtime
