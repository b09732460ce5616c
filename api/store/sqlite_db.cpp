#include "api/store/sqlite_db.hpp"

#include <utility>

namespace perilune::api::sqlite {

Failure to_failure(const Error& error) {
  switch (error.code & 0xFF) {
    case SQLITE_FULL: return {"storage_full", "the data directory's disk is full"};
    case SQLITE_CONSTRAINT: return {"conflict", error.message};
    default: return {"storage_unavailable", "store: " + error.message};
  }
}

Db::Db(const std::string& path) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  db_.reset(raw);
  if (code != SQLITE_OK) fail(code);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, 5000);
  exec(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
      "PRAGMA trusted_schema=OFF; PRAGMA journal_size_limit=67108864");
}

void Db::exec(const char* sql) {
  const int code = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

sqlite3_stmt* Db::prepared(std::string_view sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second.get();
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) fail(code);
  statements_[sql].reset(statement);
  return statement;
}

void Db::fail(int code) const { throw Error{code, sqlite3_errmsg(db_.get())}; }

bool Query::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) db_.fail(code);
  return false;
}

std::int64_t Query::run() {
  while (step()) {
  }
  return db_.changes();
}

std::string Query::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return bytes == nullptr ? std::string{} : std::string{bytes, size};
}

// A view's data() may be null, which SQLite would take for NULL. SQLITE_STATIC: the caller's values
// outlive the query, which clears its bindings when it goes.
void Query::bind(int index, std::string_view text) {
  check(sqlite3_bind_text64(statement_, index, text.empty() ? "" : text.data(), text.size(),
                            SQLITE_STATIC, SQLITE_UTF8));
}

void Query::bind(int index, Blob blob) {
  check(sqlite3_bind_blob64(statement_, index, blob.bytes.empty() ? "" : blob.bytes.data(),
                            blob.bytes.size(), SQLITE_STATIC));
}

Transaction::Transaction(Db& db) : db_{db} {
  db.exec(db.depth_ == 0 ? "BEGIN IMMEDIATE" : "SAVEPOINT inner_one");
  ++db.depth_;
}

Transaction::~Transaction() {
  if (!open_) return;
  --db_.depth_;
  // After a failure such as a full disk SQLite may have rolled back by itself: nothing is left to
  // do then, and the error of saying so again is of no interest.
  const char* sql = db_.depth_ == 0 ? "ROLLBACK" : "ROLLBACK TO inner_one; RELEASE inner_one";
  (void)sqlite3_exec(db_.db_.get(), sql, nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  db_.exec(db_.depth_ == 1 ? "COMMIT" : "RELEASE inner_one");
  --db_.depth_;
  open_ = false;
}

}  // namespace perilune::api::sqlite
