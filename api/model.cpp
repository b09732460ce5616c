#include "api/model.hpp"

#include <array>

namespace perilune::api {

std::string_view name(AppState state) noexcept {
  constexpr std::array<std::string_view, 8> kNames{
      "not_deployed", "idle",       "starting",  "running",
      "backing_off",  "crash_loop", "suspended", "isolation_failed"};
  const auto index = static_cast<std::size_t>(state);
  return index < kNames.size() ? kNames[index] : "unknown";
}

}  // namespace perilune::api
