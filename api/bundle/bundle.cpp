#include "api/bundle/bundle.hpp"

#include <algorithm>

#include "api/auth/secret.hpp"

namespace perilune::api {
namespace {

bool is_path_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte != 0x7F && c != '\\';
}

bool is_name(std::string_view name) { return !name.empty() && name != "." && name != ".."; }

bool by_path(const BundleFile& a, const BundleFile& b) { return a.path < b.path; }

}  // namespace

bool is_bundle_path(std::string_view path) noexcept {
  constexpr std::size_t kLongest = 512;
  if (path.size() > kLongest || !std::all_of(path.begin(), path.end(), is_path_byte)) return false;
  for (;;) {
    const std::size_t slash = path.find('/');
    if (!is_name(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

Result<void> check_bundle(std::vector<BundleFile>& files, const Limits& ceiling) {
  if (files.empty()) return Failure{"bad_bundle", "the bundle has no files"};
  const std::uint64_t most = ceiling.count(Limit::BundleFiles);
  if (files.size() > most)
    return Failure{"too_many_files", "the bundle has " + std::to_string(files.size()) +
                                         " files, more than " + std::to_string(most)};
  std::uint64_t size = 0;
  for (const BundleFile& file : files) {
    if (!is_bundle_path(file.path))
      return Failure{"bad_bundle", "\"" + file.path + "\" is not a path inside the bundle"};
    size += file.data.size();
  }
  const LimitSpec& unpacked = spec(Limit::BundleUnpacked);
  if (size > ceiling.raw(Limit::BundleUnpacked))
    return Failure{"bundle_too_large",
                   "the bundle's files have " + format_limit(unpacked, size) + ", more than " +
                       format_limit(unpacked, ceiling.raw(Limit::BundleUnpacked))};
  std::sort(files.begin(), files.end(), by_path);
  for (std::size_t i = 1; i < files.size(); ++i) {
    const std::string& path = files[i].path;
    if (path == files[i - 1].path) return Failure{"bad_bundle", "\"" + path + "\" is there twice"};
  }
  for (const BundleFile& file : files) {
    for (std::size_t at = file.path.find('/'); at != std::string::npos;
         at = file.path.find('/', at + 1)) {
      const BundleFile folder{file.path.substr(0, at), {}};
      if (std::binary_search(files.begin(), files.end(), folder, by_path))
        return Failure{"bad_bundle", "\"" + folder.path + "\" is a file and a folder"};
    }
  }
  return {};
}

std::string canonical_manifest(const std::vector<BundleFile>& sorted) {
  std::string text;
  for (const BundleFile& file : sorted) {
    text += file.path;
    text += '\0';
    text += sha256_hex(file.data);
    text += '\0';
    text += std::to_string(file.data.size());
    text += '\n';
  }
  return text;
}

std::string version_of(const std::vector<BundleFile>& sorted) {
  return sha256_hex(canonical_manifest(sorted));
}

}  // namespace perilune::api
