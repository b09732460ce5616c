#include "api/bundle/ceiling.hpp"

#include <algorithm>

namespace perilune::api {

bool is_plan_limit(Limit limit) noexcept {
  return limit == Limit::BundlePacked || limit == Limit::BundleUnpacked ||
         limit == Limit::BundleFiles || limit == Limit::Versions;
}

std::uint64_t highest_ceiling(const LimitSpec& row) noexcept {
  switch (row.limit) {
    case Limit::Target:
    case Limit::Header:
    case Limit::Headers:
    case Limit::HeaderCount:
    case Limit::ResponseHeaders:
    case Limit::ResponseHeaderCount:
    case Limit::LogLine:
    case Limit::StreamWindow: return row.maximum;
    // The admin listener takes no larger body.
    case Limit::BundlePacked: return row.maximum;
    default: return row.maximum * 16;
  }
}

Limits ceiling_of(const LimitOverrides& overrides) noexcept {
  Limits ceiling = default_ceiling();
  for (const LimitSpec& row : limit_specs()) {
    if (is_plan_limit(row.limit)) ceiling.set(row.limit, row.value);
  }
  for (const auto& [limit, value] : overrides) ceiling.set(limit, value);
  return ceiling;
}

Limits held_under(const Limits& asked, const Limits& ceiling) noexcept {
  Limits held = asked;
  for (const LimitSpec& row : limit_specs())
    held.set(row.limit, std::min(asked.raw(row.limit), ceiling.raw(row.limit)));
  return held;
}

}  // namespace perilune::api
