#pragma once

/// @file
/// Every limit of an app: one table from which the manifest parser, GET /v1/limits, the
/// documentation, the link's configuration message and the tests are made. Enforcement lives where
/// the resource is.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/base/units.hpp"

namespace perilune {

/// Index into a `Limits` value; the order is the wire order of the link's configuration message.
enum class Limit : std::uint8_t {
  Memory,
  WorkerMemory,
  Cpu,
  CpuHard,
  Slice,
  Wall,
  StreamIdle,
  StartupCpu,
  StartupWall,
  Target,
  Header,
  Headers,
  HeaderCount,
  HeaderTime,
  ResponseHeaders,
  ResponseHeaderCount,
  Body,
  BodyStreamed,
  StreamWindow,
  Concurrency,
  Queue,
  Subrequests,
  SubrequestsAtOnce,
  Fibers,
  Vms,
  Threads,
  Timers,
  Sockets,
  InboxMessages,
  InboxBytes,
  Message,
  BundlePacked,
  BundleUnpacked,
  BundleFiles,
  LogLine,
  LogInvocation,
  LogRate,
  LogBurst,
  Env,
  EnvBytes,
  Versions,
  Idle,
  Count_,
};

inline constexpr std::size_t kLimitCount = static_cast<std::size_t>(Limit::Count_);

enum class Unit : std::uint8_t { Bytes, Milliseconds, Count, PerSecond };

/// One row of the table.
struct LimitSpec {
  Limit limit;
  std::string_view key;  ///< the manifest's and the API's name: `memory`, `cpu_ms`
  Unit unit;
  std::uint64_t value;    ///< default
  std::uint64_t minimum;  ///< below this nothing works
  std::uint64_t
      maximum;  ///< above this a manifest is refused unless an operator raised the ceiling
  std::string_view what;  ///< one sentence for the documentation
};

/// All rows, in the order of `Limit`.
[[nodiscard]] std::span<const LimitSpec, kLimitCount> limit_specs() noexcept;
[[nodiscard]] const LimitSpec& spec(Limit limit) noexcept;
/// The row with this key, or nullptr.
[[nodiscard]] const LimitSpec* find_limit(std::string_view key) noexcept;
/// "32MiB", "100 ms", "64": for messages.
[[nodiscard]] std::string format_limit(const LimitSpec& row, std::uint64_t value);

/// What one app may use. A plain value, copied freely; starts as the defaults.
class Limits {
 public:
  Limits() noexcept;

  [[nodiscard]] Bytes bytes(Limit limit) const noexcept { return Bytes{raw(limit)}; }
  [[nodiscard]] std::chrono::milliseconds duration(Limit limit) const noexcept {
    return std::chrono::milliseconds{static_cast<std::int64_t>(raw(limit))};
  }
  [[nodiscard]] std::uint64_t count(Limit limit) const noexcept { return raw(limit); }
  [[nodiscard]] std::uint64_t raw(Limit limit) const noexcept {
    return values_[static_cast<std::size_t>(limit)];
  }
  void set(Limit limit, std::uint64_t value) noexcept {
    values_[static_cast<std::size_t>(limit)] = value;
  }

  friend bool operator==(const Limits&, const Limits&) = default;

 private:
  std::array<std::uint64_t, kLimitCount> values_{};
};

/// Holds what an app asks for against its ceiling.
///
/// @returns `asked` unchanged, or `limit_too_low` / `limit_too_high` naming key, limit, actual
/// value. Does not throw; safe on any thread.
[[nodiscard]] Result<Limits> checked(const Limits& asked, const Limits& ceiling);

/// The ceiling that a tenant has when its operator set none: every row's maximum.
[[nodiscard]] Limits default_ceiling() noexcept;

/// Parses a manifest's or API's text for this row: "32MiB" or "1048576" for bytes, "250" for the
/// others.
[[nodiscard]] Result<std::uint64_t> parse_limit(const LimitSpec& row, std::string_view text);

}  // namespace perilune
