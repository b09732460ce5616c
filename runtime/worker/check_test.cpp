#include <catch2/catch.hpp>

#include "runtime/worker/archives.hpp"
#include "runtime/worker/worker_fixture.hpp"

namespace perilune::worker {
namespace {

using link::Packing;
using test::Host;
using Strings = std::vector<std::string>;

constexpr const char* kHello = "return function(sock, req, res) res.body = 'hello' end";

TEST_CASE("a good upload comes back as files and manifest, and was started", "[check]") {
  Host host;
  host.check(
      Packing::TarGz,
      test::gzip(test::tar({{"./perilune.toml", "entry = 'main.lua'\n[limits]\ncpu_ms = 50\n"},
                            {"./main.lua", kHello},
                            {"./lib/", "", '5'},
                            {"./lib/empty.lua", ""}})));
  INFO(host.failed_message);
  CHECK(host.failed_code.empty());
  CHECK(host.started.style == link::AppStyle::Handler);
  CHECK(host.files.size() == 3);
  CHECK(host.files["main.lua"] == kHello);
  CHECK(host.manifest["limits.cpu_ms"] == "50");
  host.wait_exit();
  CHECK(host.exit == ExitCode::Stopped);
}

TEST_CASE("a single file and a zip are uploads, too", "[check]") {
  Host lua;
  lua.check(Packing::Lua, kHello);
  CHECK(lua.failed_code.empty());
  CHECK(lua.files["init.lua"] == kHello);
  Host zip;
  zip.check(Packing::Zip,
            test::zip({{"init.lua", kHello}, {"big.txt", std::string(100'000, 'x')}}));
  CHECK(zip.failed_code.empty());
  CHECK(zip.files["big.txt"].size() == 100'000);
}

TEST_CASE("files of a JSON upload are held to the same rules", "[check]") {
  Host host;
  host.configure.job = link::Job::Check;
  host.send_configure();
  host.file("init.lua", kHello);
  host.file("../evil.lua", "x");
  host.start();
  CHECK(host.failed_code == "bad_bundle");
  CHECK(host.diagnostics.size() == 1);
  CHECK(host.diagnostics[0].find("path_escapes") != std::string::npos);
}

TEST_CASE("syntax errors are found in every file, with line and column", "[check]") {
  Host host;
  host.check(Packing::TarGz, test::tar({{"init.lua", kHello},
                                        {"a.lua", "local a = 1\nlocal b = = 2\n"},
                                        {"b.lua", "if x then"},
                                        {"c.lua", "\x1bLJ"},
                                        {"d.lua", std::string{"a\0b", 3}},
                                        {"notes.txt", "= = ="}}));
  CHECK(host.failed_code == "bad_bundle");
  CHECK(host.diagnostics == Strings{"a.lua:2:11: syntax_error", "b.lua:1:0: syntax_error",
                                    "c.lua:0:0: bytecode_refused", "d.lua:0:0: binary_refused"});
  CHECK(host.files.empty());
}

TEST_CASE("a missing entry file and a broken manifest are findings", "[check]") {
  Host missing;
  missing.check(Packing::TarGz, test::tar({{"main.lua", kHello}}));
  CHECK(missing.diagnostics == Strings{"init.lua:0:0: no_entry"});
  Host broken;
  broken.check(Packing::TarGz, test::tar({{"init.lua", kHello}, {"perilune.toml", "a =\n"}}));
  REQUIRE(broken.diagnostics.size() == 1);
  CHECK(broken.diagnostics[0].starts_with("perilune.toml:1:"));
}

TEST_CASE("an upload that does not start is refused with the reason", "[check]") {
  Host host;
  host.check(Packing::Lua, "error('broken at start')");
  CHECK(host.failed_code == "script_error");
  CHECK(host.failed_message.find("broken at start") != std::string::npos);
}

TEST_CASE("an upload beyond its packed size is refused", "[check]") {
  Host host;
  host.configure.limits.set(Limit::BundlePacked, 2000);
  host.check(Packing::Lua, std::string(2001, ' '));
  CHECK(host.diagnostics == Strings{":0:0: upload_too_large"});
  Host just;
  just.configure.limits.set(Limit::BundlePacked, 2000);
  std::string source = kHello;
  source.resize(2000, ' ');
  just.check(Packing::Lua, source);
  CHECK(just.failed_code.empty());
}

TEST_CASE("an upload that is no archive says so", "[check]") {
  Host host;
  host.check(Packing::Zip, "hello");
  CHECK(host.failed_code == "bad_bundle");
  CHECK(host.diagnostics == Strings{":0:0: bad_archive"});
}

}  // namespace
}  // namespace perilune::worker
