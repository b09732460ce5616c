#include "host/config/load.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "host/config/options.hpp"

namespace perilune::host {
namespace {

/// Variables that other commands read; `serve` lets them be.
constexpr std::array<std::string_view, 4> kForeign{"PERILUNE_CONFIG", "PERILUNE_URL",
                                                   "PERILUNE_TOKEN", "PERILUNE_CACHE"};

Failure bad(std::string detail) { return {"bad_config", std::move(detail)}; }

std::string hint(std::string_view key) {
  const std::string_view meant = near_miss(key);
  return meant.empty() ? std::string{} : "; did you mean \"" + std::string{meant} + "\"?";
}

std::string place(const std::string& file, const toml::source_region& region) {
  return file + ":" + std::to_string(region.begin.line) + ":" + std::to_string(region.begin.column);
}

std::optional<std::string> as_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  return std::nullopt;
}

Result<void> apply_file(Config& config, const std::string& file) {
  const toml::parse_result parsed = toml::parse_file(file);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return bad(place(file, error.source()) + ": " + std::string{error.description()});
  }
  for (const auto& [key, node] : parsed.table()) {
    const std::string at = place(file, node.source()) + ": " + std::string{key.str()};
    const Option* option = find_option(key.str());
    if (option == nullptr) return bad(at + ": there is no such key" + hint(key.str()));
    const auto text = as_text(node);
    if (!text) return bad(at + ": must be a string or a whole number");
    if (const auto done = option->set(config, *text); !done) {
      return bad(at + ": " + done.error().detail);
    }
  }
  return {};
}

Result<void> apply_environment(Config& config, const ConfigSources& sources) {
  for (const auto& [variable, text] : sources.environment) {
    const Option* match = nullptr;
    for (const Option& option : options()) {
      if (option.variable() == variable) match = &option;
    }
    if (match == nullptr) {
      if (std::find(kForeign.begin(), kForeign.end(), variable) != kForeign.end()) continue;
      std::string key = variable.substr(std::string_view{"PERILUNE_"}.size());
      for (char& c : key) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      const Option* meant = find_option(near_miss(key));
      // Kubernetes puts PERILUNE_SERVICE_HOST and the like into every pod beside a service of that
      // name: only what looks like one of ours is an error.
      if (meant == nullptr) continue;
      return bad("environment: there is no variable " + variable + "; did you mean " +
                 meant->variable() + "?");
    }
    if (const auto done = match->set(config, text); !done) {
      return bad("environment: " + variable + ": " + done.error().detail);
    }
  }
  return {};
}

}  // namespace

std::map<std::string, std::string, std::less<>> perilune_environment() {
  std::map<std::string, std::string, std::less<>> found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const auto equals = text.find('=');
    if (!text.starts_with("PERILUNE_") || equals == std::string_view::npos) continue;
    found.emplace(std::string{text.substr(0, equals)}, std::string{text.substr(equals + 1)});
  }
  return found;
}

Result<Config> load_config(const ConfigSources& sources) {
  Config config;
  std::optional<std::string> file = sources.file;
  if (!file) {
    const auto variable = sources.environment.find("PERILUNE_CONFIG");
    if (variable != sources.environment.end()) file = variable->second;
  }
  if (file) {
    if (const auto done = apply_file(config, *file); !done) return done.error();
  }
  if (const auto done = apply_environment(config, sources); !done) return done.error();
  for (const auto& [key, text] : sources.flags) {
    const Option* option = find_option(key);
    if (option == nullptr) return bad("there is no option " + key + hint(key));
    if (const auto done = option->set(config, text); !done) {
      return bad(option->flag() + ": " + done.error().detail);
    }
  }
  return config;
}

}  // namespace perilune::host
