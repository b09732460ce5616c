#include "host/config/options.hpp"

namespace perilune::host {
namespace {

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string config_reference() {
  std::string page =
      "# Configuration of `perilune serve`\n\n"
      "Each option is a flag, an environment variable and a key of the TOML file that `--config` "
      "names\n(`PERILUNE_CONFIG` too). The flag wins over the variable, the variable over the "
      "file, the file over the\ndefault. An unknown key, a bad value or a `PERILUNE_` variable "
      "that is nobody's is an error that names it.\n`deploy/perilune.toml` is the same list as a "
      "file to start from.\n\n"
      "| key | flag | variable | default | type | meaning |\n|---|---|---|---|---|---|\n";
  const Config defaults;
  for (const Option& option : options()) {
    page += "| `" + std::string{option.key} + "` | `" + option.flag() + " " + cell(option.hint) +
            "` | `" + option.variable() + "` | `" + option.toml(defaults) + "` | " +
            std::string{name(option.type)} + " | " + cell(option.doc) + " |\n";
  }
  return page;
}

std::string sample_config() {
  std::string file =
      "# Perilune: every key of `perilune serve --config FILE` with its default.\n"
      "# A flag (--data-dir) wins over the environment (PERILUNE_DATA_DIR), that over this file.\n";
  const Config defaults;
  for (const Option& option : options()) {
    file += "\n# " + std::string{option.doc} + "\n# " + std::string{name(option.type)} + ": " +
            std::string{option.hint} + "\n" + std::string{option.key} + " = " +
            option.toml(defaults) + "\n";
  }
  return file;
}

}  // namespace perilune::host
