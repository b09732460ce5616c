#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <sstream>

#include "api/auth/operator_token.hpp"
#include "api/auth/secret.hpp"
#include "api/bundle/bundle.hpp"
#include "api/store/sqlite_db.hpp"
#include "api/store/store_conformance.hpp"
#include "tests/support/print_result.hpp"
#include "tests/support/temporary_dir.hpp"

namespace perilune::api::test {
namespace {

std::unique_ptr<Store> open(const std::string& path) {
  StoreOptions options;
  options.log_lines = 20;
  auto store = open_sqlite_store(path, options);
  REQUIRE(store);
  return std::move(*store);
}

NewVersion numbered(int number) {
  NewVersion upload;
  upload.key = {"acme", "shop"};
  upload.create_app = true;
  upload.keep = 5;
  for (int file = 0; file < 8; ++file)
    upload.files.push_back(
        {"f" + std::to_string(file),
         std::string(20000, static_cast<char>('a' + file)) + std::to_string(number)});
  upload.version = version_of(upload.files);
  return upload;
}

/// Uploads until it is killed; writes the version's name once it was told that it is stored.
[[noreturn]] void upload_forever(const std::string& path, int pipe, int from) {
  auto store = open_sqlite_store(path);
  if (!store) ::_exit(3);
  for (int i = from;; ++i) {
    const NewVersion upload = numbered(i);
    if (!(*store)->put_version(upload)) ::_exit(4);
    if (::write(pipe, upload.version.data(), 64) != 64) ::_exit(5);
  }
}

std::string drain(int pipe) {
  std::string text;
  std::array<char, 4096> piece{};
  for (;;) {
    const auto size = ::read(pipe, piece.data(), piece.size());
    if (size <= 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(size));
  }
}

}  // namespace

TEST_CASE("SQLite keeps the store's promises") {
  const TemporaryDir dir;
  const StoreFactory fresh = [&] { return open(dir.path()); };
  SECTION("tenants and apps") { tenants_and_apps(fresh); }
  SECTION("versions") { versions_are_whole_and_shared(fresh); }
  SECTION("pruning") { versions_are_pruned(fresh); }
  SECTION("deployments") { deployments_switch_and_roll_back(fresh); }
  SECTION("what runs") { deployed_apps_obey_ceiling_and_env(fresh); }
  SECTION("logs") { logs_are_numbered_filtered_and_capped(fresh); }
  SECTION("tokens, replies, audit") { tokens_replies_audit(fresh); }
  SECTION("rehearsals") { rehearsals_leave_nothing(fresh); }
}

TEST_CASE("a kill in the middle of uploads leaves whole versions only") {
  const TemporaryDir dir;
  {
    TenantRow row;
    row.slug = "acme";
    REQUIRE(open(dir.path())->create_tenant(row));
  }
  for (int round = 0; round < 6; ++round) {
    std::array<int, 2> pipe{};
    REQUIRE(::pipe(pipe.data()) == 0);
    const pid_t child = ::fork();
    if (child == 0) upload_forever(dir.path(), pipe[1], round * 100000);
    ::close(pipe[1]);
    // Not before one upload was acknowledged: what follows must find it.
    std::string told(64, ' ');
    REQUIRE(::read(pipe[0], told.data(), told.size()) == 64);
    ::usleep(static_cast<useconds_t>(round * 17000));
    REQUIRE(::kill(child, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    told += drain(pipe[0]);
    ::close(pipe[0]);

    const auto store = open(dir.path());
    const auto rows = *store->versions({"acme", "shop"}, 0, 100);
    for (const VersionRow& row : rows) {
      const auto files = store->bundle(row.version);
      REQUIRE(files);
      CHECK(version_of(*files) == row.version);
      CHECK(files->size() == 8);
    }
    const std::string last = told.substr(told.size() / 64 * 64 - 64, 64);
    CHECK(store->version({"acme", "shop"}, last));
  }
}

TEST_CASE("two hosts cannot share a data directory") {
  const TemporaryDir dir;
  const auto first = open(dir.path());
  const auto second = open_sqlite_store(dir.path());
  REQUIRE_FALSE(second);
  CHECK(second.error().code == "data_dir_in_use");
  CHECK(second.error().detail.find(std::to_string(::getpid())) != std::string::npos);
}

TEST_CASE("a store of a newer schema is refused") {
  const TemporaryDir dir;
  (void)open(dir.path());
  {
    sqlite::Db db{dir.path() + "/perilune.db"};
    db.exec("INSERT INTO migrations VALUES(999, 0)");
  }
  const auto again = open_sqlite_store(dir.path());
  REQUIRE_FALSE(again);
  CHECK(again.error().code == "schema_too_new");
}

TEST_CASE("a file that is no database is a clear failure") {
  const TemporaryDir dir;
  FILE* file = std::fopen((dir.path() + "/perilune.db").c_str(), "w");
  REQUIRE(file != nullptr);
  (void)std::fputs(std::string(5000, 'x').c_str(), file);
  (void)std::fclose(file);
  const auto store = open_sqlite_store(dir.path());
  REQUIRE_FALSE(store);
  CHECK(store.error().code == "storage_unavailable");
  CHECK(store.error().detail.find("perilune.db") != std::string::npos);
}

TEST_CASE("the operator's token is made once") {
  const TemporaryDir dir;
  const auto store = open(dir.path());
  const auto secret = ensure_operator_token(*store, dir.path());
  REQUIRE(secret);
  CHECK(is_token_secret(*secret));
  CHECK(store->token_by_hash(token_hash(*secret))->scopes == std::vector<std::string>{"*"});
  const auto file = std::filesystem::status(dir.path() + "/admin.token").permissions();
  CHECK(file == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  CHECK(*ensure_operator_token(*store, dir.path()) == *secret);
  std::filesystem::remove(dir.path() + "/admin.token");
  CHECK(ensure_operator_token(*store, dir.path())->empty());
}

}  // namespace perilune::api::test
