#include <array>

#include "api/store/sqlite_db.hpp"

namespace perilune::api::sqlite {
namespace {

// Each element is one migration, applied once, in order, in a transaction of its own. Never edit
// one that a release has had: append.
constexpr std::array<const char*, 1> kMigrations{{R"sql(
CREATE TABLE tenants(
  slug TEXT PRIMARY KEY, suspended INTEGER NOT NULL, jit INTEGER NOT NULL, limits TEXT NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, revision INTEGER NOT NULL) STRICT;
CREATE TABLE apps(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant TEXT NOT NULL REFERENCES tenants(slug) ON DELETE CASCADE, slug TEXT NOT NULL,
  description TEXT NOT NULL, labels TEXT NOT NULL, created INTEGER NOT NULL,
  updated INTEGER NOT NULL, revision INTEGER NOT NULL,
  last_number INTEGER NOT NULL DEFAULT 0, last_event INTEGER NOT NULL DEFAULT 0,
  last_log INTEGER NOT NULL DEFAULT 0, log_lines INTEGER NOT NULL DEFAULT 0,
  log_bytes INTEGER NOT NULL DEFAULT 0, UNIQUE(tenant, slug)) STRICT;
CREATE TABLE blobs(sha256 TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE bundles(version TEXT PRIMARY KEY, size INTEGER NOT NULL, files INTEGER NOT NULL) STRICT;
CREATE TABLE bundle_files(
  version TEXT NOT NULL REFERENCES bundles(version) ON DELETE CASCADE, path TEXT NOT NULL,
  sha256 TEXT NOT NULL REFERENCES blobs(sha256), size INTEGER NOT NULL,
  PRIMARY KEY(version, path)) STRICT, WITHOUT ROWID;
CREATE INDEX bundle_files_blob ON bundle_files(sha256);
CREATE TABLE versions(
  app INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  version TEXT NOT NULL REFERENCES bundles(version), number INTEGER NOT NULL,
  created INTEGER NOT NULL, creator TEXT NOT NULL, message TEXT NOT NULL, style INTEGER NOT NULL,
  manifest TEXT NOT NULL, PRIMARY KEY(app, version)) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX versions_number ON versions(app, number);
CREATE INDEX versions_bundle ON versions(version);
CREATE TABLE deployments(
  generation INTEGER PRIMARY KEY AUTOINCREMENT,
  app INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE, kind INTEGER NOT NULL,
  state INTEGER NOT NULL, version TEXT NOT NULL, previous TEXT NOT NULL, who TEXT NOT NULL,
  at INTEGER NOT NULL, message TEXT NOT NULL, restores INTEGER NOT NULL) STRICT;
CREATE INDEX deployments_app ON deployments(app, generation);
CREATE TABLE env(
  app INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE, name TEXT NOT NULL,
  value TEXT NOT NULL, updated INTEGER NOT NULL, PRIMARY KEY(app, name)) STRICT, WITHOUT ROWID;
CREATE TABLE tokens(
  id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL, scopes TEXT NOT NULL,
  tenant TEXT NOT NULL, app TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,
  creator TEXT NOT NULL) STRICT;
CREATE INDEX tokens_tenant ON tokens(tenant, id);
CREATE TABLE logs(
  app INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE, sequence INTEGER NOT NULL,
  time INTEGER NOT NULL, level INTEGER NOT NULL, version TEXT NOT NULL, request_id TEXT NOT NULL,
  fiber INTEGER NOT NULL, source TEXT NOT NULL, message TEXT NOT NULL, fields TEXT NOT NULL,
  dropped INTEGER NOT NULL, size INTEGER NOT NULL, PRIMARY KEY(app, sequence))
  STRICT, WITHOUT ROWID;
CREATE TABLE events(
  app INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE, sequence INTEGER NOT NULL,
  time INTEGER NOT NULL, kind TEXT NOT NULL, version TEXT NOT NULL, message TEXT NOT NULL,
  PRIMARY KEY(app, sequence)) STRICT, WITHOUT ROWID;
CREATE TABLE audit(
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, token TEXT NOT NULL,
  tenant TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, status INTEGER NOT NULL,
  request_id TEXT NOT NULL, client TEXT NOT NULL) STRICT;
CREATE INDEX audit_tenant ON audit(tenant, sequence);
CREATE TABLE replies(
  token TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL,
  headers TEXT NOT NULL, body BLOB NOT NULL, created INTEGER NOT NULL,
  PRIMARY KEY(token, key)) STRICT, WITHOUT ROWID;
CREATE INDEX replies_created ON replies(created);
)sql"}};

}  // namespace

Result<void> migrate(Db& db) {
  db.exec("CREATE TABLE IF NOT EXISTS migrations(number INTEGER PRIMARY KEY, at INTEGER NOT NULL)");
  std::int64_t have = 0;
  {
    Query newest{db, "SELECT coalesce(max(number), 0) FROM migrations"};
    if (newest.step()) have = newest.integer(0);
  }
  const auto want = static_cast<std::int64_t>(kMigrations.size());
  if (have > want)
    return Failure{"schema_too_new", "the data directory was written by a newer Perilune (schema " +
                                         std::to_string(have) + ", this one knows " +
                                         std::to_string(want) + ")"};
  for (std::int64_t next = have; next < want; ++next) {
    Transaction transaction{db};
    db.exec(kMigrations[static_cast<std::size_t>(next)]);
    Query{db, "INSERT INTO migrations VALUES(?1, unixepoch())", next + 1}.run();
    transaction.commit();
  }
  return {};
}

}  // namespace perilune::api::sqlite
