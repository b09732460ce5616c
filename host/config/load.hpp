#pragma once

/// @file
/// Where a configuration comes from: flags over environment over file over defaults.

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "host/config/config.hpp"
#include "runtime/base/result.hpp"

namespace perilune::host {

struct ConfigSources {
  /// Values of the flags that were given, by option key.
  std::map<std::string, std::string, std::less<>> flags;
  /// All variables whose names start with PERILUNE_.
  std::map<std::string, std::string, std::less<>> environment;
  std::optional<std::string> file;  ///< `--config`
};

/// The variables of this process that start with PERILUNE_.
[[nodiscard]] std::map<std::string, std::string, std::less<>> perilune_environment();

/// Fails with `bad_config`; the detail names where the value came from (flag, variable, file and
/// line), the key, and the key that was probably meant. Does not touch anything but the file.
[[nodiscard]] Result<Config> load_config(const ConfigSources& sources);

}  // namespace perilune::host
