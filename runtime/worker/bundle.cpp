#include "runtime/worker/bundle.hpp"

#include <algorithm>
#include <utility>

namespace perilune::worker {
namespace {

std::string_view cut(std::string_view text, std::size_t most) noexcept {
  return text.substr(0, most);
}

std::string quoted(std::string_view name) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : name.substr(0, 300)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F) {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return out + '"';
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

const char* wrong_with_bytes(std::string_view name) noexcept {
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) return "has a control character";
    if (c == '\\') return "has a backslash";
  }
  return is_utf8(name) ? nullptr : "is not UTF-8";
}

}  // namespace

link::Diagnostic Finding::view() const {
  link::Diagnostic d;
  d.severity = severity;
  d.code = code;
  d.file = cut(file, link::kMaxPath);
  d.line = line;
  d.column = column;
  d.message = cut(message, 8192);
  d.excerpt = cut(excerpt, link::kMaxExcerpt);
  d.help = cut(help, 1024);
  return d;
}

bool is_utf8(std::string_view text) noexcept {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0 || length > text.size() - i) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0U) != 0x80) return false;
    }
    if (length >= 3) {
      const auto second = static_cast<unsigned char>(text[i + 1]);
      const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
      const bool outside = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
      if (overlong || outside) return false;
    }
    i += length;
  }
  return true;
}

void BundleBuilder::refuse(std::string_view name, const char* code, std::string message,
                           const char* help) {
  Finding finding;
  finding.code = code;
  const bool presentable = wrong_with_bytes(name) == nullptr;
  finding.file = presentable ? std::string{name.substr(0, link::kMaxPath)} : quoted(name);
  finding.message = std::move(message);
  finding.help = help;
  findings_.push_back(std::move(finding));
  if (findings_.size() >= kMaxFindings) full_ = true;
}

void BundleBuilder::stop(const char* code, std::string message, const char* help) {
  refuse(current_path_, code, std::move(message), help);
  current_ = nullptr;
  full_ = true;
}

bool BundleBuilder::normalise(std::string_view name, std::string& path) {
  constexpr const char* kHelp = "Pack files with plain relative names, such as lib/util.lua.";
  if (const char* wrong = wrong_with_bytes(name)) {
    refuse(name, "bad_name", "The name " + quoted(name) + " " + wrong + ".", kHelp);
    return false;
  }
  if (name.starts_with('/')) {
    refuse(name, "path_escapes", "The path " + quoted(name) + " is absolute.", kHelp);
    return false;
  }
  while (name.starts_with("./")) name.remove_prefix(2);
  if (name.size() > link::kMaxPath) {
    refuse(name, "name_too_long",
           "A path of " + std::to_string(name.size()) + " bytes; the limit is " +
               std::to_string(link::kMaxPath) + ".",
           kHelp);
    return false;
  }
  path.clear();
  while (!name.empty()) {
    const std::string_view component = name.substr(0, name.find('/'));
    name.remove_prefix(std::min(name.size(), component.size() + 1));
    if (component == "..") {
      refuse(path + "/..", "path_escapes", "The path leads upwards with \"..\".", kHelp);
      return false;
    }
    if (component.empty() || component == ".") {
      refuse(path, "bad_name", "A path has an empty or \".\" component.", kHelp);
      return false;
    }
    if (component.size() > kMaxComponent) {
      refuse(component, "name_too_long",
             "A name of " + std::to_string(component.size()) + " bytes; the limit is " +
                 std::to_string(kMaxComponent) + ".",
             kHelp);
      return false;
    }
    if (!path.empty()) path += '/';
    path += component;
  }
  return true;
}

bool BundleBuilder::claim(const std::string& path, bool file) {
  // Every folder on the way must be a folder wherever it occurs, in one spelling.
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (!claim_one(path.substr(0, slash), false)) return false;
  }
  return claim_one(path, file);
}

bool BundleBuilder::claim_one(const std::string& path, bool file) {
  const auto [known, fresh] = folded_.try_emplace(lower(path), path);
  if (fresh) {
    if (!file) directories_.insert(path);
    return true;
  }
  const bool same = known->second == path;
  if (same && !file && directories_.contains(path)) return true;
  refuse(path, same ? "duplicate_path" : "case_collision",
         same ? "The path occurs twice, or as a file and as a folder."
              : "The path collides with " + quoted(known->second) + ".",
         "Each path may occur once; names that differ in case only collide on some file systems.");
  return false;
}

bool BundleBuilder::begin(std::string_view name) {
  current_ = nullptr;
  std::string path;
  if (full_ || !normalise(name, path)) return false;
  if (path.empty()) {
    refuse(name, "bad_name", "A file has no name.", "Pack files with plain relative names.");
    return false;
  }
  if (!claim(path, true)) return false;
  current_path_ = path;
  if (files_.size() >= limits_.raw(Limit::BundleFiles)) {
    stop("too_many_files",
         "The bundle has more than " + std::to_string(limits_.raw(Limit::BundleFiles)) +
             " files (bundle_files).",
         "Leave out what the app does not need.");
    return false;
  }
  current_ = &files_[path];
  return true;
}

bool BundleBuilder::count(std::size_t bytes, std::uint64_t consumed) {
  const std::uint64_t most = limits_.raw(Limit::BundleUnpacked);
  if (full_) return false;
  if (bytes > most - bytes_) {
    stop("bundle_too_large",
         "The bundle's files are larger than " + format_limit(spec(Limit::BundleUnpacked), most) +
             " (bundle_unpacked).",
         "Leave out what the app does not need.");
    return false;
  }
  bytes_ += bytes;
  if (bytes_ > kRatioFloor && bytes_ / kMaxRatio > consumed) {
    stop("ratio_exceeded",
         "The archive unpacks to more than " + std::to_string(kMaxRatio) + " times its size.",
         "Upload the files without so much repetition.");
    return false;
  }
  return true;
}

void BundleBuilder::append(std::string_view bytes, std::uint64_t consumed) {
  if (count(bytes.size(), consumed) && current_ != nullptr) current_->append(bytes);
}

void BundleBuilder::skip(std::size_t bytes, std::uint64_t consumed) {
  static_cast<void>(count(bytes, consumed));
}

void BundleBuilder::directory(std::string_view name) {
  while (name.ends_with('/')) name.remove_suffix(1);
  std::string path;
  if (name == "." || name.empty() || full_) return;
  // Folders are not kept, but the memory for their names counts like that of files.
  if (directories_.size() >= limits_.raw(Limit::BundleFiles)) {
    stop("too_many_files", "The bundle has too many folders.", "Leave out empty folders.");
    return;
  }
  if (normalise(name, path) && !path.empty()) static_cast<void>(claim(path, false));
}

}  // namespace perilune::worker
