#pragma once

/// @file
/// Text of unknown length, built in the VM's own heap by a C function that may raise at any point.

#include <algorithm>
#include <array>
#include <cstring>
#include <lua.hpp>
#include <string_view>

namespace perilune::runtime {

/// Trivially destructible on purpose: a Lua error may end its scope. Occupies one stack slot from
/// construction to `push`. What fits into the first 1 KiB costs no allocation.
class LuaBuffer {
 public:
  explicit LuaBuffer(lua_State* L) noexcept : state_{L} {
    data_ = first_.data();
    lua_pushnil(L);
    slot_ = lua_gettop(L);
  }
  LuaBuffer(const LuaBuffer&) = delete;
  LuaBuffer& operator=(const LuaBuffer&) = delete;

  void append(std::string_view text) {
    if (text.size() > capacity_ - size_) grow(text.size());
    if (!text.empty()) std::memcpy(data_ + size_, text.data(), text.size());
    size_ += text.size();
  }
  void append(char c) {
    if (size_ == capacity_) grow(1);
    data_[size_++] = c;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::string_view view() const noexcept { return {data_, size_}; }
  /// Replaces the slot by the finished string.
  void finish() {
    lua_pushlstring(state_, data_, size_);
    lua_replace(state_, slot_);
  }

 private:
  void grow(std::size_t more) {
    const std::size_t wanted = std::max(capacity_ * 2, size_ + more);
    auto* bigger = static_cast<char*>(lua_newuserdata(state_, wanted));
    std::memcpy(bigger, data_, size_);
    lua_replace(state_, slot_);
    data_ = bigger;
    capacity_ = wanted;
  }

  lua_State* state_;
  int slot_ = 0;
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 1024;
  std::array<char, 1024> first_;
};

}  // namespace perilune::runtime
