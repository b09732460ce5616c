#include "host/routing/routes.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace perilune;
using host::normalise_host;

TEST_CASE("a host is normalised: lower case, no port, no trailing dot") {
  CHECK(normalise_host("Hello.Demo.LOCALHOST") == "hello.demo.localhost");
  CHECK(normalise_host("a.test:8080") == "a.test");
  CHECK(normalise_host("a.test:") == "a.test");
  CHECK(normalise_host("a.test.") == "a.test");
  CHECK(normalise_host("A.test.:65535") == "a.test");
  CHECK(normalise_host("127.0.0.1:80") == "127.0.0.1");
  CHECK(normalise_host("[::1]:80") == "[::1]");
  CHECK(normalise_host(std::string(63, 'a') + ".b") == std::string(63, 'a') + ".b");
}

TEST_CASE("what is no host is refused") {
  const std::string bad[] = {"",
                             ".",
                             "a..b",
                             ".a",
                             "a@b",
                             "a/../b",
                             "a b",
                             "a:99999",
                             "a:65536",
                             "a:-1",
                             "a:8x",
                             "a:1:2",
                             "a.test..",
                             "a\\b",
                             "a?b",
                             "\xC3\xA9.b",
                             "a%2eb",
                             "[::1",
                             "[]",
                             "[x]",
                             "[::1]x",
                             "[::1]:99999",
                             "a,b",
                             std::string{"a\0b", 3},
                             std::string(64, 'a') + ".b",
                             std::string(254, 'a')};
  for (const std::string& host : bad) {
    CAPTURE(host);
    CHECK(normalise_host(host).empty());
  }
}

TEST_CASE("an app is found at APP.TENANT.BASE and nowhere else") {
  auto app = std::make_shared<host::AppRoute>();
  app->key = {"acme", "shop"};
  const host::RouteTable table{"Example.COM:8080", {app}};
  CHECK(table.size() == 1);
  CHECK(table.find("shop.acme.example.com") == app);
  CHECK(table.find("acme.example.com") == nullptr);
  CHECK(table.find("x.shop.acme.example.com") == nullptr);
  CHECK(table.find("example.com") == nullptr);
  CHECK(table.find("") == nullptr);
}
