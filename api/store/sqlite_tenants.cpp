#include "api/store/codec.hpp"
#include "api/store/sqlite_store.hpp"

namespace perilune::api {

using sqlite::Query;
using sqlite::Transaction;

namespace {

TenantRow read_tenant(const Query& q) {
  return {q.text(0),    q.truth(1),   q.truth(2), decode_overrides(q.text(3)),
          q.integer(4), q.integer(5), q.count(6)};
}

AppRow read_app(const Query& q) {
  return {{q.text(0), q.text(1)},
          q.text(2),
          decode_map(q.text(3)),
          q.integer(4),
          q.integer(5),
          q.count(6),
          q.text(7),
          q.count(8)};
}

Failure no_tenant(std::string_view slug) { return {"not_found", "no tenant " + std::string{slug}}; }
Failure changed_meanwhile(const std::string& what) {
  return {"precondition_failed", what + " has changed since it was read"};
}

#define PERILUNE_APP_COLUMNS                                                                   \
  "SELECT a.tenant, a.slug, a.description, a.labels, a.created, a.updated, a.revision, "       \
  "coalesce(d.version, ''), coalesce(d.generation, 0) FROM apps a LEFT JOIN deployments d ON " \
  "d.generation=(SELECT max(generation) FROM deployments WHERE app=a.id) "

}  // namespace

Result<TenantRow> SqliteStore::create_tenant(const TenantRow& row) {
  return guarded([&]() -> Result<TenantRow> {
    const std::string limits = encode_overrides(row.limits);
    Query insert{
        db_,        "INSERT INTO tenants VALUES(?1,?2,?3,?4,?5,?5,1) ON CONFLICT DO NOTHING",
        row.slug,   row.suspended,
        row.jit,    limits,
        row.created};
    if (insert.run() == 0) return Failure{"conflict", "tenant " + row.slug + " exists"};
    return tenant(row.slug);
  });
}

Result<TenantRow> SqliteStore::tenant(std::string_view slug) {
  return guarded([&]() -> Result<TenantRow> {
    Query query{db_, "SELECT * FROM tenants WHERE slug=?1", slug};
    if (!query.step()) return no_tenant(slug);
    return read_tenant(query);
  });
}

Result<std::vector<TenantRow>> SqliteStore::tenants(std::string_view after, std::size_t limit) {
  return guarded([&]() -> Result<std::vector<TenantRow>> {
    std::vector<TenantRow> rows;
    Query query{db_, "SELECT * FROM tenants WHERE slug>?1 ORDER BY slug LIMIT ?2", after, limit};
    while (query.step()) rows.push_back(read_tenant(query));
    return rows;
  });
}

Result<TenantRow> SqliteStore::update_tenant(const TenantRow& row) {
  return guarded([&]() -> Result<TenantRow> {
    const std::string limits = encode_overrides(row.limits);
    Query update{db_,
                 "UPDATE tenants SET suspended=?2, jit=?3, limits=?4, updated=?5, "
                 "revision=revision+1 WHERE slug=?1 AND revision=?6",
                 row.slug,
                 row.suspended,
                 row.jit,
                 limits,
                 row.updated,
                 row.revision};
    const bool done = update.run() != 0;
    auto now = tenant(row.slug);
    if (!done && now) return changed_meanwhile("tenant " + row.slug);
    return now;
  });
}

Result<std::vector<AppKey>> SqliteStore::delete_tenant(std::string_view slug) {
  return guarded([&]() -> Result<std::vector<AppKey>> {
    Transaction transaction{db_};
    std::vector<AppKey> gone;
    {
      Query keys{db_, "SELECT tenant, slug FROM apps WHERE tenant=?1", slug};
      while (keys.step()) gone.push_back({keys.text(0), keys.text(1)});
    }
    if (Query{db_, "DELETE FROM tenants WHERE slug=?1", slug}.run() == 0) return no_tenant(slug);
    Query{db_, "DELETE FROM tokens WHERE tenant=?1", slug}.run();
    collect_garbage();
    transaction.commit();
    return gone;
  });
}

Result<AppRow> SqliteStore::create_app(const AppRow& row) {
  return guarded([&]() -> Result<AppRow> {
    if (const auto owner = tenant(row.key.tenant); !owner) return owner.error();
    const std::string labels = encode_map(row.labels);
    Query insert{db_,
                 "INSERT INTO apps(tenant, slug, description, labels, created, updated, revision) "
                 "VALUES(?1,?2,?3,?4,?5,?5,1) ON CONFLICT DO NOTHING",
                 row.key.tenant,
                 row.key.app,
                 row.description,
                 labels,
                 row.created};
    if (insert.run() == 0) return Failure{"conflict", "app " + row.key.app + " exists"};
    return app(row.key);
  });
}

Result<AppRow> SqliteStore::app(const AppKey& key) {
  return guarded([&]() -> Result<AppRow> {
    Query query{db_, PERILUNE_APP_COLUMNS "WHERE a.tenant=?1 AND a.slug=?2", key.tenant, key.app};
    if (!query.step()) return Failure{"not_found", "no app " + key.tenant + "/" + key.app};
    return read_app(query);
  });
}

Result<std::vector<AppRow>> SqliteStore::apps(std::string_view tenant, std::string_view after,
                                              std::size_t limit) {
  return guarded([&]() -> Result<std::vector<AppRow>> {
    std::vector<AppRow> rows;
    Query query{db_,
                PERILUNE_APP_COLUMNS "WHERE a.tenant=?1 AND a.slug>?2 ORDER BY a.slug LIMIT ?3",
                tenant, after, limit};
    while (query.step()) rows.push_back(read_app(query));
    return rows;
  });
}

Result<AppRow> SqliteStore::update_app(const AppRow& row) {
  return guarded([&]() -> Result<AppRow> {
    const std::string labels = encode_map(row.labels);
    Query update{db_,
                 "UPDATE apps SET description=?3, labels=?4, updated=?5, revision=revision+1 "
                 "WHERE tenant=?1 AND slug=?2 AND revision=?6",
                 row.key.tenant,
                 row.key.app,
                 row.description,
                 labels,
                 row.updated,
                 row.revision};
    const bool done = update.run() != 0;
    auto now = app(row.key);
    if (!done && now) return changed_meanwhile("app " + row.key.app);
    return now;
  });
}

Result<void> SqliteStore::delete_app(const AppKey& key) {
  return guarded([&]() -> Result<void> {
    Transaction transaction{db_};
    const auto id = need_app(key);
    if (!id) return id.error();
    Query{db_, "DELETE FROM apps WHERE id=?1", *id}.run();
    collect_garbage();
    transaction.commit();
    return {};
  });
}

}  // namespace perilune::api
