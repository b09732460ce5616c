#include <algorithm>

#include "api/store/sqlite_store.hpp"

namespace perilune::api {

using sqlite::Query;
using sqlite::Transaction;

namespace {

/// Log lines need not survive a power cut: while this lives, a commit does not wait for the disk.
class Relaxed {
 public:
  explicit Relaxed(sqlite::Db& db) : db_{db}, inside_{db.in_transaction()} {
    if (!inside_) db_.exec("PRAGMA synchronous=NORMAL");
  }
  Relaxed(const Relaxed&) = delete;
  Relaxed& operator=(const Relaxed&) = delete;
  ~Relaxed() {
    if (inside_) return;
    try {
      db_.exec("PRAGMA synchronous=FULL");
    } catch (const sqlite::Error&) {
      // Setting a pragma of a connection that is open does not fail; a destructor may not either.
    }
  }

 private:
  sqlite::Db& db_;
  bool inside_;  // of a transaction the level cannot change, and need not
};

std::size_t size_of(const LogEntry& entry) {
  return entry.message.size() + entry.fields.size() + entry.source.size() + 100;
}

LogEntry read_log(const Query& q) {
  return {q.integer(0),
          q.integer(1),
          static_cast<link::LogLevel>(q.integer(2)),
          q.text(3),
          q.text(4),
          static_cast<std::uint32_t>(q.count(5)),
          q.text(6),
          q.text(7),
          q.text(8),
          static_cast<std::uint32_t>(q.count(9))};
}

#define PERILUNE_LOG_QUERY                                                                      \
  "SELECT sequence, time, level, version, request_id, fiber, source, message, fields, dropped " \
  "FROM logs WHERE app=?1 AND sequence>?2 AND sequence<?3 AND level>=?4 AND "                   \
  "(?5='' OR instr(message, ?5)>0) AND (?6='' OR request_id=?6) AND (?7='' OR version=?7) "     \
  "AND time>=?8 AND time<=?9 ORDER BY sequence "

}  // namespace

void SqliteStore::append_log(std::int64_t app, const LogEntry& entry) {
  const std::size_t size = size_of(entry);
  Query{db_,
        "UPDATE apps SET last_log=last_log+1, log_lines=log_lines+1, log_bytes=log_bytes+?2 "
        "WHERE id=?1",
        app, size}
      .run();
  Query{db_,
        "INSERT INTO logs SELECT id, last_log, ?2,?3,?4,?5,?6,?7,?8,?9,?10,?11 FROM apps WHERE "
        "id=?1",
        app,
        entry.time,
        static_cast<int>(entry.level),
        entry.version,
        entry.request_id,
        entry.fiber,
        entry.source,
        entry.message,
        entry.fields,
        entry.dropped,
        size}
      .run();
}

void SqliteStore::trim_logs(std::int64_t app) {
  std::uint64_t lines = 0;
  std::uint64_t bytes = 0;
  {
    Query have{db_, "SELECT log_lines, log_bytes FROM apps WHERE id=?1", app};
    if (!have.step()) return;
    lines = have.count(0);
    bytes = have.count(1);
  }
  if (lines <= options_.log_lines && bytes <= options_.log_bytes) return;
  std::int64_t last = 0;
  {
    Query oldest{db_, "SELECT sequence, size FROM logs WHERE app=?1 ORDER BY sequence", app};
    while ((lines > options_.log_lines || bytes > options_.log_bytes) && oldest.step()) {
      last = oldest.integer(0);
      lines -= 1;
      bytes -= oldest.count(1);
    }
  }
  Query{db_, "DELETE FROM logs WHERE app=?1 AND sequence<=?2", app, last}.run();
  Query{db_, "UPDATE apps SET log_lines=?2, log_bytes=?3 WHERE id=?1", app, lines, bytes}.run();
}

Result<void> SqliteStore::append_logs(const std::vector<AppLog>& batch) {
  return guarded([&]() -> Result<void> {
    if (batch.empty()) return {};
    const Relaxed relaxed{db_};
    Transaction transaction{db_};
    std::map<AppKey, std::int64_t> ids;
    for (const AppLog& log : batch) {
      auto [known, fresh] = ids.try_emplace(log.key, 0);
      if (fresh) known->second = app_id(log.key);
      if (known->second != 0) append_log(known->second, log.entry);
    }
    for (const auto& [key, id] : ids) {
      if (id != 0) trim_logs(id);
    }
    transaction.commit();
    return {};
  });
}

Result<std::vector<LogEntry>> SqliteStore::logs(const AppKey& key, const LogQuery& query) {
  return guarded([&]() -> Result<std::vector<LogEntry>> {
    const auto app = need_app(key);
    if (!app) return app.error();
    std::vector<LogEntry> rows;
    Query q{
        db_,
        query.ascending ? PERILUNE_LOG_QUERY "ASC LIMIT ?10" : PERILUNE_LOG_QUERY "DESC LIMIT ?10",
        *app,
        query.after.value_or(0),
        query.before.value_or(INT64_MAX),
        static_cast<int>(query.level),
        query.contains,
        query.request_id,
        query.version,
        query.since,
        query.until == 0 ? INT64_MAX : query.until,
        query.limit};
    while (q.step()) rows.push_back(read_log(q));
    return rows;
  });
}

Result<void> SqliteStore::append_event(const AppKey& key, const EventRow& event) {
  return guarded([&]() -> Result<void> {
    const Relaxed relaxed{db_};
    Transaction transaction{db_};
    const auto app = need_app(key);
    if (!app) return app.error();
    Query{db_, "UPDATE apps SET last_event=last_event+1 WHERE id=?1", *app}.run();
    Query{
        db_,          "INSERT INTO events SELECT id, last_event, ?2,?3,?4,?5 FROM apps WHERE id=?1",
        *app,         event.time,
        event.kind,   event.version,
        event.message}
        .run();
    Query{db_,
          "DELETE FROM events WHERE app=?1 AND sequence <= (SELECT last_event FROM apps WHERE "
          "id=?1) - ?2",
          *app, options_.events}
        .run();
    transaction.commit();
    return {};
  });
}

Result<std::vector<EventRow>> SqliteStore::events(const AppKey& key, std::int64_t before,
                                                  std::size_t limit) {
  return guarded([&]() -> Result<std::vector<EventRow>> {
    const auto app = need_app(key);
    if (!app) return app.error();
    std::vector<EventRow> rows;
    Query q{db_,
            "SELECT sequence, time, kind, version, message FROM events WHERE app=?1 AND "
            "(?2=0 OR sequence<?2) ORDER BY sequence DESC LIMIT ?3",
            *app, before, limit};
    while (q.step()) rows.push_back({q.integer(0), q.integer(1), q.text(2), q.text(3), q.text(4)});
    return rows;
  });
}

}  // namespace perilune::api
