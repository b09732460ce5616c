#include "api/bundle/bundle.hpp"

#include <catch2/catch.hpp>

#include "api/auth/secret.hpp"
#include "api/bundle/manifest.hpp"
#include "api/bundle/suggest.hpp"
#include "tests/support/print_result.hpp"

namespace perilune::api {
namespace {

std::string code_of(const Result<void>& result) { return result ? "ok" : result.error().code; }

std::string check(std::vector<BundleFile> files, const Limits& ceiling = default_ceiling()) {
  return code_of(check_bundle(files, ceiling));
}

struct Parsed {
  Manifest manifest;
  std::vector<Diagnostic> found;
};

Parsed parse(std::vector<link::ManifestEntry> entries) {
  Parsed parsed;
  parsed.manifest = parse_manifest(entries, default_ceiling(), parsed.found);
  return parsed;
}

link::ManifestEntry text(std::string_view key, std::string_view value) {
  return {key, link::ValueType::String, value, 3, 7};
}
link::ManifestEntry number(std::string_view key, std::string_view value) {
  return {key, link::ValueType::Integer, value, 4, 1};
}

std::string one_code(std::vector<link::ManifestEntry> entries) {
  const Parsed parsed = parse(std::move(entries));
  return parsed.found.size() == 1 ? parsed.found[0].code : std::to_string(parsed.found.size());
}

}  // namespace

TEST_CASE("paths of a bundle stay inside it") {
  for (const char* good : {"init.lua", "lib/a.lua", "a b/c", "..x", ".hidden"})
    CHECK(is_bundle_path(good));
  for (const char* bad :
       {"", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".", "a/./b", "a\\b", "a\nb"})
    CHECK_FALSE(is_bundle_path(bad));
  CHECK_FALSE(is_bundle_path(std::string_view{"a\0b", 3}));
  CHECK(is_bundle_path(std::string(512, 'a')));
  CHECK_FALSE(is_bundle_path(std::string(513, 'a')));
}

TEST_CASE("a bundle is held to its limits, just under and just over") {
  Limits ceiling;
  ceiling.set(Limit::BundleFiles, 2);
  ceiling.set(Limit::BundleUnpacked, 10);
  CHECK(check({{"a", "12345"}, {"b", "12345"}}, ceiling) == "ok");
  CHECK(check({{"a", "12345"}, {"b", "123456"}}, ceiling) == "bundle_too_large");
  CHECK(check({{"a", ""}, {"b", ""}, {"c", ""}}, ceiling) == "too_many_files");
  CHECK(check({}) == "bad_bundle");
  CHECK(check({{"a", ""}, {"a", ""}}) == "bad_bundle");
  CHECK(check({{"a", ""}, {"a-b", ""}, {"a/b", ""}}) == "bad_bundle");
}

TEST_CASE("a version is named by its content, whatever the order") {
  std::vector<BundleFile> files{{"b", "2"}, {"a", "1"}};
  REQUIRE(check_bundle(files, default_ceiling()));
  const std::string id = version_of(files);
  CHECK(id.size() == 64);
  CHECK(id == sha256_hex(std::string{"a\0", 2} + sha256_hex("1") + std::string{"\0", 1} + "1\n" +
                         std::string{"b\0", 2} + sha256_hex("2") + std::string{"\0", 1} + "1\n"));
  files[0].data = "x";
  CHECK(version_of(files) != id);
}

TEST_CASE("a manifest's entries become a manifest") {
  const Parsed parsed =
      parse({text("name", "shop"), text("entry", "main.lua"), number("http.port", "8080"),
             text("limits.memory", "32MiB"), number("limits.cpu_ms", "100"), text("env.MODE", "x"),
             text("outbound[0]", "https://api.example.com:443"), number("vms.count", "1"),
             text("vms.class", "shared")});
  CHECK(parsed.found.empty());
  CHECK(parsed.manifest.entry == "main.lua");
  CHECK(parsed.manifest.http_port == 8080);
  CHECK(parsed.manifest.limits.raw(Limit::Memory) == 32U << 20U);
  CHECK(parsed.manifest.limits.raw(Limit::Cpu) == 100);
  CHECK(parsed.manifest.env.at("MODE") == "x");
  CHECK(parsed.manifest.outbound.size() == 1);
}

TEST_CASE("what is wrong in a manifest is said with its place and a way out") {
  const Parsed typo = parse({text("limits.memroy", "32MiB")});
  REQUIRE(typo.found.size() == 1);
  CHECK(typo.found[0].code == "unknown_key");
  CHECK(typo.found[0].file == "perilune.toml");
  CHECK(typo.found[0].line == 3);
  CHECK(typo.found[0].column == 7);
  CHECK(typo.found[0].help == "did you mean \"memory\"?");
  CHECK(parse({number("limits.cpu", "5")}).found.at(0).help == "did you mean \"cpu_ms\"?");
  CHECK(one_code({text("nmae", "x")}) == "unknown_key");
  CHECK(one_code({number("name", "1")}) == "wrong_type");
  CHECK(one_code({text("limits.cpu_ms", "100")}) == "wrong_type");
  CHECK(one_code({text("limits.memory", "lots")}) == "bad_limit");
  CHECK(one_code({text("limits", "x")}) == "wrong_type");
  CHECK(one_code({text("entry", "../x.lua")}) == "bad_value");
  CHECK(one_code({number("http.port", "65536")}) == "bad_value");
  CHECK(one_code({number("limits.versions", "5")}) == "plan_limit");
  CHECK(one_code({text("cron[0].name", "x")}) == "not_available");
  CHECK(one_code({text("outbound[0]", "example.com")}) == "bad_value");
  CHECK(one_code({text("env.1X", "x")}) == "bad_value");
}

TEST_CASE("every limit of a manifest is taken at its bounds and refused beyond") {
  for (const LimitSpec& row : limit_specs()) {
    if (row.limit == Limit::BundlePacked || row.limit == Limit::BundleUnpacked ||
        row.limit == Limit::BundleFiles || row.limit == Limit::Versions)
      continue;
    const std::string key = "limits." + std::string{row.key};
    CHECK(one_code({number(key, std::to_string(row.minimum))}) == "0");
    CHECK(one_code({number(key, std::to_string(row.maximum))}) == "0");
    if (row.minimum > 0)
      CHECK(one_code({number(key, std::to_string(row.minimum - 1))}) == "limit_too_low");
    CHECK(one_code({number(key, std::to_string(row.maximum + 1))}) == "limit_too_high");
  }
}

TEST_CASE("a suggestion is near or absent") {
  CHECK(edit_distance("memory", "memroy") == 1);
  CHECK(suggestion("zzzzzz", {"memory"}).empty());
}

}  // namespace perilune::api
