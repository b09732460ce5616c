#include "api/store/sqlite_store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

namespace perilune::api {
namespace {

Result<UniqueFd> lock_directory(const std::string& data_dir) {
  const std::string path = data_dir + "/perilune.lock";
  UniqueFd file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!file) return system_failure("open " + path, errno);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_failure("lock " + path, errno);
    std::array<char, 32> owner{};
    const auto size = ::pread(file.get(), owner.data(), owner.size() - 1, 0);
    return Failure{"data_dir_in_use", "the data directory " + data_dir + " is in use by process " +
                                          (size > 0 ? owner.data() : "unknown") +
                                          "; stop it, or give this one another --data-dir"};
  }
  const std::string pid = std::to_string(::getpid());
  // The number is for the message above only: without it the lock holds all the same.
  if (::ftruncate(file.get(), 0) == 0) [[maybe_unused]]
    const auto written = ::pwrite(file.get(), pid.data(), pid.size(), 0);
  return file;
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& data_dir,
                                                 StoreOptions options) {
  std::error_code error;
  std::filesystem::create_directories(data_dir, error);
  if (error) return system_failure("create " + data_dir, error.value());
  if (::chmod(data_dir.c_str(), 0700) != 0 && errno != EPERM)
    return system_failure("chmod " + data_dir, errno);
  auto lock = lock_directory(data_dir);
  if (!lock) return lock.error();
  try {
    auto store =
        std::make_unique<SqliteStore>(std::move(*lock), data_dir + "/perilune.db", options);
    if (const auto ready = store->prepare(); !ready) return ready.error();
    return std::unique_ptr<Store>{std::move(store)};
  } catch (const sqlite::Error& failed) {
    Failure failure = sqlite::to_failure(failed);
    failure.detail += " (" + data_dir + "/perilune.db)";
    return failure;
  }
}

std::int64_t SqliteStore::app_id(const AppKey& key) {
  sqlite::Query query{db_, "SELECT id FROM apps WHERE tenant=?1 AND slug=?2", key.tenant, key.app};
  return query.step() ? query.integer(0) : 0;
}

Result<std::int64_t> SqliteStore::need_app(const AppKey& key) {
  const std::int64_t id = app_id(key);
  if (id == 0) return Failure{"not_found", "no app " + key.tenant + "/" + key.app};
  return id;
}

void SqliteStore::collect_garbage() {
  sqlite::Query{db_,
                "DELETE FROM bundles WHERE NOT EXISTS"
                "(SELECT 1 FROM versions WHERE versions.version=bundles.version)"}
      .run();
  sqlite::Query{db_,
                "DELETE FROM blobs WHERE NOT EXISTS"
                "(SELECT 1 FROM bundle_files WHERE bundle_files.sha256=blobs.sha256)"}
      .run();
}

Result<void> SqliteStore::rehearse(const std::function<void()>& body) {
  return guarded([&]() -> Result<void> {
    const sqlite::Transaction never_committed{db_};
    body();
    return {};
  });
}

}  // namespace perilune::api
