#include "runtime/fiber/deadlock_report.hpp"

#include <algorithm>
#include <vector>

#include "runtime/fiber/fiber.hpp"
#include "runtime/fiber/introspection.hpp"

namespace perilune::runtime {
namespace {

/// Fibers that a message names one after the other.
constexpr int kMessageFibers = 4;

std::string suspension(const Fiber& fiber) {
  const std::string place = place_of(fiber);
  return std::string{fiber.operation->name()} + (place == "?" ? " in a tail call" : " at " + place);
}

std::string fiber_name(const Fiber& fiber) {
  return (fiber.is_main ? "main fiber " : "fiber ") + fiber_id_text(fiber.id);
}

std::string graph_line(const SearchedWait& wait) {
  const Fiber& fiber = *wait.fiber;
  std::string line = "\n  " + fiber_name(fiber) + ": " + suspension(fiber);
  if (const Fiber* holder = fiber.operation->holder())
    line += ", waits for " + (holder == &fiber ? "itself" : fiber_name(*holder));
  const std::string resource = fiber.operation->resource();
  if (!resource.empty()) line += " (" + resource + ")";
  if (!wait.end) line += ", goes on when that one does";
  return line;
}

std::string headline(std::span<const SearchedWait> ends, std::span<SearchedWait> waits) {
  const std::string count = std::to_string(ends.size());
  const bool cycle = std::all_of(ends.begin(), ends.end(), [waits](const SearchedWait& end) {
    const Fiber* holder = end.fiber->operation->holder();
    return holder != nullptr && find_wait(waits, holder) != nullptr;
  });
  if (cycle && ends.size() > 1) return "Deadlock: " + count + " fibers wait for each other";
  const bool itself = cycle && ends.front().fiber->operation->holder() == ends.front().fiber;
  if (itself) return "Deadlock: a fiber waits for itself";
  if (ends.size() == 1) return "Deadlock: a fiber waits for what nobody can do any more";
  return "Deadlock: " + count + " fibers wait for what nobody can do any more";
}

}  // namespace

std::string deadlock_graph(std::span<SearchedWait> waits) {
  std::vector<SearchedWait> shown{waits.begin(), waits.end()};
  std::sort(shown.begin(), shown.end(), [](const SearchedWait& a, const SearchedWait& b) {
    return a.end != b.end ? a.end : a.fiber->id < b.fiber->id;
  });
  const auto ends =
      std::find_if(shown.begin(), shown.end(), [](const SearchedWait& wait) { return !wait.end; });
  std::string text =
      headline(std::span{shown}.first(static_cast<std::size_t>(ends - shown.begin())), waits);
  for (std::size_t i = 0; i < std::min(shown.size(), kGraphFibers); ++i)
    text += graph_line(shown[i]);
  if (shown.size() > kGraphFibers)
    text += "\n  and " + std::to_string(shown.size() - kGraphFibers) + " more";
  return text;
}

std::string deadlock_message(const SearchedWait& wait, std::span<SearchedWait> waits) {
  const Fiber& fiber = *wait.fiber;
  std::string text = "deadlock: " + suspension(fiber);
  const Fiber* at = fiber.operation->holder();
  if (at == nullptr || find_wait(waits, at) == nullptr)
    return text + " waits for what nobody can do any more";
  if (at == &fiber) return text + " waits for this fiber itself";
  text += " waits for " + fiber_name(*at);
  for (int i = 1; i < kMessageFibers; ++i) {
    const Fiber* next = at->operation->holder();
    if (next == nullptr || find_wait(waits, next) == nullptr) break;
    text += ", which waits (" + suspension(*at) + ") for " +
            (next == &fiber ? "this fiber" : fiber_name(*next));
    if (next == &fiber) return text;
    at = next;
  }
  return text + ", and so on";
}

}  // namespace perilune::runtime
