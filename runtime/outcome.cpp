#include "runtime/outcome.hpp"

#include <array>
#include <cstddef>

namespace perilune {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Outcome::Count_)> kNames{
    "ok",       "script_error", "cpu_limit",  "memory_limit",   "wall_limit",  "subrequest_limit",
    "deadlock", "canceled",     "overloaded", "worker_crashed", "bad_request", "internal"};

constexpr std::array<ErrorCode, 21> kCodes{{
    {"internal", 500, "Internal error", "Report it with the request id."},
    {"script_error", 500, "The app failed",
     "The app's log has the traceback under this request id."},
    {"cpu_limit", 500, "The app used up its CPU time", "See cpu_ms in the app's limits."},
    {"memory_limit", 500, "The app used up its memory", "See memory in the app's limits."},
    {"subrequest_limit", 500, "The app made too many outbound requests",
     "See subrequests in the app's limits."},
    {"deadlock", 500, "The app deadlocked",
     "The app's log has the wait-for graph under this request id."},
    {"bad_response", 500, "The app's response is not valid HTTP",
     "The app's log says which header or status was refused."},
    {"wall_limit", 504, "The app took too long", "See wall_ms in the app's limits."},
    {"worker_crashed", 502, "The app's worker died", "Try again; the worker restarts by itself."},
    {"app_not_found", 404, "No such app", "Check the host name: APP.TENANT.BASE-DOMAIN."},
    {"not_deployed", 404, "The app has no deployment", "Deploy one of its versions."},
    {"rate_limited", 429, "Too many requests for this tenant", "Slow down.", false, 1},
    {"overloaded", 503, "The app has too many requests",
     "Try again; see concurrency and queue in the app's limits.", false, 1},
    {"crash_loop", 503, "The app keeps crashing",
     "The app's events say why; deploy a version that starts.", false, 30},
    {"start_failed", 503, "The app does not start", "The app's log has the reason.", false, 5},
    {"draining", 503, "The server is shutting down", "Try again.", true, 1},
    {"uri_too_long", 414, "The request's target is too long", "See target in the limits.", true},
    {"headers_too_large", 431, "The request's headers are too large",
     "See header, headers and header_count in the limits.", true},
    {"body_too_large", 413, "The request's body is too large",
     "See body_streamed in the app's limits.", true},
    {"request_timeout", 408, "The request did not arrive in time",
     "Send it faster; see header_time_ms in the limits.", true},
    {"bad_request", 400, "The request is not valid HTTP/1.1", "See RFC 9112.", true},
}};

}  // namespace

std::string_view name(Outcome outcome) noexcept {
  return is_outcome(static_cast<std::uint8_t>(outcome)) ? kNames[static_cast<std::size_t>(outcome)]
                                                        : "internal";
}

bool is_outcome(std::uint8_t value) noexcept {
  return value < static_cast<std::uint8_t>(Outcome::Count_);
}

std::span<const ErrorCode> error_codes() noexcept { return kCodes; }

const ErrorCode& error_code(std::string_view code) noexcept {
  for (const ErrorCode& row : kCodes) {
    if (row.code == code) return row;
  }
  return kCodes[0];
}

const ErrorCode& error_for(Outcome outcome) noexcept { return error_code(name(outcome)); }

}  // namespace perilune
