#include "api/auth/secret.hpp"
#include "api/store/codec.hpp"
#include "api/store/sqlite_store.hpp"

namespace perilune::api {

using sqlite::Blob;
using sqlite::Query;
using sqlite::Transaction;

namespace {

VersionRow read_version(const Query& q) {
  return {q.text(0),  q.count(1), q.integer(2),
          q.text(3),  q.text(4),  static_cast<link::AppStyle>(q.integer(5)),
          q.count(7), q.count(8), decode_manifest(q.text(6))};
}

#define PERILUNE_VERSION_COLUMNS                                                       \
  "SELECT v.version, v.number, v.created, v.creator, v.message, v.style, v.manifest, " \
  "b.size, b.files FROM versions v JOIN bundles b USING(version) "

Failure no_version(std::string_view id) { return {"not_found", "no version " + std::string{id}}; }

}  // namespace

void SqliteStore::store_files(const NewVersion& upload) {
  std::uint64_t size = 0;
  for (const BundleFile& file : upload.files) size += file.data.size();
  Query bundle{db_, "INSERT INTO bundles VALUES(?1,?2,?3) ON CONFLICT DO NOTHING", upload.version,
               size, upload.files.size()};
  if (bundle.run() == 0) return;  // another app has this content
  for (const BundleFile& file : upload.files) {
    const std::string sha256 = sha256_hex(file.data);
    Query{db_, "INSERT INTO blobs VALUES(?1,?2) ON CONFLICT DO NOTHING", sha256, Blob{file.data}}
        .run();
    Query{db_,
          "INSERT INTO bundle_files VALUES(?1,?2,?3,?4)",
          upload.version,
          file.path,
          sha256,
          file.data.size()}
        .run();
  }
}

// What is deployed stays, and so does what a rollback would bring back.
void SqliteStore::prune_versions(std::int64_t app, std::string_view newest, std::size_t keep) {
  const auto pruned =
      Query{db_,
            "DELETE FROM versions WHERE app=?1 AND version IN ("
            " SELECT version FROM versions WHERE app=?1 AND version<>?2 AND version NOT IN ("
            "  SELECT version FROM (SELECT version, max(generation) AS newest FROM deployments"
            "   WHERE app=?1 GROUP BY version ORDER BY newest DESC LIMIT 2))"
            " ORDER BY number LIMIT max(0, (SELECT count(*) FROM versions WHERE app=?1) - ?3))",
            app, newest, keep}
          .run();
  if (pruned > 0) collect_garbage();
}

Result<PutVersion> SqliteStore::put_version(const NewVersion& upload) {
  return guarded([&]() -> Result<PutVersion> {
    Transaction transaction{db_};
    PutVersion put;
    if (app_id(upload.key) == 0 && upload.create_app) {
      AppRow row;
      row.key = upload.key;
      row.created = upload.at;
      if (const auto made = create_app(row); !made) return made.error();
      put.app_created = true;
    }
    const auto app = need_app(upload.key);
    if (!app) return app.error();
    store_files(upload);
    const std::string manifest = encode_manifest(upload.manifest);
    put.created =
        Query{db_,
              "INSERT INTO versions(app, version, number, created, creator, message, style, "
              "manifest) SELECT id, ?2, last_number+1, ?3, ?4, ?5, ?6, ?7 FROM apps WHERE id=?1 "
              "ON CONFLICT DO NOTHING",
              *app,
              upload.version,
              upload.at,
              upload.creator,
              upload.message,
              static_cast<int>(upload.style),
              manifest}
            .run() != 0;
    if (put.created) {
      Query{db_, "UPDATE apps SET last_number=last_number+1 WHERE id=?1", *app}.run();
      prune_versions(*app, upload.version, upload.keep);
    }
    auto row = version(upload.key, upload.version);
    if (!row) return row.error();
    put.row = std::move(*row);
    transaction.commit();
    return put;
  });
}

Result<VersionRow> SqliteStore::version(const AppKey& key, std::string_view id) {
  return guarded([&]() -> Result<VersionRow> {
    Query query{db_, PERILUNE_VERSION_COLUMNS "WHERE v.app=?1 AND v.version=?2", app_id(key), id};
    if (!query.step()) return no_version(id);
    return read_version(query);
  });
}

Result<std::vector<VersionRow>> SqliteStore::versions(const AppKey& key, std::uint64_t before,
                                                      std::size_t limit) {
  return guarded([&]() -> Result<std::vector<VersionRow>> {
    const auto app = need_app(key);
    if (!app) return app.error();
    std::vector<VersionRow> rows;
    Query query{db_,
                PERILUNE_VERSION_COLUMNS
                "WHERE v.app=?1 AND (?2=0 OR v.number<?2) ORDER BY v.number DESC LIMIT ?3",
                *app, before, limit};
    while (query.step()) rows.push_back(read_version(query));
    return rows;
  });
}

Result<std::string> SqliteStore::resolve_version(const AppKey& key, std::string_view prefix) {
  return guarded([&]() -> Result<std::string> {
    if (prefix.size() < 8 || prefix.size() > 64 || !is_hex(prefix)) return no_version(prefix);
    const std::string end = std::string{prefix} + "g";  // after every hex digit
    Query query{db_,
                "SELECT version FROM versions WHERE app=?1 AND version>=?2 AND version<?3 LIMIT 2",
                app_id(key), prefix, end};
    if (!query.step()) return no_version(prefix);
    std::string found = query.text(0);
    if (query.step())
      return Failure{"ambiguous_version",
                     "more than one version begins with " + std::string{prefix}};
    return Result<std::string>{boost::system::in_place_value, std::move(found)};
  });
}

Result<void> SqliteStore::delete_version(const AppKey& key, std::string_view id) {
  return guarded([&]() -> Result<void> {
    Transaction transaction{db_};
    const auto current = current_deployment(key);
    if (current && current->version == id)
      return Failure{"version_in_use",
                     "version " + std::string{id} + " is deployed; deploy another one first"};
    if (Query{db_, "DELETE FROM versions WHERE app=?1 AND version=?2", app_id(key), id}.run() == 0)
      return no_version(id);
    collect_garbage();
    transaction.commit();
    return {};
  });
}

Result<std::vector<FileInfo>> SqliteStore::files(std::string_view version) {
  return guarded([&]() -> Result<std::vector<FileInfo>> {
    std::vector<FileInfo> rows;
    Query query{db_, "SELECT path, sha256, size FROM bundle_files WHERE version=?1 ORDER BY path",
                version};
    while (query.step()) rows.push_back({query.text(0), query.text(1), query.count(2)});
    if (rows.empty()) return no_version(version);
    return rows;
  });
}

Result<BundleFile> SqliteStore::file(std::string_view version, std::string_view path) {
  return guarded([&]() -> Result<BundleFile> {
    Query query{db_,
                "SELECT path, data FROM bundle_files JOIN blobs USING(sha256) "
                "WHERE version=?1 AND path=?2",
                version, path};
    if (!query.step()) return Failure{"not_found", "no file " + std::string{path}};
    return BundleFile{query.text(0), query.text(1)};
  });
}

Result<std::vector<BundleFile>> SqliteStore::bundle(std::string_view version) {
  return guarded([&]() -> Result<std::vector<BundleFile>> {
    std::vector<BundleFile> files;
    Query query{db_,
                "SELECT path, data FROM bundle_files JOIN blobs USING(sha256) "
                "WHERE version=?1 ORDER BY path",
                version};
    while (query.step()) files.push_back({query.text(0), query.text(1)});
    if (files.empty()) return no_version(version);
    return files;
  });
}

}  // namespace perilune::api
