#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <vector>

#include "runtime/vm/arena.hpp"
#include "runtime/vm/heap.hpp"

using namespace perilune::runtime;

namespace {

struct Block {
  unsigned char* at;
  std::size_t size;
  unsigned char fill;

  [[nodiscard]] bool intact(std::size_t bytes) const {
    return std::all_of(at, at + bytes, [this](unsigned char byte) { return byte == fill; });
  }
};

std::size_t random_size(std::mt19937& random) {
  switch (random() % 8) {
    case 0: return 1 + random() % 300'000;
    case 1: return 1 + random() % 20'000;
    case 2: return 8190 + random() % 5;
    default: return 1 + random() % 600;
  }
}

}  // namespace

TEST_CASE("random allocations, growth and frees keep every block's contents apart") {
  Arena arena{64 << 20};
  REQUIRE(arena.valid());
  std::mt19937 random{7};
  std::vector<Block> blocks;
  bool intact = true;
#ifdef PERILUNE_SANITIZED
  constexpr int kSteps = 20'000;  // every byte of every block is looked at, ten times slower
#else
  constexpr int kSteps = 200'000;
#endif
  for (int step = 0; step < kSteps; ++step) {
    const auto action = random() % 4;
    if (blocks.empty() || (action < 2 && blocks.size() < 500)) {
      const std::size_t size = random_size(random);
      auto* at = static_cast<unsigned char*>(arena.allocate(size));
      REQUIRE(at != nullptr);
      REQUIRE(reinterpret_cast<std::uintptr_t>(at) % 16 == 0);
      blocks.push_back({at, size, static_cast<unsigned char>(random())});
      std::memset(at, blocks.back().fill, size);
      continue;
    }
    Block& block = blocks[random() % blocks.size()];
    intact = intact && block.intact(block.size);
    if (action == 2) {
      const std::size_t size = random_size(random);
      block.at = static_cast<unsigned char*>(arena.resize(block.at, block.size, size));
      REQUIRE(block.at != nullptr);
      intact = intact && block.intact(std::min(size, block.size));
      block.size = size;
      std::memset(block.at, block.fill, size);
    } else {
      arena.release(block.at, block.size);
      block = blocks.back();
      blocks.pop_back();
    }
  }
  CHECK(intact);
  for (const Block& block : blocks) arena.release(block.at, block.size);
  // At most one empty slab of each class stays behind.
  CHECK(arena.held() <= 56 * 64 * 1024);
}

TEST_CASE("every size class holds what it promises") {
  Arena arena{64 << 20};
  for (std::size_t size = 1; size <= Arena::kLargestClass + 1; ++size) {
    auto* one = static_cast<unsigned char*>(arena.allocate(size));
    auto* two = static_cast<unsigned char*>(arena.allocate(size));
    REQUIRE(one != nullptr);
    const auto distance = static_cast<std::size_t>(one < two ? two - one : one - two);
    REQUIRE(distance >= size);
    arena.release(one, size);
    arena.release(two, size);
  }
}

TEST_CASE("freed neighbours become one run again") {
  Arena arena{4 << 20};
  std::vector<void*> runs;
  while (void* run = arena.allocate(64 * 1024)) runs.push_back(run);
  CHECK(runs.size() > 50);
  for (void* run : runs) arena.release(run, 64 * 1024);
  void* all = arena.allocate(runs.size() * 64 * 1024);
  CHECK(all != nullptr);
  CHECK(arena.allocate(8 << 20) == nullptr);
}

TEST_CASE("the account is exact: the limit fits, one byte more does not") {
  int pressed = 0;
  Heap heap{1 << 20, [](void* count) { ++*static_cast<int*>(count); }, &pressed};
  REQUIRE(heap.enforce());
  void* most = heap.reallocate(nullptr, 0, (1 << 20) - 100);
  REQUIRE(most != nullptr);
  CHECK(pressed == 1);
  CHECK(heap.wants_collection());
  void* rest = heap.reallocate(nullptr, 0, 100);
  REQUIRE(rest != nullptr);
  CHECK(heap.used() == heap.limit());
  CHECK(heap.reallocate(nullptr, 0, 1) == nullptr);
  CHECK(heap.exhausted());
  CHECK_FALSE(heap.charge(1));
  heap.reallocate(rest, 100, 0);
  CHECK(heap.charge(100));
  CHECK_FALSE(heap.charge(1));
  heap.uncharge(100);
  rest = heap.reallocate(nullptr, 0, 50);
  CHECK(heap.reallocate(rest, 50, 101) == nullptr);
  rest = heap.reallocate(rest, 50, 100);
  CHECK(rest != nullptr);
  heap.reallocate(rest, 100, 0);
  heap.reallocate(most, (1 << 20) - 100, 0);
  CHECK(heap.used() == 0);
}

TEST_CASE("a collection has headroom and moves the mark up") {
  int pressed = 0;
  Heap heap{1000, [](void* count) { ++*static_cast<int*>(count); }, &pressed};
  REQUIRE(heap.enforce());
  REQUIRE(heap.charge(800));
  CHECK(pressed == 0);
  REQUIRE(heap.charge(1));
  CHECK(pressed == 1);
  heap.begin_collection();
  CHECK(heap.charge(500));
  heap.uncharge(500);
  heap.end_collection();
  CHECK_FALSE(heap.wants_collection());
  REQUIRE(heap.charge(99));
  CHECK(pressed == 1);
  REQUIRE(heap.charge(1));
  CHECK(pressed == 2);
}
