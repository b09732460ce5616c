#pragma once

/// @file
/// SQLite as C++: a connection that prepares each statement once, queries, transactions that nest.

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace perilune::api::sqlite {

/// What SQLite said. Thrown inside the store only; `guarded` makes a Failure of it.
struct Error {
  int code = SQLITE_ERROR;
  std::string message;
};

/// storage_full, conflict or storage_unavailable.
[[nodiscard]] Failure to_failure(const Error& error);

/// A string that is stored as bytes, not as text.
struct Blob {
  std::string_view bytes;
};

class Db {
 public:
  /// WAL, foreign keys, full synchronisation, 5 s busy time-out. Throws Error.
  explicit Db(const std::string& path);

  /// Runs one or more statements without values.
  void exec(const char* sql);
  /// The prepared statement of a literal: made at its first use, owned by the connection.
  [[nodiscard]] sqlite3_stmt* prepared(std::string_view sql);
  [[nodiscard]] std::int64_t changes() const { return sqlite3_changes64(db_.get()); }
  [[nodiscard]] std::int64_t last_id() const { return sqlite3_last_insert_rowid(db_.get()); }
  [[nodiscard]] bool in_transaction() const { return depth_ > 0; }
  [[noreturn]] void fail(int code) const;

 private:
  friend class Transaction;
  struct Close {
    void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3, Close> db_;
  std::map<std::string_view, std::unique_ptr<sqlite3_stmt, Close>> statements_;
  int depth_ = 0;
};

/// One use of a prepared statement. `sql` must be a literal; a statement is not used twice at once.
class Query {
 public:
  template <typename... Values>
  Query(Db& db, std::string_view sql, const Values&... values)
      : db_{db}, statement_{db.prepared(sql)} {
    int index = 0;
    (bind(++index, values), ...);
  }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

  /// True: there is a row. Throws Error.
  bool step();
  /// Runs to the end; returns the number of rows it changed.
  std::int64_t run();
  [[nodiscard]] std::int64_t integer(int column) const {
    return sqlite3_column_int64(statement_, column);
  }
  [[nodiscard]] std::uint64_t count(int column) const {
    return static_cast<std::uint64_t>(integer(column));
  }
  [[nodiscard]] bool truth(int column) const { return integer(column) != 0; }
  [[nodiscard]] std::string text(int column) const;

 private:
  void bind(int index, std::string_view text);
  void bind(int index, Blob blob);
  template <std::integral Integer>
  void bind(int index, Integer value) {
    check(sqlite3_bind_int64(statement_, index, static_cast<sqlite3_int64>(value)));
  }
  void check(int code) const {
    if (code != SQLITE_OK) db_.fail(code);
  }

  Db& db_;
  sqlite3_stmt* statement_;
};

/// BEGIN IMMEDIATE, or a savepoint inside another one. Rolls back unless committed.
class Transaction {
 public:
  explicit Transaction(Db& db);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Db& db_;
  bool open_ = true;
};

/// Brings the database to this program's schema. Throws Error; `schema_too_new` as a Failure.
[[nodiscard]] Result<void> migrate(Db& db);

}  // namespace perilune::api::sqlite
