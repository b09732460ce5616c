#include "host/http/server.hpp"

#include <boost/asio/steady_timer.hpp>
#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "tests/support/fiber.hpp"
#include "tests/support/gateway_harness.hpp"

using namespace perilune;
using namespace perilune::test;

namespace {

namespace asio = boost::asio;

/// A server on its own thread; stopped (gracefully) when it goes.
class Running {
 public:
  explicit Running(host::HttpServerConfig config, host::HttpHandler handler) {
    config.endpoint = {asio::ip::make_address("127.0.0.1"), 0};
    config.name = "test";
    server_ = host::make_http_server(loop_, std::move(config), std::move(handler));
    REQUIRE(server_->start().has_value());
    thread_ = std::thread{[this] { loop_.run(); }};
  }
  ~Running() {
    asio::spawn(
        loop_,
        [this](const asio::yield_context& yield) {
          server_->stop(std::chrono::steady_clock::now() + 200ms, yield);
        },
        [](const std::exception_ptr&) {});
    thread_.join();
  }
  [[nodiscard]] Client client() const { return Client{server_->port()}; }

 private:
  asio::io_context loop_{1};
  std::unique_ptr<host::HttpServer> server_;
  std::thread thread_;
};

host::HttpResponse echo(const host::HttpRequest& request, const asio::yield_context&) {
  if (request.target == "/throw") throw std::runtime_error{"on purpose"};
  return {200,
          {{"X-Method", request.method}, {"X-Type", std::string{request.header("content-type")}}},
          request.body};
}

const std::string kAdmin = "Host: 127.0.0.1\r\n";

}  // namespace

TEST_CASE("the small server answers whole requests on a kept connection") {
  Running server{{}, echo};
  Client client = server.client();
  client.send("POST /x HTTP/1.1\r\n" + kAdmin +
              "Content-Type: a/b\r\nContent-Length: 5\r\n\r\nhello");
  const std::string first = client.read_response();
  CHECK(first.find("X-Method: POST\r\nX-Type: a/b\r\n") != std::string::npos);
  CHECK(first.ends_with("hello"));
  client.send("PUT /x HTTP/1.1\r\n" + kAdmin +
              "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  CHECK(client.read_response().ends_with("\r\n\r\nabc"));
  client.send("HEAD / HTTP/1.1\r\n" + kAdmin + "Connection: close\r\n\r\n");
  CHECK(client.read_all().ends_with("\r\n\r\n"));
  CHECK(client.closed());
}

TEST_CASE("the small server is as strict as the gateway") {
  Running server{{}, echo};
  for (const std::string& bytes :
       {"GET / HTTP/1.1\n" + kAdmin + "\n", std::string{"GET / HTTP/1.1\r\n\r\n"},
        "POST / HTTP/1.1\r\n" + kAdmin + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\n" + kAdmin + "Transfer-Encoding: chunked\r\n\r\nx\r\n"}) {
    Client client = server.client();
    client.send(bytes);
    CHECK(client.read_all().starts_with("HTTP/1.1 400 "));
    CHECK(client.closed());
  }
}

TEST_CASE("the small server holds its limits") {
  host::HttpServerConfig config;
  config.max_body = 10;
  config.head_time = std::chrono::milliseconds{100};
  config.body_stall = std::chrono::milliseconds{100};
  Running server{config, echo};
  const auto answer = [&](const std::string& bytes) {
    Client client = server.client();
    client.send(bytes);
    return client.read_exactly(12);
  };
  const std::string head = "POST / HTTP/1.1\r\n" + kAdmin;
  CHECK(answer(head + "Content-Length: 10\r\n\r\n0123456789") == "HTTP/1.1 200");
  CHECK(answer(head + "Content-Length: 11\r\n\r\n") == "HTTP/1.1 413");
  CHECK(answer(head + "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n") == "HTTP/1.1 413");
  CHECK(answer(head + "Content-Length: 10\r\n\r\n0123") == "HTTP/1.1 408");
  CHECK(answer("POST / HT") == "HTTP/1.1 408");
  CHECK(answer("GET / HTTP/1.1\r\nX: " + std::string(9000, 'x')) == "HTTP/1.1 431");
}

TEST_CASE("a large body may be refused before it is read") {
  host::HttpServerConfig config;
  config.unasked_body = 10;
  config.before_body = [](const host::HttpRequest& head,
                          std::optional<std::uint64_t> size) -> std::optional<host::HttpResponse> {
    if (head.target == "/open") return std::nullopt;
    return host::HttpResponse{401, {}, size ? std::to_string(*size) : "unknown"};
  };
  Running server{config, echo};
  const auto answer = [&](const std::string& bytes) {
    Client client = server.client();
    client.send(bytes);
    return client.read_exactly(12);
  };
  const std::string head = " HTTP/1.1\r\n" + kAdmin;
  CHECK(answer("POST /" + head + "Content-Length: 10\r\n\r\n0123456789") == "HTTP/1.1 200");
  CHECK(answer("POST /" + head + "Content-Length: 11\r\n\r\n") == "HTTP/1.1 401");
  CHECK(answer("POST /" + head + "Transfer-Encoding: chunked\r\n\r\n") == "HTTP/1.1 401");
  CHECK(answer("POST /open" + head + "Content-Length: 11\r\n\r\n0123456789a") == "HTTP/1.1 200");
}

TEST_CASE("a handler that throws is 500") {
  Running server{{}, echo};
  Client client = server.client();
  client.send("GET /throw HTTP/1.1\r\n" + kAdmin + "\r\n");
  CHECK(client.read_all().starts_with("HTTP/1.1 500 "));
}

TEST_CASE("a stop ends idle connections and lets a running request finish") {
  auto server = std::make_unique<Running>(
      host::HttpServerConfig{}, [](const host::HttpRequest&, const asio::yield_context& yield) {
        asio::steady_timer timer{yield.get_executor(), 100ms};
        timer.async_wait(yield);
        return host::HttpResponse{200, {}, "late"};
      });
  Client idle = server->client();
  Client busy = server->client();
  busy.send("GET / HTTP/1.1\r\n" + kAdmin + "\r\n");
  std::this_thread::sleep_for(30ms);
  server.reset();
  CHECK(idle.closed());
  CHECK(busy.read_all().ends_with("late"));
}
