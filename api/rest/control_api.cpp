#include "api/rest/control_api.hpp"

#include <algorithm>

#include "api/auth/secret.hpp"
#include "api/bundle/ceiling.hpp"
#include "api/rest/body.hpp"
#include "api/rest/render.hpp"
#include "api/rest/routes.hpp"
#include "runtime/base/log.hpp"

namespace perilune::api {
namespace {

constexpr UnixMs kReplyAge = 24LL * 3600 * 1000;

/// The platform bound to one request's fiber.
class BoundHost final : public Host {
 public:
  BoundHost(Platform& platform, const ApiConfig& config, boost::asio::yield_context yield)
      : platform_{platform},
        ready_{config.ready_time},
        dump_{config.dump_time},
        yield_{std::move(yield)} {}
  Result<CheckReport> check(const AppKey& key, Upload upload, const Limits& ceiling,
                            bool jit) override {
    return platform_.check(key, std::move(upload), ceiling, jit, yield_);
  }
  Result<void> wait_ready(const AppKey& key, std::uint64_t generation) override {
    return platform_.wait_ready(key, generation, Deadline::after(ready_), yield_);
  }
  void app_changed(const AppKey& key) override { platform_.app_changed(key); }
  AppStatus status(const AppKey& key) const override { return platform_.status(key); }
  std::vector<VmRow> vms(const AppKey& key) const override { return platform_.vms(key); }
  Result<FiberDump> fibers(const AppKey& key, const std::string& vm) override {
    return platform_.fibers(key, vm, Deadline::after(dump_), yield_);
  }
  std::string isolation_level() const override { return platform_.isolation_level(); }

 private:
  Platform& platform_;
  std::chrono::milliseconds ready_;
  std::chrono::milliseconds dump_;
  boost::asio::yield_context yield_;
};

Problem unauthenticated() { return {"unauthenticated", "no token, or not one that is known here"}; }

std::string_view bearer(std::string_view header) {
  constexpr std::string_view kScheme = "bearer ";
  if (header.size() < kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = header[i];
    if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != kScheme[i]) return {};
  }
  return header.substr(kScheme.size());
}

/// 404 before 403: what a token may not see does not exist for it.
Checked<void> authorize(const Route& route, const Match& match, const Principal& who) {
  const auto tenant = match.params.find("tenant");
  const auto app = match.params.find("app");
  const bool seen =
      (tenant == match.params.end() ||
       (is_slug(tenant->second) && who.sees_tenant(tenant->second))) &&
      (app == match.params.end() || (is_slug(app->second) && who.sees_app(app->second)));
  if (!seen) return Problem{"not_found", "there is no such tenant or app"};
  const bool wide = !route.operators || who.is_operator();
  if (wide && who.has(route.scope)) return {};
  Problem problem{"forbidden", wide
                                   ? "the token does not have the scope " + std::string{route.scope}
                                   : "only a token that is bound to no tenant may do this"};
  problem.required_scope = route.scope;
  return problem;
}

Problem too_large(const char* code, std::string name, std::uint64_t limit, std::uint64_t actual) {
  Problem problem{code, "the body has " + std::to_string(actual) + " bytes, more than " +
                            std::to_string(limit)};
  problem.limit = LimitHit{std::move(name), limit, actual, "bytes"};
  return problem;
}

bool good_key(std::string_view key) {
  return key.size() <= 255 &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

std::string fingerprint(const Request& request) {
  return sha256_hex(request.method + "\n" + request.target + "\n" +
                    std::string{request.header("content-type")} + "\n" + sha256_hex(request.body));
}

std::string without_secret(const std::string& body) {
  json::error_code error;
  json::value value = json::parse(body, error);
  if (error || !value.is_object()) return "{}";
  value.get_object().erase("token");
  return json::serialize(value) + "\n";
}

}  // namespace

ControlApi::ControlApi(Store& store, Platform& platform, ApiConfig config)
    : store_{store}, platform_{platform}, config_{std::move(config)} {
  if (!config_.now) config_.now = log::now_milliseconds;
}

Response ControlApi::handle(const Request& request, boost::asio::yield_context yield) {
  const std::string id = random_hex(16);
  const std::string_view instance =
      std::string_view{request.target}.substr(0, request.target.find('?'));
  Reply reply = Problem{"internal", "no reply"};
  try {
    reply = respond(request, id, std::move(yield));
  } catch (const std::exception& bug) {
    reply = Problem{"internal", bug.what()};
  }
  Response response = reply ? std::move(*reply) : render_problem(reply.error(), instance, id);
  response.with("perilune-request-id", id);
  if (response.header("cache-control").empty()) response.with("cache-control", "no-store");
  if (request.method == "HEAD") response.body.clear();
  return response;
}

std::optional<Response> ControlApi::refuse_unread(const Request& head,
                                                  std::optional<std::uint64_t> body_size) {
  const auto admitted = admit(head, body_size.value_or(0), config_.now());
  if (admitted) return std::nullopt;
  const std::string id = random_hex(16);
  Response response = render_problem(
      admitted.error(), std::string_view{head.target}.substr(0, head.target.find('?')), id);
  response.with("perilune-request-id", id);
  return response;
}

Checked<ControlApi::Admitted> ControlApi::admit(const Request& head, std::uint64_t body_size,
                                                UnixMs now) {
  auto target = Target::parse(head.target);
  if (!target) return Problem{"malformed_request", "the target or its query cannot be read"};
  Match match = match_route(head.method, target->segments);
  if (match.route == nullptr) {
    if (match.allow.empty()) return Problem{"not_found", "no such path; see /v1/openapi.json"};
    Problem problem{"method_not_allowed", target->path + " has " + match.allow};
    problem.allow = match.allow;
    return problem;
  }
  const Route& route = *match.route;
  Checked<Principal> who = route.open ? Checked<Principal>{Principal{}} : authenticate(head, now);
  if (!who) return who.error();
  if (!route.open) {
    if (const auto may = authorize(route, match, *who); !may) return may.error();
  }
  if (const auto fits = check_body(route, match, *who, body_size); !fits) return fits.error();
  return Admitted{std::move(*target), std::move(match), std::move(*who)};
}

Reply ControlApi::respond(const Request& request, const std::string& id,
                          boost::asio::yield_context yield) {
  const UnixMs now = config_.now();
  Checked<Admitted> admitted = admit(request, request.body.size(), now);
  if (!admitted) return admitted.error();
  const Route& route = *admitted->match.route;
  const Target* target = &admitted->target;
  const std::string_view rehearsal = target->parameter("dry_run");
  if (target->has("dry_run") && rehearsal != "true" && rehearsal != "false")
    return Problem{"invalid_query", "dry_run is true or false"};
  BoundHost host{platform_, config_, std::move(yield)};
  Call call{request,
            *target,
            std::move(admitted->match.params),
            std::move(admitted->who),
            store_,
            host,
            config_,
            now,
            id,
            rehearsal == "true"};
  if (route.method == "GET") return route.handler(call);
  Reply reply = idempotent(route, call);
  if (!call.dry_run)
    audit(route, call, reply ? reply->status : problem_spec(reply.error().code).status);
  return reply;
}

Checked<Principal> ControlApi::authenticate(const Request& request, UnixMs now) {
  const std::string_view secret = bearer(request.header("authorization"));
  if (is_token_secret(secret)) {
    auto row = store_.token_by_hash(token_hash(secret));
    if (row && (row->expires == 0 || row->expires > now))
      return Principal{std::move(row->id), std::move(row->scopes), std::move(row->tenant),
                       std::move(row->app)};
    if (!row && row.error().code != "not_found") return Problem{row.error()};
  }
  // A good token passes even from an address that is slowed down: others may share it.
  if (const std::uint32_t wait = failed_.blocked_for(request.client, now); wait != 0) {
    Problem problem{"rate_limited", "too many requests without a valid token from this address"};
    problem.retry_after_s = wait;
    return problem;
  }
  failed_.failed(request.client, now);
  return unauthenticated();
}

Checked<void> ControlApi::check_body(const Route& route, const Match& match, const Principal& who,
                                     std::uint64_t body_size) {
  if (!route.upload) {
    if (body_size <= kMostJson) return {};
    return too_large("body_too_large", "request_body", kMostJson, body_size);
  }
  const std::string& slug = match.params.at("tenant");
  const auto tenant = store_.tenant(slug);
  if (!tenant) return no_such_tenant(who, slug, tenant.error());
  const std::uint64_t most = ceiling_of(tenant->limits).raw(Limit::BundlePacked);
  if (body_size <= most) return {};
  return too_large("bundle_too_large", std::string{spec(Limit::BundlePacked).key}, most, body_size);
}

Reply ControlApi::idempotent(const Route& route, Call& call) {
  const std::string key{call.request.header("idempotency-key")};
  if (key.empty() || route.method != "POST" || call.dry_run) return run(route, call);
  if (!good_key(key))
    return Problem{"malformed_request", "an Idempotency-Key is at most 255 visible characters"};
  const std::string print = fingerprint(call.request);
  const auto kept = store_.reply(call.who.token, key, call.now - kReplyAge);
  if (!kept) return Problem{kept.error()};
  if (*kept) {
    const StoredReply& first = **kept;
    if (first.fingerprint != print)
      return Problem{"idempotency_key_reuse", "the first request with this key was another one"};
    Response again{first.status, first.headers, first.body};
    return again.with("idempotency-replayed", "true");
  }
  if (!in_progress_.emplace(call.who.token, key).second) {
    Problem problem{"idempotency_in_progress", "the first request is not done yet"};
    problem.retry_after_s = 1;
    return problem;
  }
  struct Leave {
    ControlApi& api;
    std::pair<std::string, std::string> entry;
    ~Leave() { api.in_progress_.erase(entry); }
  } const leave{*this, {call.who.token, key}};
  Reply reply = run(route, call);
  const Response first =
      reply ? *reply : render_problem(reply.error(), call.target.path, call.request_id);
  // What may go well at the next try is not kept.
  if (first.status >= 500 || first.status == 429) return reply;
  const StoredReply keep{print, first.status, first.headers,
                         route.secret_answer ? without_secret(first.body) : first.body, call.now};
  if (const auto stored = store_.put_reply(call.who.token, key, keep, call.now - kReplyAge);
      !stored)
    log::warn("control API: reply not kept", {{"detail", std::string_view{stored.error().detail}}});
  return reply;
}

Reply ControlApi::run(const Route& route, Call& call) {
  if (!call.dry_run || route.suspends) {
    Reply reply = route.handler(call);
    if (reply && call.dry_run) reply->with("perilune-dry-run", "true");
    return reply;
  }
  Reply reply = Problem{"internal", "the rehearsal did not take place"};
  const auto done = store_.rehearse([&] { reply = route.handler(call); });
  if (!done) return Problem{done.error()};
  if (reply) reply->with("perilune-dry-run", "true");
  return reply;
}

void ControlApi::audit(const Route& route, const Call& call, unsigned status) {
  AuditRow row;
  row.time = call.now;
  row.token = call.who.token;
  const auto tenant = call.params.find("tenant");
  row.tenant = tenant == call.params.end() ? call.who.tenant : tenant->second;
  row.action = std::string{route.method} + " " + std::string{route.path};
  row.target = call.target.path;
  row.status = status;
  row.request_id = call.request_id;
  row.client = call.request.client;
  if (const auto written = store_.append_audit(row); !written)
    log::error("control API: audit not written",
               {{"request_id", std::string_view{row.request_id}},
                {"action", std::string_view{row.action}},
                {"detail", std::string_view{written.error().detail}}});
}

}  // namespace perilune::api
