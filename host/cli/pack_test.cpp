#include "host/cli/pack.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "host/cli/rest_client.hpp"

namespace perilune::host {
namespace {

namespace fs = std::filesystem;

class TempFolder {
 public:
  TempFolder()
      : path_{fs::temp_directory_path() / ("perilune-pack-" + std::to_string(::getpid()))} {
    fs::create_directories(path_ / "lib");
  }
  ~TempFolder() { fs::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  void write(const std::string& name, const std::string& text) {
    std::ofstream{path_ / name} << text;
  }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

}  // namespace

TEST_CASE("The same folder packs to the same bytes, without what begins with a dot") {
  TempFolder folder;
  folder.write("init.lua", "return 1");
  folder.write("lib/util.lua", "return 2");
  const auto first = pack(folder.path());
  REQUIRE(first.has_value());
  REQUIRE(first->content_type == "application/gzip");
  REQUIRE(first->body.substr(0, 2) == "\x1f\x8b");
  folder.write(".secret", "no");
  fs::last_write_time(folder.path() + "/init.lua",
                      fs::file_time_type::clock::now() + std::chrono::hours{1});
  REQUIRE(pack(folder.path())->body == first->body);
  folder.write("init.lua", "return 3");
  REQUIRE(pack(folder.path())->body != first->body);
}

TEST_CASE("One file is sent as what it is") {
  TempFolder folder;
  folder.write("app.lua", "return 1");
  folder.write("app.zip", "PK");
  REQUIRE(pack(folder.path() + "/app.lua")->content_type == "text/x-lua");
  REQUIRE(pack(folder.path() + "/app.lua")->body == "return 1");
  REQUIRE(pack(folder.path() + "/app.zip")->content_type == "application/zip");
}

TEST_CASE("What cannot be packed is named") {
  TempFolder folder;
  REQUIRE(pack(folder.path()).error().code == "no_entry");
  REQUIRE(pack(folder.path() + "/nowhere").error().detail.find("nowhere") != std::string::npos);
}

TEST_CASE("A query value is percent-encoded") {
  REQUIRE(percent_encode("a b&c=d/~") == "a%20b%26c%3Dd%2F~");
}

}  // namespace perilune::host
