#include "runtime/limits.hpp"

#include <charconv>
#include <utility>

namespace perilune {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;
constexpr std::uint64_t kSecond = 1000;

using L = Limit;
using U = Unit;

// limit, key, unit, default, minimum, maximum, meaning
constexpr std::array<LimitSpec, kLimitCount> kTable{{
    {L::Memory, "memory", U::Bytes, 64 * kMiB, 1 * kMiB, 1 * kGiB,
     "Memory of one VM, with everything that the runtime holds for it."},
    {L::WorkerMemory, "worker_memory", U::Bytes, 256 * kMiB, 16 * kMiB, 4 * kGiB,
     "Memory of the app's worker process."},
    {L::Cpu, "cpu_ms", U::Milliseconds, 200, 1, 60 * kSecond,
     "CPU time of one invocation; then an error that can be caught once and is raised again until "
     "the fibers have unwound. What an app does outside of requests has as much at once, and a "
     "tenth "
     "of the time that passes."},
    {L::CpuHard, "cpu_hard_ms", U::Milliseconds, 250, 10, 60 * kSecond,
     "CPU time beyond cpu_ms after which the worker is killed."},
    {L::Slice, "slice_ms", U::Milliseconds, 10, 1, 100,
     "CPU time after which a VM hands its thread on; also how soon a worker that computes looks at "
     "its requests."},
    {L::Wall, "wall_ms", U::Milliseconds, 30 * kSecond, 10, 3600 * kSecond,
     "Time from the request's head to the end of its response, and of the fibers that the request "
     "leaves behind."},
    {L::StreamIdle, "stream_idle_ms", U::Milliseconds, 60 * kSecond, 100, 3600 * kSecond,
     "Time without a byte in either direction after which a stream is cut."},
    {L::StartupCpu, "startup_cpu_ms", U::Milliseconds, 400, 10, 10 * kSecond,
     "CPU time of the entry file until the app serves."},
    {L::StartupWall, "startup_wall_ms", U::Milliseconds, 1 * kSecond, 50, 60 * kSecond,
     "Time of the entry file until the app serves."},
    {L::Target, "target", U::Bytes, 8 * kKiB, 64, 32 * kKiB, "Length of a request's target."},
    {L::Header, "header", U::Bytes, 8 * kKiB, 64, 32 * kKiB, "Length of one request header line."},
    {L::Headers, "headers", U::Bytes, 32 * kKiB, 256, 48 * kKiB, "Bytes of all request headers."},
    {L::HeaderCount, "header_count", U::Count, 100, 1, 500, "Number of request headers."},
    {L::HeaderTime, "header_time_ms", U::Milliseconds, 10 * kSecond, 100, 60 * kSecond,
     "Time in which a request's head must arrive."},
    {L::ResponseHeaders, "response_headers", U::Bytes, 32 * kKiB, 256, 48 * kKiB,
     "Bytes of all response headers."},
    {L::ResponseHeaderCount, "response_header_count", U::Count, 100, 1, 500,
     "Number of response headers."},
    {L::Body, "body", U::Bytes, 10 * kMiB, 0, 1 * kGiB,
     "Bytes of a message body that an app may hold at once."},
    {L::BodyStreamed, "body_streamed", U::Bytes, 100 * kMiB, 0, 64 * kGiB,
     "Bytes of a request body in all."},
    {L::StreamWindow, "stream_window", U::Bytes, 64 * kKiB, 4 * kKiB, 1 * kMiB,
     "Bytes in flight per stream and direction."},
    {L::Concurrency, "concurrency", U::Count, 100, 1, 10000,
     "Requests of one app that run at once."},
    {L::Queue, "queue", U::Count, 100, 0, 10000, "Requests of one app that wait for a place."},
    {L::Subrequests, "subrequests", U::Count, 50, 0, 10000, "Outbound requests of one invocation."},
    {L::SubrequestsAtOnce, "subrequests_at_once", U::Count, 32, 0, 1000,
     "Outbound requests of one invocation at once."},
    {L::Fibers, "fibers", U::Count, 10000, 2, 10000000, "Fibers of one VM."},
    {L::Vms, "vms", U::Count, 64, 1, 10000, "VMs of one app."},
    {L::Threads, "threads", U::Count, 1, 1, 64, "Threads of one app's worker."},
    {L::Timers, "timers", U::Count, 1024, 1, 1000000, "Timers of one VM that run at once."},
    {L::Sockets, "sockets", U::Count, 256, 1, 10000, "Sockets of one VM."},
    {L::InboxMessages, "inbox_messages", U::Count, 1000, 1, 1000000, "Messages in an inbox."},
    {L::InboxBytes, "inbox_bytes", U::Bytes, 1 * kMiB, 1 * kKiB, 256 * kMiB, "Bytes in an inbox."},
    {L::Message, "message", U::Bytes, 256 * kKiB, 64, 64 * kMiB, "Bytes of one message."},
    {L::BundlePacked, "bundle_packed", U::Bytes, 10 * kMiB, 1 * kKiB, 64 * kMiB,
     "Bytes of an upload."},
    {L::BundleUnpacked, "bundle_unpacked", U::Bytes, 32 * kMiB, 1 * kKiB, 256 * kMiB,
     "Bytes of a bundle's files."},
    {L::BundleFiles, "bundle_files", U::Count, 1000, 1, 10000, "Files of a bundle."},
    {L::LogLine, "log_line", U::Bytes, 16 * kKiB, 64, 48 * kKiB,
     "Bytes of one log line; what is longer is cut and marked."},
    {L::LogInvocation, "log_invocation", U::Bytes, 256 * kKiB, 0, 64 * kMiB,
     "Bytes that one invocation may log."},
    {L::LogRate, "log_rate", U::PerSecond, 100, 1, 100000, "Log lines a second, sustained."},
    {L::LogBurst, "log_burst", U::Count, 1000, 1, 1000000, "Log lines at once."},
    {L::Env, "env", U::Count, 128, 0, 1000, "Environment entries and secrets."},
    {L::EnvBytes, "env_bytes", U::Bytes, 64 * kKiB, 0, 1 * kMiB,
     "Bytes of all environment entries and secrets."},
    {L::Versions, "versions", U::Count, 100, 1, 10000, "Versions of an app that are kept."},
    {L::Idle, "idle_ms", U::Milliseconds, 600 * kSecond, 100, 86400 * kSecond,
     "Time without a request after which the app's worker is stopped; the next request starts it."},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kLimitCount; ++i) {
    if (static_cast<std::size_t>(kTable[i].limit) != i) return false;
    if (kTable[i].value < kTable[i].minimum || kTable[i].value > kTable[i].maximum) return false;
  }
  return true;
}
static_assert(in_order(), "the table follows the order of Limit, each default between its bounds");

struct Suffix {
  std::string_view text;
  std::uint64_t factor;
};
constexpr std::array<Suffix, 7> kSuffixes{{{"GiB", kGiB},
                                           {"MiB", kMiB},
                                           {"KiB", kKiB},
                                           {"GB", 1000000000},
                                           {"MB", 1000000},
                                           {"kB", 1000},
                                           {"B", 1}}};

Failure out_of_bounds(const char* code, const LimitSpec& row, std::uint64_t actual,
                      const char* relation, std::uint64_t bound) {
  return {code, std::string{row.key} + " is " + format_limit(row, actual) + ", " + relation + " " +
                    format_limit(row, bound)};
}

}  // namespace

std::span<const LimitSpec, kLimitCount> limit_specs() noexcept { return kTable; }

const LimitSpec& spec(Limit limit) noexcept { return kTable[static_cast<std::size_t>(limit)]; }

const LimitSpec* find_limit(std::string_view key) noexcept {
  for (const LimitSpec& row : kTable) {
    if (row.key == key) return &row;
  }
  return nullptr;
}

std::string format_limit(const LimitSpec& row, std::uint64_t value) {
  if (row.unit == Unit::Milliseconds) return std::to_string(value) + " ms";
  if (row.unit == Unit::PerSecond) return std::to_string(value) + "/s";
  if (row.unit == Unit::Count) return std::to_string(value);
  for (const Suffix& s : kSuffixes) {
    if (s.factor % 1000 != 0 && value >= s.factor && value % s.factor == 0)
      return std::to_string(value / s.factor) + std::string{s.text};
  }
  return std::to_string(value) + "B";
}

Limits::Limits() noexcept {
  for (const LimitSpec& row : kTable) set(row.limit, row.value);
}

Result<Limits> checked(const Limits& asked, const Limits& ceiling) {
  for (const LimitSpec& row : kTable) {
    const std::uint64_t value = asked.raw(row.limit);
    if (value < row.minimum)
      return out_of_bounds("limit_too_low", row, value, "below the minimum of", row.minimum);
    if (value > ceiling.raw(row.limit))
      return out_of_bounds("limit_too_high", row, value, "above the ceiling of",
                           ceiling.raw(row.limit));
  }
  return asked;
}

Limits default_ceiling() noexcept {
  Limits ceiling;
  for (const LimitSpec& row : kTable) ceiling.set(row.limit, row.maximum);
  return ceiling;
}

Result<std::uint64_t> parse_limit(const LimitSpec& row, std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  std::string_view suffix{rest, static_cast<std::size_t>(end - rest)};
  while (!suffix.empty() && suffix.front() == ' ') suffix.remove_prefix(1);
  const Failure bad{
      "bad_limit",
      std::string{row.key} + ": \"" + std::string{text} + "\" is not " +
          (row.unit == Unit::Bytes ? "a size such as \"32MiB\" or \"1048576\"" : "a whole number")};
  if (error != std::errc{}) return bad;
  if (suffix.empty()) return value;
  if (row.unit != Unit::Bytes) return bad;
  for (const Suffix& s : kSuffixes) {
    if (s.text != suffix) continue;
    if (value > UINT64_MAX / s.factor) return bad;
    return value * s.factor;
  }
  return bad;
}

}  // namespace perilune
