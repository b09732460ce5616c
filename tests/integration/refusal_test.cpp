// `perilune serve` when something is wrong: it ends with status 1 or 2 and says what to do.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "runtime/base/unique_fd.hpp"
#include "tests/integration/apps.hpp"
#include "tests/integration/test_host.hpp"
#include "tests/support/temporary_dir.hpp"

namespace perilune::test {
namespace {

struct Said {
  int status = -1;
  std::string text;
};

/// Everything that `perilune serve FLAGS` writes; it is given 20 s.
Said serve(const std::filesystem::path& folder, const std::string& flags) {
  const auto out = folder / "out";
  std::string command =
      "timeout 20 env PERILUNE_WORKER=" PERILUNE_TEST_WORKER " " PERILUNE_TEST_BINARY " serve";
  for (const char* listener : {"--gateway", "--admin", "--metrics"}) {
    if (flags.find(listener) == std::string::npos)
      command += std::string{" "} + listener + " 127.0.0.1:0";
  }
  if (flags.find("--data-dir") == std::string::npos)
    command += " --data-dir " + (folder / "data").string();
  command += " " + flags + " >" + out.string() + " 2>&1";
  const int status = std::system(command.c_str());
  std::ifstream in{out};
  return {WEXITSTATUS(status), {std::istreambuf_iterator<char>{in}, {}}};
}

/// A loopback port that somebody listens on.
struct Taken {
  Taken() : socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(socket.get(), raw, size) == 0);
    REQUIRE(::listen(socket.get(), 1) == 0);
    REQUIRE(::getsockname(socket.get(), raw, &size) == 0);
    name = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  UniqueFd socket;
  std::string name;
};

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream{path} << text;
  // Workers have a uid of their own: what they run must be theirs to read.
  std::filesystem::permissions(path, std::filesystem::perms{0755});
}

}  // namespace

TEST_CASE("serve refuses what it cannot do, with a status and a way on") {
  NEEDS_HOST();
  const api::test::TemporaryDir made;
  const std::filesystem::path folder{made.path()};
  const Taken taken;
  write(folder / "key.toml", "gatway = \"127.0.0.1:0\"\n");
  write(folder / "value.toml", "threads = 99\n");
  write(folder / "text", "hello\n");
  // The head of a 64-bit ELF program for another machine (AArch64).
  write(folder / "foreign", std::string{"\x7f"
                                        "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\xb7\0\x01\0\0\0",
                                        24} +
                                std::string(200, '\0'));
  const std::string dir = folder.string() + "/";
  std::filesystem::permissions(folder, std::filesystem::perms{0755});
  struct Row {
    std::string flags;
    int status;
    std::vector<std::string> words;
  };
  const Row rows[] = {
      {"--gateway " + taken.name, 1, {taken.name, "in use", "--gateway"}},
      {"--admin " + taken.name, 1, {taken.name, "in use", "--admin"}},
      {"--metrics " + taken.name, 1, {taken.name, "in use", "--metrics"}},
      {"--gateway 192.0.2.1:0", 1, {"192.0.2.1", "--gateway"}},
      {"--gateway nonsense", 2, {"gateway", "nonsense"}},
      {"--data-dir /dev/null/x", 1, {"/dev/null/x", "Not a directory", "--data-dir"}},
      {"--data-dir /proc/1", 1, {"/proc/1"}},
      {"--gatway 127.0.0.1:0", 2, {"--gatway", "--help"}},
      {"--config " + dir + "key.toml", 2, {"key.toml:1:", "gatway", "did you mean \"gateway\""}},
      {"--config " + dir + "value.toml", 2, {"value.toml:1:", "threads", "16"}},
      {"--config " + dir + "nowhere.toml", 2, {"nowhere.toml"}},
      {"--worker " + dir + "nowhere", 1, {dir + "nowhere", "--worker"}},
      {"--worker " + dir + "text", 1, {dir + "text", "Exec format error", "--worker"}},
      {"--worker " + dir + "foreign", 1, {dir + "foreign", "Exec format error", "--worker"}},
      {"--require-sandbox most", 2, {"most", "full"}},
      {"--store oracle", 2, {"oracle", "sqlite"}},
  };
  for (const Row& row : rows) {
    const Said said = serve(folder, row.flags);
    INFO(row.flags << "\n" << said.text);
    CHECK(said.status == row.status);
    for (const std::string& word : row.words) {
      CAPTURE(word);
      CHECK(said.text.find(word) != std::string::npos);
    }
  }
}

TEST_CASE("a data directory has one host at a time") {
  NEEDS_HOST();
  const api::test::TemporaryDir folder;
  TestHost host;
  const Said said = serve(folder.path(), "--data-dir " + host.data().string());
  INFO(said.text);
  CHECK(said.status == 1);
  CHECK(said.text.find("in use by process " + std::to_string(host.host())) != std::string::npos);
  CHECK(said.text.find("--data-dir") != std::string::npos);
  CHECK(host.ops("/readyz").status == 200);
}

TEST_CASE("an admin.token that was taken away is valid still, and not made again") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("shop", says("here")).status == 201);
  const auto file = host.data() / "admin.token";
  std::ifstream in{file};
  std::string token;
  in >> token;
  REQUIRE(host.stop() == 0);
  std::filesystem::remove(file);
  host.start();
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK(host.log().find("there is no admin.token") != std::string::npos);
  CHECK(host.get("shop").body == "here");
  CHECK(host.api("GET", "/v1/whoami").status == 401);  // it has no token now
  // With the file back it is the old one; without the store's row a new one is made.
  REQUIRE(host.stop() == 0);
  std::ofstream{file} << token << "\n";
  host.start();
  CHECK(host.api("GET", "/v1/whoami").status == 200);
  REQUIRE(host.stop() == 0);
  std::filesystem::remove(file);
  REQUIRE(std::system(("sqlite3 " + (host.data() / "perilune.db").string() +
                       " \"DELETE FROM tokens WHERE id='tok_operator'\"")
                          .c_str()) == 0);
  host.start();
  CHECK(host.api("GET", "/v1/whoami").status == 200);
  std::string second;
  std::ifstream{file} >> second;
  CHECK(second != token);
}

}  // namespace perilune::test
