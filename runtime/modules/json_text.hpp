#pragma once

/// @file
/// Text that grows in the VM's own memory and is given back as soon as its owner goes.

#include <algorithm>
#include <array>
#include <cstring>
#include <lua.hpp>
#include <string_view>
#include <utility>

namespace perilune::runtime {

/// Bytes from the VM's allocator, so they count against its memory limit. A Lua error may end its
/// scope: the destructor runs. What fits into the first 512 bytes costs no allocation.
class JsonText {
 public:
  explicit JsonText(lua_State* L) noexcept : allocate_{lua_getallocf(L, &context_)} {}
  JsonText(JsonText&& other) noexcept
      : context_{other.context_},
        allocate_{other.allocate_},
        size_{other.size_},
        capacity_{other.capacity_},
        block_{std::exchange(other.block_, nullptr)} {
    if (block_ == nullptr) std::memcpy(first_.data(), other.first_.data(), size_);
    other.size_ = 0;
    other.capacity_ = kFirst;
  }
  ~JsonText() { release(); }
  JsonText(const JsonText&) = delete;
  JsonText& operator=(const JsonText&) = delete;
  JsonText& operator=(JsonText&&) = delete;

  /// Room for `more` bytes behind the text, or "not enough memory". `take` says how many it got.
  [[nodiscard]] char* room(lua_State* L, std::size_t more) {
    if (more > capacity_ - size_) grow(L, more);
    return data() + size_;
  }
  void take(std::size_t bytes) noexcept { size_ += bytes; }

  void append(lua_State* L, std::string_view text) {
    char* to = room(L, text.size());
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    size_ += text.size();
  }
  void append(lua_State* L, char c) {
    *room(L, 1) = c;
    ++size_;
  }

  [[nodiscard]] std::string_view view() const noexcept {
    return {block_ != nullptr ? block_ : first_.data(), size_};
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Gives the memory back; the text is empty then.
  void release() noexcept {
    if (block_ != nullptr) allocate_(context_, block_, capacity_, 0);
    block_ = nullptr;
    size_ = 0;
    capacity_ = kFirst;
  }

 private:
  static constexpr std::size_t kFirst = 512;

  [[nodiscard]] char* data() noexcept { return block_ != nullptr ? block_ : first_.data(); }
  void grow(lua_State* L, std::size_t more) {
    const std::size_t wanted = std::max(capacity_ + capacity_ / 2, size_ + more);
    void* bigger = allocate_(context_, block_, block_ != nullptr ? capacity_ : 0, wanted);
    if (bigger == nullptr) {
      lua_pushliteral(L, "not enough memory");
      lua_error(L);
    }
    if (block_ == nullptr) std::memcpy(bigger, first_.data(), size_);
    block_ = static_cast<char*>(bigger);
    capacity_ = wanted;
  }

  void* context_;
  lua_Alloc allocate_;
  std::size_t size_ = 0;
  std::size_t capacity_ = kFirst;
  char* block_ = nullptr;
  std::array<char, kFirst> first_;
};

}  // namespace perilune::runtime
