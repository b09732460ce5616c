#include "host/http/server.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <exception>

#include "host/http/session.hpp"
#include "runtime/base/log.hpp"

namespace perilune::host {
namespace {

namespace asio = boost::asio;

/// Handlers run on it: SQLite, OpenSSL and JSON are at home in a few hundred KiB.
constexpr std::size_t kStack = 512 * 1024;
constexpr std::chrono::milliseconds kAcceptPause{100};

Failure listen_failed(const HttpServerConfig& config, const boost::system::error_code& error) {
  return {error == asio::error::address_in_use ? "address_in_use" : "listen_failed",
          config.name + " listener " + config.endpoint.address().to_string() + ':' +
              std::to_string(config.endpoint.port()) + ": " + error.message()};
}

class HttpServerImpl final : public HttpServer {
 public:
  HttpServerImpl(asio::io_context& loop, HttpServerConfig config, HttpHandler handler)
      : loop_{loop}, state_{std::make_shared<State>(loop)} {
    state_->shared = std::make_shared<HttpShared>();
    state_->shared->config = std::move(config);
    state_->shared->handler = std::move(handler);
  }
  ~HttpServerImpl() override {
    boost::system::error_code ignored;
    state_->acceptor.close(ignored);
  }
  HttpServerImpl(const HttpServerImpl&) = delete;
  HttpServerImpl& operator=(const HttpServerImpl&) = delete;

  Result<void> start() override {
    const HttpServerConfig& config = state_->shared->config;
    boost::system::error_code error;
    auto& acceptor = state_->acceptor;
    acceptor.open(config.endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address{true}, error);
    if (!error) acceptor.bind(config.endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) port_ = acceptor.local_endpoint(error).port();
    if (error) return listen_failed(config, error);
    spawn([state = state_](const asio::yield_context& yield) { accept(state, yield); });
    return {};
  }

  [[nodiscard]] std::uint16_t port() const override { return port_; }

  void stop(std::chrono::steady_clock::time_point deadline, asio::yield_context yield) override {
    const auto state = state_;
    state->shared->stopping = true;
    boost::system::error_code ignored;
    state->acceptor.close(ignored);
    for (const auto& session : state->sessions) session->end_if_idle();
    state->empty.expires_at(deadline);
    while (!state->sessions.empty() && std::chrono::steady_clock::now() < deadline)
      state->empty.async_wait(yield[ignored]);
    for (const auto& session : state->sessions) session->cut();
    state->empty.expires_at(std::chrono::steady_clock::time_point::max());
    while (!state->sessions.empty()) state->empty.async_wait(yield[ignored]);
  }

 private:
  struct State {
    explicit State(asio::io_context& loop)
        : acceptor{loop}, pause{loop}, empty{loop, std::chrono::steady_clock::time_point::max()} {}
    asio::ip::tcp::acceptor acceptor;
    asio::steady_timer pause;
    asio::steady_timer empty;
    std::shared_ptr<HttpShared> shared;
    std::vector<std::shared_ptr<HttpSession>> sessions;
  };

  template <typename Body>
  void spawn(Body body) {
    spawn_on(loop_.get_executor(), std::move(body));
  }
  template <typename Executor, typename Body>
  static void spawn_on(const Executor& executor, Body body) {
    asio::spawn(executor, std::allocator_arg, boost::context::protected_fixedsize_stack{kStack},
                std::move(body), [](std::exception_ptr failure) {
                  if (failure) log::error("an HTTP fiber failed");
                });
  }

  static void accept(const std::shared_ptr<State>& state, const asio::yield_context& yield) {
    while (state->acceptor.is_open()) {
      boost::system::error_code error;
      asio::ip::tcp::socket socket{state->acceptor.get_executor()};
      state->acceptor.async_accept(socket, yield[error]);
      if (!state->acceptor.is_open()) return;
      if (error) {
        state->pause.expires_after(kAcceptPause);
        state->pause.async_wait(yield[error]);
        continue;
      }
      if (state->sessions.size() >= state->shared->config.max_connections) continue;
      auto session = std::make_shared<HttpSession>(std::move(socket), state->shared);
      state->sessions.push_back(session);
      spawn_on(state->acceptor.get_executor(), [state, session](const asio::yield_context& inner) {
        session->run(inner);
        std::erase(state->sessions, session);
        if (state->sessions.empty()) state->empty.cancel();
      });
    }
  }

  asio::io_context& loop_;
  std::shared_ptr<State> state_;
  std::uint16_t port_ = 0;
};

}  // namespace

std::string_view HttpRequest::header(std::string_view lower_case_name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& header) {
    return header.first == lower_case_name;
  });
  return found == headers.end() ? std::string_view{} : std::string_view{found->second};
}

std::unique_ptr<HttpServer> make_http_server(asio::io_context& loop, HttpServerConfig config,
                                             HttpHandler handler) {
  return std::make_unique<HttpServerImpl>(loop, std::move(config), std::move(handler));
}

}  // namespace perilune::host
