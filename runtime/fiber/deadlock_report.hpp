#pragma once

/// @file
/// A deadlock in words: a line per fiber for the log, a sentence per fiber for its error.

#include <span>
#include <string>

#include "runtime/fiber/reachability.hpp"

namespace perilune::runtime {

/// Fibers of a graph that are named; the others are counted.
inline constexpr std::size_t kGraphFibers = 32;

/// "Deadlock: 2 fibers wait for each other", then who waits where and for whom. `waits`: the fibers
/// that nobody ends, those that get an error with `end`; sorted by address.
[[nodiscard]] std::string deadlock_graph(std::span<SearchedWait> waits);

/// "deadlock: mutex:lock at app.lua:12 waits for fiber 0x3, which waits (mutex:lock at app.lua:20)
/// for this fiber".
[[nodiscard]] std::string deadlock_message(const SearchedWait& wait, std::span<SearchedWait> waits);

}  // namespace perilune::runtime
