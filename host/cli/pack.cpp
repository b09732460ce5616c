#include "host/cli/pack.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "runtime/limits.hpp"

namespace perilune::host {
namespace {

namespace fs = std::filesystem;

struct Writer {
  struct Free {
    void operator()(archive* a) const { archive_write_free(a); }
    void operator()(archive_entry* e) const { archive_entry_free(e); }
  };
  std::unique_ptr<archive, Free> handle{archive_write_new()};
  std::unique_ptr<archive_entry, Free> entry{archive_entry_new()};
  std::string bytes;

  static la_ssize_t append(archive*, void* self, const void* data, std::size_t size) {
    static_cast<Writer*>(self)->bytes.append(static_cast<const char*>(data), size);
    return static_cast<la_ssize_t>(size);
  }
};

Result<std::string> read_file(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  std::string data{std::istreambuf_iterator<char>{in}, {}};
  if (!in && !in.eof()) return Failure{"unreadable", path.string() + " cannot be read"};
  return {boost::system::in_place_value, std::move(data)};
}

Result<std::vector<fs::path>> files_below(const fs::path& root) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator it{root, error};
  for (const fs::recursive_directory_iterator end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().starts_with('.')) {
      if (it->is_directory()) it.disable_recursion_pending();
    } else if (it->is_regular_file() && !it->is_symlink()) {
      files.push_back(it->path());
    }
  }
  if (error) return Failure{"unreadable", root.string() + ": " + error.message()};
  if (files.empty()) return Failure{"no_entry", root.string() + " holds no file"};
  std::sort(files.begin(), files.end());
  return files;
}

Result<void> add(Writer& writer, const std::string& name, const std::string& data) {
  archive_entry* entry = archive_entry_clear(writer.entry.get());
  archive_entry_set_pathname(entry, name.c_str());
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_perm(entry, 0644);
  archive_entry_set_size(entry, static_cast<la_int64_t>(data.size()));
  archive_entry_set_mtime(entry, 0, 0);
  const bool fine = archive_write_header(writer.handle.get(), entry) == ARCHIVE_OK &&
                    archive_write_data(writer.handle.get(), data.data(), data.size()) ==
                        static_cast<la_ssize_t>(data.size());
  if (!fine) return Failure{"unreadable", name + ": " + archive_error_string(writer.handle.get())};
  return {};
}

Result<Package> pack_folder(const fs::path& root) {
  const auto files = files_below(root);
  if (!files) return files.error();
  Writer writer;
  archive_write_set_format_ustar(writer.handle.get());
  archive_write_add_filter_gzip(writer.handle.get());
  archive_write_set_filter_option(writer.handle.get(), "gzip", "timestamp", nullptr);
  archive_write_set_bytes_in_last_block(writer.handle.get(), 1);
  if (archive_write_open(writer.handle.get(), &writer, nullptr, Writer::append, nullptr) !=
      ARCHIVE_OK) {
    return Failure{"unreadable", archive_error_string(writer.handle.get())};
  }
  const std::uint64_t most = spec(Limit::BundleUnpacked).maximum;
  std::uint64_t size = 0;
  for (const fs::path& file : *files) {
    const auto data = read_file(file);
    if (!data) return data.error();
    size += data->size();
    if (size > most) {
      return Failure{"bundle_too_large", root.string() + " holds more than " +
                                             format_limit(spec(Limit::BundleUnpacked), most)};
    }
    const auto added = add(writer, file.lexically_relative(root).generic_string(), *data);
    if (!added) return added.error();
  }
  archive_write_close(writer.handle.get());
  return Package{"application/gzip", std::move(writer.bytes)};
}

}  // namespace

Result<Package> pack(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) return pack_folder(path);
  if (!fs::is_regular_file(status))
    return Failure{"unreadable", path + " is neither a file nor a folder"};
  auto data = read_file(path);
  if (!data) return data.error();
  const std::string extension = fs::path{path}.extension().string();
  if (extension == ".zip") return Package{"application/zip", std::move(*data)};
  if (extension == ".gz" || extension == ".tgz")
    return Package{"application/gzip", std::move(*data)};
  return Package{"text/x-lua", std::move(*data)};
}

}  // namespace perilune::host
