#include "runtime/vm/arena.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

namespace perilune::runtime {
namespace {

constexpr std::uint32_t pages_for(std::size_t size) noexcept {
  return static_cast<std::uint32_t>((size + Arena::kPage - 1) / Arena::kPage);
}

constexpr std::uint32_t slab_pages(std::size_t block) noexcept {
  if (block <= 512) return 4;
  return block <= 2048 ? 8 : 16;
}

}  // namespace

/// The first and the last page of a free run know it; every page of a slab knows the slab.
struct Arena::Page {
  enum class Kind : std::uint32_t { Used, Free, Slab };
  Kind kind;
  std::uint32_t head;   ///< first page of the free run or slab
  std::uint32_t pages;  ///< of a free run, at its first page
  std::uint32_t next;   ///< free runs of a bin
  std::uint32_t previous;
};

struct Arena::Slab {
  void* free;        ///< blocks that came back
  std::byte* fresh;  ///< blocks from here to `end` were never handed out
  std::byte* end;
  Slab* next;
  Slab* previous;
  std::uint32_t used;
  bool linked;
};

Arena::Arena(std::size_t bytes) noexcept {
  bytes = (bytes + kPage - 1) / kPage * kPage;
  bins_.fill(kNone);
  void* range = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) return;
  base_ = static_cast<std::byte*>(range);
  bytes_ = bytes;
  pages_ = static_cast<Page*>(range);
  end_ = static_cast<std::uint32_t>(bytes / kPage);
  first_ = pages_for(end_ * sizeof(Page));
  top_ = first_;
  if (end_ - first_ < 2 * kFirstPages) return;
  first_begin_ = first_fresh_ = address(first_);
  top_ = first_ + kFirstPages;
  first_end_ = address(top_);
}

Arena::~Arena() {
  if (base_ != nullptr) ::munmap(base_, bytes_);
}

std::size_t Arena::class_of(std::size_t size) noexcept {
  if (size <= 256) return (size - 1) / 16;
  const std::size_t shift = std::bit_width(size - 1) - 1;  // 2^shift < size
  return 16 + (shift - 8) * 8 + ((size - 1 - (std::size_t{1} << shift)) >> (shift - 3));
}

std::size_t Arena::class_size(std::size_t index) noexcept {
  if (index < 16) return (index + 1) * 16;
  const std::size_t shift = 8 + (index - 16) / 8;
  return (std::size_t{1} << shift) + ((index - 16) % 8 + 1) * (std::size_t{1} << (shift - 3));
}

std::byte* Arena::address(std::uint32_t page) const noexcept {
  return base_ + std::size_t{page} * kPage;
}

std::uint32_t Arena::page_of(const void* block) const noexcept {
  return static_cast<std::uint32_t>(
      static_cast<std::size_t>(static_cast<const std::byte*>(block) - base_) / kPage);
}

void* Arena::allocate(std::size_t size) noexcept {
  if (size <= kLargestClass) return from_slab(class_of(size));
  // The very first one is the lua_State, which stays: it need not begin on a page.
  if (first_fresh_ == first_begin_ && size <= kLargestFirst && first_fresh_ != first_end_) {
    first_fresh_ += (size + 15) / 16 * 16;
    return first_begin_;
  }
  if (size > bytes_) return nullptr;
  const std::uint32_t page = take_run(pages_for(size));
  return page == kNone ? nullptr : address(page);
}

void Arena::release(void* block, std::size_t size) noexcept {
  if (size <= kLargestClass) return to_slab(block, class_of(size));
  if (block < first_end_) return;  // the first block: it goes with the arena
  const std::uint32_t pages = pages_for(size);
  if (size >= kGiveBack) ::madvise(block, std::size_t{pages} * kPage, MADV_DONTNEED);
  give_run(page_of(block), pages);
}

void* Arena::resize(void* block, std::size_t from, std::size_t to) noexcept {
  if (from <= kLargestClass && to <= kLargestClass && class_of(from) == class_of(to)) return block;
  if (from > kLargestClass && to > kLargestClass && block >= first_end_) {
    if (to > bytes_) return nullptr;
    const std::uint32_t before = pages_for(from);
    const std::uint32_t after = pages_for(to);
    const std::uint32_t first = page_of(block);
    if (after < before) {
      const std::size_t rest = std::size_t{before - after} * kPage;
      if (rest >= kGiveBack) ::madvise(address(first + after), rest, MADV_DONTNEED);
      give_run(first + after, before - after);
      return block;
    }
    if (after == before || grow_run(first, before, after)) return block;
  }
  void* moved = allocate(to);
  // lua_Alloc must not fail when it shrinks. It could here only if not one run is left in a range
  // twice as large as the limit.
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(from, to));
  release(block, from);
  return moved;
}

// -- runs of pages --------------------------------------------------------------------------------

std::size_t Arena::run_bin(std::uint32_t pages) noexcept {
  if (pages <= 64) return pages - 1;
  return 64 + static_cast<std::size_t>(std::bit_width(pages)) - 7;
}

std::uint32_t Arena::find_run(std::uint32_t pages) noexcept {
  for (std::size_t bin = run_bin(pages); bin < kRunBins; ++bin) {
    // Exact bins and those above the size's own fit at once; in its own range the first that fits.
    for (std::uint32_t at = bins_[bin]; at != kNone; at = pages_[at].next) {
      if (pages_[at].pages >= pages) return at;
    }
  }
  return kNone;
}

std::uint32_t Arena::take_run(std::uint32_t pages) noexcept {
  std::uint32_t at = find_run(pages);
  if (at == kNone) {
    if (end_ - top_ < pages) return kNone;
    at = top_;
    top_ += pages;
  } else {
    const std::uint32_t all = pages_[at].pages;
    remove_free(at);
    if (all > pages) insert_free(at + pages, all - pages);
  }
  pages_[at].kind = Page::Kind::Used;
  pages_[at + pages - 1].kind = Page::Kind::Used;
  held_pages_ += pages;
  return at;
}

void Arena::give_run(std::uint32_t first, std::uint32_t pages) noexcept {
  held_pages_ -= pages;
  if (first > first_ && pages_[first - 1].kind == Page::Kind::Free) {
    const std::uint32_t head = pages_[first - 1].head;
    pages += pages_[head].pages;
    remove_free(head);
    first = head;
  }
  const std::uint32_t after = first + pages;
  if (after < top_ && pages_[after].kind == Page::Kind::Free) {
    pages += pages_[after].pages;
    remove_free(after);
  }
  if (first + pages == top_) {
    top_ = first;
    return;
  }
  insert_free(first, pages);
}

void Arena::insert_free(std::uint32_t first, std::uint32_t pages) noexcept {
  std::uint32_t& bin = bins_[run_bin(pages)];
  pages_[first] = {Page::Kind::Free, first, pages, bin, kNone};
  pages_[first + pages - 1].kind = Page::Kind::Free;
  pages_[first + pages - 1].head = first;
  if (bin != kNone) pages_[bin].previous = first;
  bin = first;
}

void Arena::remove_free(std::uint32_t first) noexcept {
  Page& page = pages_[first];
  if (page.previous == kNone) {
    bins_[run_bin(page.pages)] = page.next;
  } else {
    pages_[page.previous].next = page.next;
  }
  if (page.next != kNone) pages_[page.next].previous = page.previous;
  pages_[first + page.pages - 1].kind = Page::Kind::Used;
  page.kind = Page::Kind::Used;
}

bool Arena::grow_run(std::uint32_t first, std::uint32_t from, std::uint32_t to) noexcept {
  const std::uint32_t after = first + from;
  const std::uint32_t more = to - from;
  if (after == top_) {
    if (end_ - top_ < more) return false;
    top_ += more;
  } else {
    if (pages_[after].kind != Page::Kind::Free || pages_[after].pages < more) return false;
    const std::uint32_t all = pages_[after].pages;
    remove_free(after);
    if (all > more) insert_free(after + more, all - more);
  }
  pages_[after].kind = Page::Kind::Used;
  pages_[first + to - 1].kind = Page::Kind::Used;
  held_pages_ += more;
  return true;
}

// -- slabs ----------------------------------------------------------------------------------------

Arena::Slab* Arena::new_slab(std::size_t index) noexcept {
  const std::size_t block = class_size(index);
  const std::uint32_t count = slab_pages(block);
  const std::uint32_t first = take_run(count);
  if (first == kNone) return nullptr;
  for (std::uint32_t i = 0; i < count; ++i) {
    pages_[first + i].kind = Page::Kind::Slab;
    pages_[first + i].head = first;
  }
  std::byte* start = address(first) + (sizeof(Slab) + 15) / 16 * 16;
  const auto room = static_cast<std::size_t>(address(first + count) - start);
  Slab* slab = ::new (address(first))
      Slab{nullptr, start, start + room / block * block, nullptr, nullptr, 0, false};
  link(slab, index);
  return slab;
}

void Arena::link(Slab* slab, std::size_t index) noexcept {
  slab->next = slabs_[index];
  slab->previous = nullptr;
  if (slab->next != nullptr) slab->next->previous = slab;
  slabs_[index] = slab;
  slab->linked = true;
}

void Arena::unlink(Slab* slab, std::size_t index) noexcept {
  (slab->previous != nullptr ? slab->previous->next : slabs_[index]) = slab->next;
  if (slab->next != nullptr) slab->next->previous = slab->previous;
  slab->linked = false;
}

void* Arena::from_first(std::size_t index) noexcept {
  void* block = first_free_[index];
  if (block != nullptr) {
    std::memcpy(&first_free_[index], block, sizeof block);
    return block;
  }
  const std::size_t size = class_size(index);
  if (static_cast<std::size_t>(hole_end_ - hole_) >= size)
    return std::exchange(hole_, hole_ + size);
  if (static_cast<std::size_t>(first_end_ - first_fresh_) < size) return nullptr;
  return std::exchange(first_fresh_, first_fresh_ + size);
}

void Arena::to_first(void* block, std::size_t index) noexcept {
  auto* start = static_cast<std::byte*>(block);
  const std::size_t size = class_size(index);
  if (start + size == first_fresh_) {
    first_fresh_ = start;
  } else if (size >= kHole && size > static_cast<std::size_t>(hole_end_ - hole_)) {
    hole_ = start;
    hole_end_ = start + size;
  } else {
    std::memcpy(block, &first_free_[index], sizeof(void*));
    first_free_[index] = block;
  }
}

void* Arena::from_slab(std::size_t index) noexcept {
  Slab* slab = slabs_[index];
  void* block = nullptr;
  if (slab == nullptr) {
    if ((block = from_first(index)) != nullptr) return block;
    if ((slab = new_slab(index)) == nullptr) return nullptr;
  }
  block = slab->free;
  if (block != nullptr) {
    std::memcpy(&slab->free, block, sizeof slab->free);
  } else {
    block = slab->fresh;
    slab->fresh += class_size(index);
  }
  ++slab->used;
  if (slab->free == nullptr && slab->fresh == slab->end) unlink(slab, index);
  return block;
}

void Arena::to_slab(void* block, std::size_t index) noexcept {
  if (block < first_end_) return to_first(block, index);
  const std::uint32_t first = pages_[page_of(block)].head;
  auto* slab = std::launder(reinterpret_cast<Slab*>(address(first)));
  std::memcpy(block, &slab->free, sizeof slab->free);
  slab->free = block;
  --slab->used;
  if (!slab->linked) return link(slab, index);
  // One empty slab a class stays, so that a block that comes and goes costs no run.
  if (slab->used != 0 || (slab->next == nullptr && slab->previous == nullptr)) return;
  unlink(slab, index);
  const std::uint32_t count = slab_pages(class_size(index));
  for (std::uint32_t i = 0; i < count; ++i) pages_[first + i].kind = Page::Kind::Used;
  give_run(first, count);
}

}  // namespace perilune::runtime
