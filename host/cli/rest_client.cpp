#include "host/cli/rest_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <chrono>
#include <cstdlib>
#include <utility>

namespace perilune::host {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::chrono::minutes kPatience{2};
constexpr std::uint64_t kMostAnswer = 64ULL << 20U;

using Parser = http::response_parser<http::string_body>;

/// One exchange, run to its end on a loop of its own so that the stream's timeouts work.
class Exchange {
 public:
  Exchange(const std::string& host, const std::string& port) : host_{host}, port_{port} {
    parser_.body_limit(kMostAnswer);
  }
  beast::error_code run(http::request<http::string_body>& request) {
    stream_.expires_after(kPatience);
    boost::asio::ip::tcp::resolver resolver{loop_};
    beast::error_code error;
    const auto found = resolver.resolve(host_, port_, error);
    if (error) return error;
    step(error, [&](auto done) {
      stream_.async_connect(found, [done](beast::error_code e, const auto&) { done(e); });
    });
    step(error, [&](auto done) {
      http::async_write(stream_, request, [done](beast::error_code e, std::size_t) { done(e); });
    });
    step(error, [&](auto done) {
      http::async_read(stream_, buffer_, parser_,
                       [done](beast::error_code e, std::size_t) { done(e); });
    });
    return error;
  }
  [[nodiscard]] Parser::value_type& answer() { return parser_.get(); }

 private:
  template <typename Start>
  void step(beast::error_code& error, Start start) {
    if (error) return;
    start([&error](beast::error_code e) { error = e; });
    loop_.restart();
    loop_.run();
  }

  const std::string& host_;
  const std::string& port_;
  boost::asio::io_context loop_{1};
  beast::tcp_stream stream_{loop_};
  beast::flat_buffer buffer_;
  Parser parser_;
};

}  // namespace

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
  return out;
}

Result<RestClient> RestClient::from_environment() {
  const char* url_text = std::getenv("PERILUNE_URL");
  const char* token = std::getenv("PERILUNE_TOKEN");
  const std::string text = url_text != nullptr ? url_text : "http://127.0.0.1:8081";
  const auto url = boost::urls::parse_uri(text);
  const bool fine = url && url->scheme() == "http" && url->has_authority() &&
                    !url->encoded_host().empty() &&
                    (url->encoded_path().empty() || url->encoded_path() == "/");
  if (!fine)
    return Failure{"bad_config", "PERILUNE_URL: \"" + text + "\" is not http://HOST[:PORT]"};
  if (token == nullptr || *token == '\0') {
    return Failure{"bad_config",
                   "PERILUNE_TOKEN is not set; the operator's token is in DATA/admin.token"};
  }
  std::string host = url->host_address();
  return RestClient{std::move(host), url->has_port() ? std::string{url->port()} : "80", token};
}

Result<RestResponse> RestClient::request(const std::string& method, const std::string& target,
                                         const std::string& body, const std::string& content_type) {
  http::request<http::string_body> request;
  request.method_string(method);
  request.target(target);
  request.version(11);
  const bool v6 = host_.find(':') != std::string::npos;
  request.set(http::field::host, (v6 ? "[" + host_ + "]" : host_) + ":" + port_);
  request.set(http::field::authorization, "Bearer " + token_);
  request.set(http::field::connection, "close");
  if (!content_type.empty()) request.set(http::field::content_type, content_type);
  request.body() = body;
  request.prepare_payload();
  Exchange exchange{host_, port_};
  if (const auto error = exchange.run(request)) {
    return Failure{"unreachable",
                   "http://" + host_ + ":" + port_ + target + ": " + error.message()};
  }
  auto& answer = exchange.answer();
  return RestResponse{.status = answer.result_int(),
                      .content_type = std::string{answer[http::field::content_type]},
                      .body = std::move(answer.body())};
}

}  // namespace perilune::host
