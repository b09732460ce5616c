#pragma once

/// @file
/// Where a VM's memory comes from: one reserved address range, carved by size classes and page
/// runs.
///
/// The first 64 KiB are handed out one block after the other, whatever their sizes: what a small VM
/// consists of touches as few pages as it can. After that, sizes up to 8 KiB come from slabs (runs
/// of pages that hold blocks of one class), larger ones are runs of pages themselves. Callers know
/// the size of what they free (lua_Alloc does), so blocks carry no header. Free neighbouring runs
/// are merged; large ones go back to the kernel. Pages that were never used cost nothing. Not
/// thread-safe.

#include <array>
#include <cstddef>
#include <cstdint>

namespace perilune::runtime {

class Arena {
 public:
  static constexpr std::size_t kPage = 4096;
  static constexpr std::size_t kLargestClass = 8192;
  /// A freed run of this size or more is returned to the kernel (`MADV_DONTNEED`).
  static constexpr std::size_t kGiveBack = 128 * 1024;

  /// Reserves `bytes` of address space; `valid()` is false when there is none.
  explicit Arena(std::size_t bytes) noexcept;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  [[nodiscard]] bool valid() const noexcept { return base_ != nullptr; }
  /// 16-byte aligned; nullptr when no run of that size is left. `size` > 0.
  [[nodiscard]] void* allocate(std::size_t size) noexcept;
  /// `size` is what was asked for.
  void release(void* block, std::size_t size) noexcept;
  /// Keeps the contents up to the smaller size. On nullptr the old block is untouched. Shrinking
  /// never fails.
  [[nodiscard]] void* resize(void* block, std::size_t from, std::size_t to) noexcept;

  /// What is in slabs or runs now and was taken of the first 64 KiB, in bytes (what the arena
  /// holds, not what was asked for).
  [[nodiscard]] std::size_t held() const noexcept {
    return held_pages_ * kPage + static_cast<std::size_t>(first_fresh_ - first_begin_);
  }

 private:
  struct Page;
  struct Slab;
  static constexpr std::size_t kClasses = 16 + 5 * 8;
  static constexpr std::size_t kRunBins = 64 + 32;
  static constexpr std::uint32_t kFirstPages = 16;
  static constexpr std::size_t kLargestFirst = 16 * 1024;  ///< of the first block
  /// A block of this size that comes back is carved up for smaller ones.
  static constexpr std::size_t kHole = 256;
  static constexpr std::uint32_t kNone = 0xffffffff;

  [[nodiscard]] static std::size_t class_of(std::size_t size) noexcept;
  [[nodiscard]] static std::size_t class_size(std::size_t index) noexcept;
  [[nodiscard]] static std::size_t run_bin(std::uint32_t pages) noexcept;
  [[nodiscard]] std::byte* address(std::uint32_t page) const noexcept;
  [[nodiscard]] std::uint32_t page_of(const void* block) const noexcept;

  [[nodiscard]] std::uint32_t take_run(std::uint32_t pages) noexcept;
  [[nodiscard]] std::uint32_t find_run(std::uint32_t pages) noexcept;
  void give_run(std::uint32_t first, std::uint32_t pages) noexcept;
  void insert_free(std::uint32_t first, std::uint32_t pages) noexcept;
  void remove_free(std::uint32_t first) noexcept;
  [[nodiscard]] bool grow_run(std::uint32_t first, std::uint32_t from, std::uint32_t to) noexcept;

  void* from_first(std::size_t index) noexcept;
  void to_first(void* block, std::size_t index) noexcept;
  [[nodiscard]] Slab* new_slab(std::size_t index) noexcept;
  void* from_slab(std::size_t index) noexcept;
  void to_slab(void* block, std::size_t index) noexcept;
  void link(Slab* slab, std::size_t index) noexcept;
  void unlink(Slab* slab, std::size_t index) noexcept;

  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
  Page* pages_ = nullptr;    ///< one entry a page, at the start of the range itself
  std::uint32_t first_ = 0;  ///< first page behind the table
  std::uint32_t top_ = 0;    ///< pages from here on are untouched
  std::uint32_t end_ = 0;
  std::size_t held_pages_ = 0;
  std::byte* first_begin_ = nullptr;  ///< the first blocks: [begin, fresh) are handed out
  std::byte* first_fresh_ = nullptr;
  std::byte* first_end_ = nullptr;
  std::byte* hole_ = nullptr;  ///< [hole, end): the rest of a block that came back
  std::byte* hole_end_ = nullptr;
  std::array<void*, kClasses> first_free_{};  ///< of them, those that came back, by class
  std::array<Slab*, kClasses> slabs_{};       ///< with a free block, most recently used first
  std::array<std::uint32_t, kRunBins> bins_{};
};

}  // namespace perilune::runtime
