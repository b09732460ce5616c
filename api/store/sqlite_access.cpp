#include "api/store/codec.hpp"
#include "api/store/sqlite_store.hpp"

namespace perilune::api {

using sqlite::Blob;
using sqlite::Query;
using sqlite::Transaction;

namespace {

#define PERILUNE_TOKEN_COLUMNS \
  "SELECT id, name, scopes, tenant, app, created, expires, creator FROM tokens "

TokenRow token_of(const Query& q) {
  return {q.text(0), q.text(1),    decode_list(q.text(2)), q.text(3),
          q.text(4), q.integer(5), q.integer(6),           q.text(7)};
}

}  // namespace

Result<std::vector<EnvRow>> SqliteStore::env(const AppKey& key) {
  return guarded([&]() -> Result<std::vector<EnvRow>> {
    const auto app = need_app(key);
    if (!app) return app.error();
    std::vector<EnvRow> rows;
    Query query{db_, "SELECT name, value, updated FROM env WHERE app=?1 ORDER BY name", *app};
    while (query.step()) rows.push_back({query.text(0), query.text(1), query.integer(2)});
    return rows;
  });
}

Result<bool> SqliteStore::put_env(const AppKey& key, const EnvRow& row) {
  return guarded([&]() -> Result<bool> {
    Transaction transaction{db_};
    const auto app = need_app(key);
    if (!app) return app.error();
    const bool known =
        Query{db_, "SELECT 1 FROM env WHERE app=?1 AND name=?2", *app, row.name}.step();
    Query{db_,
          "INSERT INTO env VALUES(?1,?2,?3,?4) ON CONFLICT DO UPDATE SET value=excluded.value, "
          "updated=excluded.updated",
          *app,
          row.name,
          row.value,
          row.updated}
        .run();
    transaction.commit();
    return !known;
  });
}

Result<void> SqliteStore::delete_env(const AppKey& key, std::string_view name) {
  return guarded([&]() -> Result<void> {
    if (Query{db_, "DELETE FROM env WHERE app=?1 AND name=?2", app_id(key), name}.run() == 0)
      return Failure{"not_found", "no variable " + std::string{name}};
    return {};
  });
}

Result<void> SqliteStore::create_token(const TokenRow& row, std::string_view hash) {
  return guarded([&]() -> Result<void> {
    const std::string scopes = encode_list(row.scopes);
    Query{db_,         "INSERT INTO tokens VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)",
          row.id,      hash,
          row.name,    scopes,
          row.tenant,  row.app,
          row.created, row.expires,
          row.creator}
        .run();
    return {};
  });
}

Result<TokenRow> SqliteStore::read_token(Query& query) {
  if (!query.step()) return Failure{"not_found", "no such token"};
  return token_of(query);
}

Result<TokenRow> SqliteStore::token(std::string_view id) {
  return guarded([&]() -> Result<TokenRow> {
    Query query{db_, PERILUNE_TOKEN_COLUMNS "WHERE id=?1", id};
    return read_token(query);
  });
}

Result<TokenRow> SqliteStore::token_by_hash(std::string_view hash) {
  return guarded([&]() -> Result<TokenRow> {
    Query query{db_, PERILUNE_TOKEN_COLUMNS "WHERE hash=?1", hash};
    return read_token(query);
  });
}

Result<std::vector<TokenRow>> SqliteStore::tokens(std::string_view tenant, std::string_view after,
                                                  std::size_t limit) {
  return guarded([&]() -> Result<std::vector<TokenRow>> {
    std::vector<TokenRow> rows;
    Query query{db_,
                PERILUNE_TOKEN_COLUMNS "WHERE (?1='' OR tenant=?1) AND id>?2 ORDER BY id LIMIT ?3",
                tenant, after, limit};
    while (query.step()) rows.push_back(token_of(query));
    return rows;
  });
}

Result<void> SqliteStore::delete_token(std::string_view id) {
  return guarded([&]() -> Result<void> {
    if (Query{db_, "DELETE FROM tokens WHERE id=?1", id}.run() == 0)
      return Failure{"not_found", "no such token"};
    return {};
  });
}

Result<void> SqliteStore::append_audit(const AuditRow& row) {
  return guarded([&]() -> Result<void> {
    Query{db_,
          "INSERT INTO audit(time, token, tenant, action, target, status, request_id, client) "
          "VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
          row.time,
          row.token,
          row.tenant,
          row.action,
          row.target,
          row.status,
          row.request_id,
          row.client}
        .run();
    return {};
  });
}

Result<std::vector<AuditRow>> SqliteStore::audit(std::string_view tenant, std::int64_t before,
                                                 std::size_t limit) {
  return guarded([&]() -> Result<std::vector<AuditRow>> {
    std::vector<AuditRow> rows;
    Query q{db_,
            "SELECT sequence, time, token, tenant, action, target, status, request_id, client "
            "FROM audit WHERE (?1='' OR tenant=?1) AND (?2=0 OR sequence<?2) "
            "ORDER BY sequence DESC LIMIT ?3",
            tenant, before, limit};
    while (q.step())
      rows.push_back({q.integer(0), q.integer(1), q.text(2), q.text(3), q.text(4), q.text(5),
                      static_cast<unsigned>(q.count(6)), q.text(7), q.text(8)});
    return rows;
  });
}

Result<void> SqliteStore::put_reply(std::string_view token, std::string_view key,
                                    const StoredReply& reply, UnixMs oldest) {
  return guarded([&]() -> Result<void> {
    Transaction transaction{db_};
    Query{db_, "DELETE FROM replies WHERE created<?1", oldest}.run();
    const std::string headers = encode_pairs(reply.headers);
    Query{db_,
          "INSERT OR REPLACE INTO replies VALUES(?1,?2,?3,?4,?5,?6,?7)",
          token,
          key,
          reply.fingerprint,
          reply.status,
          headers,
          Blob{reply.body},
          reply.created}
        .run();
    transaction.commit();
    return {};
  });
}

Result<std::optional<StoredReply>> SqliteStore::reply(std::string_view token, std::string_view key,
                                                      UnixMs oldest) {
  return guarded([&]() -> Result<std::optional<StoredReply>> {
    Query q{db_,
            "SELECT fingerprint, status, headers, body, created FROM replies "
            "WHERE token=?1 AND key=?2 AND created>=?3",
            token, key, oldest};
    if (!q.step()) return std::optional<StoredReply>{};
    return std::optional<StoredReply>{{q.text(0), static_cast<unsigned>(q.count(1)),
                                       decode_pairs(q.text(2)), q.text(3), q.integer(4)}};
  });
}

}  // namespace perilune::api
