#include "api/bundle/ceiling.hpp"
#include "api/store/codec.hpp"
#include "api/store/sqlite_store.hpp"

namespace perilune::api {

using sqlite::Query;
using sqlite::Transaction;

namespace {

DeploymentRow read_deployment(const Query& q) {
  return {q.count(0),
          static_cast<DeploymentKind>(q.integer(1)),
          static_cast<DeploymentState>(q.integer(2)),
          q.text(3),
          q.text(4),
          q.text(5),
          q.integer(6),
          q.text(7),
          q.count(8)};
}

#define PERILUNE_DEPLOYMENT_COLUMNS                                                     \
  "SELECT generation, kind, state, version, previous, who, at, message, restores FROM " \
  "deployments "

// The deployment of an app is the row with its highest generation.
#define PERILUNE_DEPLOYED                                                                       \
  "SELECT a.id, a.tenant, a.slug, t.suspended, t.jit, t.limits, d.generation, d.version, "      \
  "v.manifest FROM apps a JOIN tenants t ON t.slug=a.tenant LEFT JOIN deployments d ON "        \
  "d.generation=(SELECT max(generation) FROM deployments WHERE app=a.id) LEFT JOIN versions v " \
  "ON v.app=a.id AND v.version=d.version "

}  // namespace

Result<DeploymentRow> SqliteStore::deploy(const NewDeployment& deployment) {
  return guarded([&]() -> Result<DeploymentRow> {
    Transaction transaction{db_};
    const auto app = need_app(deployment.key);
    if (!app) return app.error();
    if (const auto found = version(deployment.key, deployment.version); !found)
      return found.error();
    const auto before = current_deployment(deployment.key);
    const std::uint64_t generation = before ? before->generation : 0;
    if (deployment.if_generation && *deployment.if_generation != generation)
      return Failure{"precondition_failed",
                     "generation " + std::to_string(generation) + " is current"};
    const std::string previous = before ? before->version : std::string{};
    Query{db_,
          "INSERT INTO deployments(app, kind, state, version, previous, who, at, message, "
          "restores) VALUES(?1,?2,0,?3,?4,?5,?6,?7,?8)",
          *app,
          static_cast<int>(deployment.kind),
          deployment.version,
          previous,
          deployment.who,
          deployment.at,
          deployment.message,
          deployment.restores}
        .run();
    // Six hundred deployments ago nobody looks any more.
    Query{db_,
          "DELETE FROM deployments WHERE app=?1 AND generation <= (SELECT generation FROM "
          "deployments WHERE app=?1 ORDER BY generation DESC LIMIT 1 OFFSET 600)",
          *app}
        .run();
    auto row = current_deployment(deployment.key);
    transaction.commit();
    return row;
  });
}

Result<DeploymentRow> SqliteStore::current_deployment(const AppKey& key) {
  return guarded([&]() -> Result<DeploymentRow> {
    Query query{db_, PERILUNE_DEPLOYMENT_COLUMNS "WHERE app=?1 ORDER BY generation DESC LIMIT 1",
                app_id(key)};
    if (!query.step()) return Failure{"not_found", "nothing is deployed"};
    return read_deployment(query);
  });
}

Result<std::vector<DeploymentRow>> SqliteStore::deployments(const AppKey& key, std::uint64_t before,
                                                            std::size_t limit) {
  return guarded([&]() -> Result<std::vector<DeploymentRow>> {
    const auto app = need_app(key);
    if (!app) return app.error();
    std::vector<DeploymentRow> rows;
    Query query{db_,
                PERILUNE_DEPLOYMENT_COLUMNS
                "WHERE app=?1 AND (?2=0 OR generation<?2) ORDER BY generation DESC LIMIT ?3",
                *app, before, limit};
    while (query.step()) rows.push_back(read_deployment(query));
    return rows;
  });
}

Result<DeploymentRow> SqliteStore::rollback_target(const AppKey& key) {
  return guarded([&]() -> Result<DeploymentRow> {
    const auto current = current_deployment(key);
    if (!current) return current.error();
    // A rollback's own rollback goes further back, not forward again.
    const std::uint64_t position = current->restores != 0 ? current->restores : current->generation;
    Query query{db_,
                PERILUNE_DEPLOYMENT_COLUMNS
                "WHERE app=?1 AND generation<?2 AND version<>?3 AND state<>?4 AND version IN "
                "(SELECT version FROM versions WHERE app=?1) ORDER BY generation DESC LIMIT 1",
                app_id(key),
                position,
                current->version,
                static_cast<int>(DeploymentState::Failed)};
    if (!query.step())
      return Failure{"nothing_to_roll_back", "there is no earlier good version of this app"};
    return read_deployment(query);
  });
}

Result<void> SqliteStore::mark_deployment(std::uint64_t generation, DeploymentState state) {
  return guarded([&]() -> Result<void> {
    if (Query{db_, "UPDATE deployments SET state=?2 WHERE generation=?1", generation,
              static_cast<int>(state)}
            .run() == 0)
      return Failure{"not_found", "no deployment " + std::to_string(generation)};
    return {};
  });
}

DeployedApp SqliteStore::read_deployed(const Query& row) {
  DeployedApp app;
  app.key = {row.text(1), row.text(2)};
  app.suspended = row.truth(3);
  app.jit = row.truth(4);
  app.generation = row.count(6);
  app.version = row.text(7);
  app.manifest = decode_manifest(row.text(8));
  app.manifest.limits = held_under(app.manifest.limits, ceiling_of(decode_overrides(row.text(5))));
  Query env{db_, "SELECT name, value FROM env WHERE app=?1 ORDER BY name", row.integer(0)};
  while (env.step()) app.manifest.env[env.text(0)] = env.text(1);
  return app;
}

Result<DeployedApp> SqliteStore::deployed(const AppKey& key) {
  return guarded([&]() -> Result<DeployedApp> {
    Query query{db_, PERILUNE_DEPLOYED "WHERE a.tenant=?1 AND a.slug=?2", key.tenant, key.app};
    if (!query.step()) return Failure{"not_found", "no app " + key.tenant + "/" + key.app};
    return read_deployed(query);
  });
}

Result<std::vector<DeployedApp>> SqliteStore::all_deployments() {
  return guarded([&]() -> Result<std::vector<DeployedApp>> {
    std::vector<DeployedApp> apps;
    Query query{db_, PERILUNE_DEPLOYED "WHERE d.generation IS NOT NULL ORDER BY a.id"};
    while (query.step()) apps.push_back(read_deployed(query));
    return apps;
  });
}

}  // namespace perilune::api
