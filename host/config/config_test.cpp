#include "host/config/config.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "host/config/load.hpp"
#include "host/config/options.hpp"

namespace perilune::host {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

class TempFile {
 public:
  explicit TempFile(const std::string& text)
      : path_{std::filesystem::temp_directory_path() /
              ("perilune-config-" + std::to_string(::getpid()) + ".toml")} {
    std::ofstream{path_} << text;
  }
  ~TempFile() { std::filesystem::remove(path_); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::string error_of(const ConfigSources& sources) {
  const auto config = load_config(sources);
  REQUIRE_FALSE(config.has_value());
  return config.error().detail;
}

const std::filesystem::path kSource{PERILUNE_SOURCE_DIR};

}  // namespace

TEST_CASE("The sample configuration holds the defaults") {
  REQUIRE(read(kSource / "deploy/perilune.toml") == sample_config());
  const auto loaded =
      load_config({.flags = {}, .environment = {}, .file = kSource / "deploy/perilune.toml"});
  REQUIRE(loaded.has_value());
  const Config defaults;
  for (const Option& option : options()) {
    INFO(option.key);
    REQUIRE(option.show(*loaded) == option.show(defaults));
  }
}

TEST_CASE("The reference page of the configuration is up to date") {
  REQUIRE(read(kSource / "docs/reference/config.md") == config_reference());
}

TEST_CASE("Write the sample configuration and its reference page", "[.write-reference]") {
  std::ofstream{kSource / "deploy/perilune.toml"} << sample_config();
  std::ofstream{kSource / "docs/reference/config.md"} << config_reference();
}

TEST_CASE("A flag wins over the environment, that over the file, that over the default") {
  const TempFile file{"spares = 3\nthreads = 3\nmax_workers = 33\n"};
  const auto config =
      load_config({.flags = {{"spares", "5"}},
                   .environment = {{"PERILUNE_SPARES", "4"}, {"PERILUNE_THREADS", "4"}},
                   .file = file.path()});
  REQUIRE(config.has_value());
  REQUIRE(config->spares == 5);
  REQUIRE(config->threads == 4);
  REQUIRE(config->max_workers == 33);
  REQUIRE(config->upload_concurrency == 2);
}

TEST_CASE("A configuration error names the place and the key that was meant") {
  const TempFile file{"\nbase_domian = \"example.com\"\n"};
  const std::string unknown = error_of({.flags = {}, .environment = {}, .file = file.path()});
  REQUIRE(unknown.find(file.path() + ":2:") == 0);
  REQUIRE(unknown.find("did you mean \"base_domain\"?") != std::string::npos);

  const std::string variable =
      error_of({.flags = {}, .environment = {{"PERILUNE_BASE_DOMIAN", "x"}}, .file = {}});
  REQUIRE(variable.find("did you mean PERILUNE_BASE_DOMAIN?") != std::string::npos);

  REQUIRE(error_of({.flags = {{"gateway", "localhost:80"}}, .environment = {}, .file = {}})
              .find("--gateway: \"localhost:80\" is not ADDRESS:PORT") == 0);
}

TEST_CASE("Variables of other commands and of Kubernetes are let be") {
  const auto config = load_config(
      {.flags = {},
       .environment = {{"PERILUNE_TOKEN", "plt_x"}, {"PERILUNE_SERVICE_PORT_HTTP", "80"}},
       .file = {}});
  REQUIRE(config.has_value());
}

TEST_CASE("Option values are held to their bounds") {
  const auto check = [](const char* key, const char* text) {
    Config config;
    return find_option(key)->set(config, text).has_value();
  };
  REQUIRE(check("threads", "16"));
  REQUIRE_FALSE(check("threads", "17"));
  REQUIRE(check("gateway", "[::1]:0"));
  REQUIRE_FALSE(check("gateway", "::1:80"));
  REQUIRE_FALSE(check("gateway", "127.0.0.1:65536"));
  REQUIRE(check("gateway", "127.0.0.1:65535"));
  REQUIRE(check("drain_timeout_ms", "3600000"));
  REQUIRE_FALSE(check("drain_timeout_ms", "3600001"));
  REQUIRE(check("worker_memory_total", "8GiB"));
  REQUIRE_FALSE(check("worker_memory_total", "8 many"));
  REQUIRE(check("require_sandbox", "filter"));
  REQUIRE_FALSE(check("require_sandbox", "none"));
  REQUIRE_FALSE(check("base_domain", "Example.com"));
  REQUIRE_FALSE(check("store", "mysql"));
}

TEST_CASE("A PostgreSQL store is refused with a sentence") {
  REQUIRE(error_of({.flags = {{"store", "postgresql://db/x"}}, .environment = {}, .file = {}})
              .find("PostgreSQL is not supported yet") != std::string::npos);
}

}  // namespace perilune::host
