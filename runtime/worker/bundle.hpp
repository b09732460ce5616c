#pragma once

/// @file
/// The files of an app, how they get into memory, and what is said about those that may not.

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/limits.hpp"
#include "runtime/link/messages.hpp"

namespace perilune::worker {

/// A `link::Diagnostic` that owns its text.
struct Finding {
  link::Severity severity = link::Severity::Error;
  std::string code;
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string message;
  std::string excerpt;
  std::string help;

  /// Views into this finding, each cut to what the link carries.
  [[nodiscard]] link::Diagnostic view() const;
};

/// Path (relative, `/` between components) to contents, in the order of paths.
using Files = std::map<std::string, std::string, std::less<>>;

/// Takes an archive's entries one by one and keeps what is allowed. Enforces the bundle's limits
/// while bytes arrive: nothing beyond a limit is ever held.
///
/// Entries that are refused become findings and the caller goes on; once `full()` (a limit was
/// crossed, or there are too many findings) it stops reading.
class BundleBuilder {
 public:
  /// Findings about names and kinds that one upload may collect before reading stops.
  static constexpr std::size_t kMaxFindings = 100;
  static constexpr std::size_t kMaxComponent = 255;
  /// Unpacked bytes per packed byte beyond which an archive is a bomb, once it has unpacked more
  /// than `kRatioFloor`.
  static constexpr std::uint64_t kMaxRatio = 200;
  static constexpr std::uint64_t kRatioFloor = 1U << 20U;

  explicit BundleBuilder(const Limits& limits) : limits_{limits} {}

  /// Starts a file; false if it is refused (its bytes go to `skip`).
  [[nodiscard]] bool begin(std::string_view name);
  /// Bytes of the file. `consumed`: bytes of the upload that have been read so far.
  void append(std::string_view bytes, std::uint64_t consumed);
  /// Bytes of an entry that was refused: they count, but are not kept.
  void skip(std::size_t bytes, std::uint64_t consumed);
  void directory(std::string_view name);
  void refuse(std::string_view name, const char* code, std::string message, const char* help);

  [[nodiscard]] bool full() const noexcept { return full_; }
  [[nodiscard]] bool failed() const noexcept { return !findings_.empty(); }
  [[nodiscard]] std::vector<Finding>& findings() noexcept { return findings_; }
  [[nodiscard]] Files& files() noexcept { return files_; }

 private:
  [[nodiscard]] bool normalise(std::string_view name, std::string& path);
  [[nodiscard]] bool claim(const std::string& path, bool file);
  [[nodiscard]] bool claim_one(const std::string& path, bool file);
  void stop(const char* code, std::string message, const char* help);
  bool count(std::size_t bytes, std::uint64_t consumed);

  const Limits& limits_;
  Files files_;
  std::vector<Finding> findings_;
  std::map<std::string, std::string> folded_;  ///< lower case to the spelling that came first
  std::set<std::string> directories_;
  std::string* current_ = nullptr;
  std::string current_path_;
  std::uint64_t bytes_ = 0;
  bool full_ = false;
};

/// Strict: no overlong forms, no surrogates, nothing beyond U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// Unpack an upload; what is wrong with it becomes findings. Each stops at the first damage.
void read_tar(std::string_view upload, BundleBuilder& out);  ///< plain or gzip
void read_zip(std::string_view upload, BundleBuilder& out);

}  // namespace perilune::worker
