#pragma once

/// @file
/// The control API: a request in, a response out.

#include <boost/asio/spawn.hpp>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "api/auth/failed_attempts.hpp"
#include "api/platform.hpp"
#include "api/rest/call.hpp"
#include "api/rest/routes.hpp"
#include "api/rest/target.hpp"

namespace perilune::api {

struct Match;

/// Authenticates, authorises, dispatches through the route table, keeps replies for
/// Idempotency-Key, writes the audit log. All calls on one thread (the control thread); store and
/// platform outlive it, and it outlives its calls.
class ControlApi {
 public:
  ControlApi(Store& store, Platform& platform, ApiConfig config);

  /// Never throws; what goes wrong is a problem+json response. Suspends for uploads, checks and
  /// `?wait=ready`; `request` must live until it returns.
  [[nodiscard]] Response handle(const Request& request, boost::asio::yield_context yield);

  /// Judges a request whose body was not read yet: route, token, scope and, when the head declares
  /// it, size. The answer that refuses it, or nothing: read the body and `handle` it.
  [[nodiscard]] std::optional<Response> refuse_unread(const Request& head,
                                                      std::optional<std::uint64_t> body_size);

 private:
  [[nodiscard]] Reply respond(const Request& request, const std::string& id,
                              boost::asio::yield_context yield);
  [[nodiscard]] Checked<Principal> authenticate(const Request& request, UnixMs now);
  /// What is known before a body matters.
  struct Admitted {
    Target target;
    Match match;
    Principal who;
  };
  [[nodiscard]] Checked<Admitted> admit(const Request& head, std::uint64_t body_size, UnixMs now);
  [[nodiscard]] Checked<void> check_body(const Route& route, const Match& match,
                                         const Principal& who, std::uint64_t body_size);
  /// Looks for a kept reply, or runs and keeps it.
  [[nodiscard]] Reply idempotent(const Route& route, Call& call);
  [[nodiscard]] Reply run(const Route& route, Call& call);
  void audit(const Route& route, const Call& call, unsigned status);

  Store& store_;
  Platform& platform_;
  ApiConfig config_;
  FailedAttempts failed_;
  std::set<std::pair<std::string, std::string>> in_progress_;  // token, Idempotency-Key
};

}  // namespace perilune::api
