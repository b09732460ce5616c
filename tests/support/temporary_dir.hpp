#pragma once

/// @file
/// A data directory for one test.

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace perilune::api::test {

/// Goes with everything in it.
class TemporaryDir {
 public:
  TemporaryDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "perilune-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  TemporaryDir(const TemporaryDir&) = delete;
  TemporaryDir& operator=(const TemporaryDir&) = delete;
  ~TemporaryDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace perilune::api::test
