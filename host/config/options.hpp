#pragma once

/// @file
/// The one table of options: names, documentation, and how each is read and shown. Command line,
/// environment, TOML file, sample file and reference page are made from it.

#include <span>
#include <string>
#include <string_view>

#include "host/config/config.hpp"
#include "runtime/base/result.hpp"

namespace perilune::host {

enum class OptionType : std::uint8_t { Text, Path, Address, Count, Size, Duration, Choice };
[[nodiscard]] std::string_view name(OptionType type) noexcept;

/// One row. The flag is `--` + key with dashes, the variable `PERILUNE_` + key in capitals.
struct Option {
  std::string_view key;  ///< in the TOML file: `base_domain`
  OptionType type;
  std::string_view hint;  ///< "HOST:PORT"
  std::string_view doc;   ///< one or two sentences
  /// Reads the text into the value. The failure's detail says what is wrong with the text; the
  /// caller puts the option's name in front.
  Result<void> (*set)(Config&, std::string_view text);
  /// As `set` would read it.
  std::string (*show)(const Config&);

  [[nodiscard]] std::string flag() const;
  [[nodiscard]] std::string variable() const;
  /// The value as TOML: quoted unless a number.
  [[nodiscard]] std::string toml(const Config& config) const;
};

[[nodiscard]] std::span<const Option> options() noexcept;
/// The row with this key, or nullptr.
[[nodiscard]] const Option* find_option(std::string_view key) noexcept;
/// The key that somebody who wrote `key` probably meant, or empty.
[[nodiscard]] std::string_view near_miss(std::string_view key);

/// docs/reference/config.md
[[nodiscard]] std::string config_reference();
/// deploy/perilune.toml: every key with its default and its meaning.
[[nodiscard]] std::string sample_config();

}  // namespace perilune::host
