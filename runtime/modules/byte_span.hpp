#pragma once

/// @file
/// `byte_span`: a script's view of raw bytes, and how C++ reads, fills and holds it.
///
/// The bytes live in the VM's own heap (a userdata), so they count against its memory limit and go
/// with it. They never move; a slice shares them. Whoever keeps a pointer across a suspension keeps
/// a `BytesHold` too.

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

/// The userdata's beginning. `data` has `capacity` bytes, the first `size` are the script's.
struct ByteSpan {
  char* data = nullptr;
  std::size_t size = 0;
  std::size_t capacity = 0;
  bool anchored = false;  ///< slices of it exist: its environment table refers to it

  [[nodiscard]] std::string_view view() const noexcept { return {data, size}; }
  [[nodiscard]] std::span<char> bytes() const noexcept { return {data, size}; }
};

/// The span at `index`, or a Lua error "bad argument". Valid as long as the value is reachable.
[[nodiscard]] ByteSpan* check_byte_span(lua_State* L, int index);
/// The same, or nullptr.
[[nodiscard]] ByteSpan* test_byte_span(lua_State* L, int index) noexcept;
/// The bytes of the span or string at `index` (no number, nothing converted), or a Lua error.
[[nodiscard]] std::string_view check_bytes(lua_State* L, int index);
/// Pushes a new span of zeros. `capacity >= size`.
ByteSpan* push_byte_span(lua_State* L, std::size_t size, std::size_t capacity);

/// Pushes a view of `size` bytes of the span at `index` (absolute), from `offset` on. They must be
/// within its capacity.
void push_byte_view(lua_State* L, int index, std::size_t offset, std::size_t size);

/// Keeps the span or string of a pending operation alive while the script may drop it. Made and
/// destroyed on the VM's thread; harmless when it outlives the VM (the bytes are gone then).
class BytesHold {
 public:
  BytesHold() noexcept;
  /// Holds the value at `index`: what `check_bytes` accepts, or a Lua error.
  BytesHold(lua_State* L, int index);
  BytesHold(BytesHold&&) noexcept;
  BytesHold& operator=(BytesHold&&) noexcept;
  ~BytesHold();

  [[nodiscard]] std::string_view view() const noexcept { return {data_, size_}; }
  /// For filling. Empty if a string is held.
  [[nodiscard]] std::span<char> writable() const noexcept { return {data_, writable_ ? size_ : 0}; }

 private:
  friend class HeldBytes;
  void let_go() noexcept;

  std::weak_ptr<class HeldBytes> owner_;  ///< weak: ends with the VM
  int reference_ = -1;
  char* data_ = nullptr;
  std::size_t size_ = 0;
  bool writable_ = false;
};

/// Sets the global `byte_span`: three functions. The class follows with the first span.
void open_byte_span(lua_State* L);
extern const LuaClass kByteSpanClass;
extern const ModuleReference kByteSpanReference;

}  // namespace perilune::runtime
