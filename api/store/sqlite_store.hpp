#pragma once

/// @file
/// The Store on SQLite; its methods are spread over sqlite_*.cpp by noun.

#include <mutex>
#include <utility>

#include "api/store/sqlite_db.hpp"
#include "api/store/store.hpp"
#include "runtime/base/unique_fd.hpp"

namespace perilune::api {

class SqliteStore final : public Store {
 public:
  SqliteStore(UniqueFd lock, const std::string& file, StoreOptions options)
      : lock_{std::move(lock)}, options_{options}, db_{file} {}
  [[nodiscard]] Result<void> prepare() { return sqlite::migrate(db_); }

  Result<TenantRow> create_tenant(const TenantRow& row) override;
  Result<TenantRow> tenant(std::string_view slug) override;
  Result<std::vector<TenantRow>> tenants(std::string_view after, std::size_t limit) override;
  Result<TenantRow> update_tenant(const TenantRow& row) override;
  Result<std::vector<AppKey>> delete_tenant(std::string_view slug) override;

  Result<AppRow> create_app(const AppRow& row) override;
  Result<AppRow> app(const AppKey& key) override;
  Result<std::vector<AppRow>> apps(std::string_view tenant, std::string_view after,
                                   std::size_t limit) override;
  Result<AppRow> update_app(const AppRow& row) override;
  Result<void> delete_app(const AppKey& key) override;

  Result<PutVersion> put_version(const NewVersion& upload) override;
  Result<VersionRow> version(const AppKey& key, std::string_view id) override;
  Result<std::vector<VersionRow>> versions(const AppKey& key, std::uint64_t before,
                                           std::size_t limit) override;
  Result<std::string> resolve_version(const AppKey& key, std::string_view prefix) override;
  Result<void> delete_version(const AppKey& key, std::string_view id) override;
  Result<std::vector<FileInfo>> files(std::string_view version) override;
  Result<BundleFile> file(std::string_view version, std::string_view path) override;
  Result<std::vector<BundleFile>> bundle(std::string_view version) override;

  Result<DeploymentRow> deploy(const NewDeployment& deployment) override;
  Result<DeploymentRow> current_deployment(const AppKey& key) override;
  Result<std::vector<DeploymentRow>> deployments(const AppKey& key, std::uint64_t before,
                                                 std::size_t limit) override;
  Result<DeploymentRow> rollback_target(const AppKey& key) override;
  Result<void> mark_deployment(std::uint64_t generation, DeploymentState state) override;
  Result<DeployedApp> deployed(const AppKey& key) override;
  Result<std::vector<DeployedApp>> all_deployments() override;

  Result<std::vector<EnvRow>> env(const AppKey& key) override;
  Result<bool> put_env(const AppKey& key, const EnvRow& row) override;
  Result<void> delete_env(const AppKey& key, std::string_view name) override;

  Result<void> create_token(const TokenRow& row, std::string_view hash) override;
  Result<TokenRow> token(std::string_view id) override;
  Result<TokenRow> token_by_hash(std::string_view hash) override;
  Result<std::vector<TokenRow>> tokens(std::string_view tenant, std::string_view after,
                                       std::size_t limit) override;
  Result<void> delete_token(std::string_view id) override;

  Result<void> append_logs(const std::vector<AppLog>& batch) override;
  Result<std::vector<LogEntry>> logs(const AppKey& key, const LogQuery& query) override;
  Result<void> append_event(const AppKey& key, const EventRow& event) override;
  Result<std::vector<EventRow>> events(const AppKey& key, std::int64_t before,
                                       std::size_t limit) override;

  Result<void> append_audit(const AuditRow& row) override;
  Result<std::vector<AuditRow>> audit(std::string_view tenant, std::int64_t before,
                                      std::size_t limit) override;
  Result<void> put_reply(std::string_view token, std::string_view key, const StoredReply& reply,
                         UnixMs oldest) override;
  Result<std::optional<StoredReply>> reply(std::string_view token, std::string_view key,
                                           UnixMs oldest) override;
  Result<void> rehearse(const std::function<void()>& body) override;

 private:
  /// Runs `body` alone and makes a Failure of what SQLite throws.
  template <typename Body>
  auto guarded(Body body) -> decltype(body()) {
    const std::lock_guard alone{mutex_};
    try {
      return body();
    } catch (const sqlite::Error& error) {
      return sqlite::to_failure(error);
    }
  }
  /// The app's row id, or 0.
  [[nodiscard]] std::int64_t app_id(const AppKey& key);
  [[nodiscard]] Result<std::int64_t> need_app(const AppKey& key);
  [[nodiscard]] DeployedApp read_deployed(const sqlite::Query& row);
  [[nodiscard]] Result<TokenRow> read_token(sqlite::Query& query);
  void store_files(const NewVersion& upload);
  void prune_versions(std::int64_t app, std::string_view newest, std::size_t keep);
  void trim_logs(std::int64_t app);
  void append_log(std::int64_t app, const LogEntry& entry);
  /// Bundles that no app has and blobs that no bundle has go.
  void collect_garbage();

  std::recursive_mutex mutex_;  // rehearse() calls back into the store
  UniqueFd lock_;
  StoreOptions options_;
  sqlite::Db db_;
};

}  // namespace perilune::api
