#pragma once

/// @file
/// Where the control plane keeps what a client was told: the interface that SQLite implements and
/// that another database can, held to the same conformance tests (store_conformance.hpp).

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/store/rows.hpp"
#include "runtime/base/result.hpp"

namespace perilune::api {

/// Every call is one transaction: when it returns a value, the change is on disk (log lines and
/// events excepted, which a crash of the machine, not of the process, may lose); when it fails,
/// nothing changed. No call suspends. Safe on any thread.
///
/// Failures: `not_found`, `conflict` (it exists, or is in use), `precondition_failed` (it changed
/// since it was read), `ambiguous_version`, `version_in_use`, `storage_full`,
/// `storage_unavailable`.
class Store {
 public:
  virtual ~Store() = default;

  // Tenants. Lists are in order of the slug, beginning after `after`.
  [[nodiscard]] virtual Result<TenantRow> create_tenant(const TenantRow& row) = 0;
  [[nodiscard]] virtual Result<TenantRow> tenant(std::string_view slug) = 0;
  [[nodiscard]] virtual Result<std::vector<TenantRow>> tenants(std::string_view after,
                                                               std::size_t limit) = 0;
  /// Replaces the row that still has `row.revision`.
  [[nodiscard]] virtual Result<TenantRow> update_tenant(const TenantRow& row) = 0;
  /// With its apps, tokens, logs. Returns the apps that went.
  [[nodiscard]] virtual Result<std::vector<AppKey>> delete_tenant(std::string_view slug) = 0;

  // Apps.
  [[nodiscard]] virtual Result<AppRow> create_app(const AppRow& row) = 0;
  [[nodiscard]] virtual Result<AppRow> app(const AppKey& key) = 0;
  [[nodiscard]] virtual Result<std::vector<AppRow>> apps(std::string_view tenant,
                                                         std::string_view after,
                                                         std::size_t limit) = 0;
  [[nodiscard]] virtual Result<AppRow> update_app(const AppRow& row) = 0;
  [[nodiscard]] virtual Result<void> delete_app(const AppKey& key) = 0;

  // Versions. `files` of a NewVersion belong together: all or none are stored.
  [[nodiscard]] virtual Result<PutVersion> put_version(const NewVersion& upload) = 0;
  [[nodiscard]] virtual Result<VersionRow> version(const AppKey& key, std::string_view id) = 0;
  /// Newest first, numbers below `before` (0: all).
  [[nodiscard]] virtual Result<std::vector<VersionRow>> versions(const AppKey& key,
                                                                 std::uint64_t before,
                                                                 std::size_t limit) = 0;
  /// The version that begins with `prefix` (at least 8 hex digits).
  [[nodiscard]] virtual Result<std::string> resolve_version(const AppKey& key,
                                                            std::string_view prefix) = 0;
  [[nodiscard]] virtual Result<void> delete_version(const AppKey& key, std::string_view id) = 0;
  [[nodiscard]] virtual Result<std::vector<FileInfo>> files(std::string_view version) = 0;
  [[nodiscard]] virtual Result<BundleFile> file(std::string_view version,
                                                std::string_view path) = 0;
  /// All files of a version, whoever owns it: versions are named by their content.
  [[nodiscard]] virtual Result<std::vector<BundleFile>> bundle(std::string_view version) = 0;

  // Deployments.
  [[nodiscard]] virtual Result<DeploymentRow> deploy(const NewDeployment& deployment) = 0;
  [[nodiscard]] virtual Result<DeploymentRow> current_deployment(const AppKey& key) = 0;
  [[nodiscard]] virtual Result<std::vector<DeploymentRow>> deployments(const AppKey& key,
                                                                       std::uint64_t before,
                                                                       std::size_t limit) = 0;
  /// The deployment that a rollback brings back: the newest before the current one (before the one
  /// that it restored, if it is a rollback itself) that has another version and did not fail.
  [[nodiscard]] virtual Result<DeploymentRow> rollback_target(const AppKey& key) = 0;
  [[nodiscard]] virtual Result<void> mark_deployment(std::uint64_t generation,
                                                     DeploymentState state) = 0;

  /// What runs for this app: limits held under the tenant's ceiling, manifest env overlaid with the
  /// app's env. `version` is empty when nothing is deployed.
  [[nodiscard]] virtual Result<DeployedApp> deployed(const AppKey& key) = 0;
  /// The same for every app that has a deployment, suspended ones too.
  [[nodiscard]] virtual Result<std::vector<DeployedApp>> all_deployments() = 0;

  // Environment.
  [[nodiscard]] virtual Result<std::vector<EnvRow>> env(const AppKey& key) = 0;
  /// True: the name is new.
  [[nodiscard]] virtual Result<bool> put_env(const AppKey& key, const EnvRow& row) = 0;
  [[nodiscard]] virtual Result<void> delete_env(const AppKey& key, std::string_view name) = 0;

  // Tokens; `hash` is of the secret (auth/secret.hpp).
  [[nodiscard]] virtual Result<void> create_token(const TokenRow& row, std::string_view hash) = 0;
  [[nodiscard]] virtual Result<TokenRow> token(std::string_view id) = 0;
  [[nodiscard]] virtual Result<TokenRow> token_by_hash(std::string_view hash) = 0;
  [[nodiscard]] virtual Result<std::vector<TokenRow>> tokens(std::string_view tenant,
                                                             std::string_view after,
                                                             std::size_t limit) = 0;
  [[nodiscard]] virtual Result<void> delete_token(std::string_view id) = 0;

  // Logs and events: numbered per app, the oldest go beyond a cap. Lines of apps that are gone are
  // left out.
  [[nodiscard]] virtual Result<void> append_logs(const std::vector<AppLog>& batch) = 0;
  [[nodiscard]] virtual Result<std::vector<LogEntry>> logs(const AppKey& key,
                                                           const LogQuery& query) = 0;
  [[nodiscard]] virtual Result<void> append_event(const AppKey& key, const EventRow& event) = 0;
  /// Newest first, sequences below `before` (0: all).
  [[nodiscard]] virtual Result<std::vector<EventRow>> events(const AppKey& key, std::int64_t before,
                                                             std::size_t limit) = 0;

  // Audit: append-only. `tenant` empty: all.
  [[nodiscard]] virtual Result<void> append_audit(const AuditRow& row) = 0;
  [[nodiscard]] virtual Result<std::vector<AuditRow>> audit(std::string_view tenant,
                                                            std::int64_t before,
                                                            std::size_t limit) = 0;

  // Responses kept for Idempotency-Key. `oldest`: replies made before it are forgotten.
  [[nodiscard]] virtual Result<void> put_reply(std::string_view token, std::string_view key,
                                               const StoredReply& reply, UnixMs oldest) = 0;
  [[nodiscard]] virtual Result<std::optional<StoredReply>> reply(std::string_view token,
                                                                 std::string_view key,
                                                                 UnixMs oldest) = 0;

  /// Runs `body` and takes back whatever it wrote: `?dry_run=true`. `body` must not suspend.
  [[nodiscard]] virtual Result<void> rehearse(const std::function<void()>& body) = 0;
};

struct StoreOptions {
  std::size_t log_lines = 10000;             ///< kept per app
  std::uint64_t log_bytes = 16ULL << 20ULL;  ///< kept per app
  std::size_t events = 1000;                 ///< kept per app
};

/// Opens or creates `data_dir`/perilune.db. The data directory is locked until the store goes:
/// a second host on it fails with `data_dir_in_use`; a newer schema with `schema_too_new`.
[[nodiscard]] Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& data_dir,
                                                               StoreOptions options = {});

}  // namespace perilune::api
