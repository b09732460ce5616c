#pragma once

/// @file
/// A gateway on a loopback port, a client that speaks bytes, and what the gateway told and counted.

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "host/gateway/gateway.hpp"
#include "tests/support/fake_worker.hpp"

namespace perilune::test {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;

/// A blocking client. Reads fail (return what there is) after `patience`.
class Client {
 public:
  explicit Client(std::uint16_t port, std::chrono::seconds patience = 5s, int family = AF_INET)
      : fd_{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 address6{};
    address6.sin6_family = AF_INET6;
    address6.sin6_port = htons(port);
    address6.sin6_addr = in6addr_loopback;
    const auto* to = family == AF_INET ? reinterpret_cast<const sockaddr*>(&address)
                                       : reinterpret_cast<const sockaddr*>(&address6);
    const socklen_t size = family == AF_INET ? sizeof address : sizeof address6;
    const timeval wait{patience.count(), 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (::connect(fd_.get(), to, size) != 0)
      throw std::system_error{errno, std::generic_category(), "connect"};
  }
  /// False when the other side has closed or takes nothing for `patience`.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
  }
  /// Reads until `text` was seen, then returns everything up to its end.
  std::string read_to(std::string_view text) {
    std::size_t at = 0;
    while ((at = buffer_.find(text)) == std::string::npos && fill()) {
    }
    const std::size_t size = at == std::string::npos ? buffer_.size() : at + text.size();
    return take(size);
  }
  std::string read_exactly(std::size_t size) {
    while (buffer_.size() < size && fill()) {
    }
    return take(std::min(size, buffer_.size()));
  }
  std::string read_all() {
    while (fill()) {
    }
    return take(buffer_.size());
  }
  /// A response with Content-Length.
  std::string read_response() {
    std::string head = read_to("\r\n\r\n");
    const std::size_t at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    return head + read_exactly(std::stoul(head.substr(at + 16)));
  }
  /// True once the other side has closed (and `closed_clean` says whether by FIN).
  bool closed() {
    while (fill()) {
    }
    return closed_;
  }
  void close() { fd_.reset(); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool was_reset() const { return reset_; }

 private:
  bool fill() {
    if (closed_) return false;
    std::array<char, 65536> piece;
    const ssize_t got = ::recv(fd_.get(), piece.data(), piece.size(), 0);
    if (got > 0) {
      buffer_.append(piece.data(), static_cast<std::size_t>(got));
      return true;
    }
    reset_ = got < 0 && errno == ECONNRESET;
    closed_ = got == 0 || reset_;
    return false;
  }
  std::string take(std::size_t size) {
    std::string taken = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return taken;
  }
  UniqueFd fd_;
  std::string buffer_;
  bool closed_ = false;
  bool reset_ = false;
};

/// Thread-safe notes of what happened; `wait_for` blocks until a note was made.
class Notes {
 public:
  void add(const std::string& note) {
    const std::lock_guard lock{mutex_};
    ++notes_[note];
    changed_.notify_all();
  }
  bool wait_for(const std::string& note, int times = 1) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, 5s, [&] { return notes_[note] >= times; });
  }
  int count(const std::string& note) {
    const std::lock_guard lock{mutex_};
    return notes_[note];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, int> notes_;
};

/// Notes: "need", "lost ID REASON", "drained ID", "rejected CODE", "violation REASON",
/// "done OUTCOME STATUS".
class Harness final : public host::GatewayEvents,
                      public host::GatewayMetrics,
                      public host::AppMetrics,
                      public std::enable_shared_from_this<Harness> {
 public:
  explicit Harness(host::GatewayConfig config = {}, const Limits& app_limits = {}) {
    if (config.endpoint.address().is_unspecified())
      config.endpoint = {boost::asio::ip::make_address("127.0.0.1"), 0};
    route_ = std::make_shared<host::AppRoute>();
    route_->key = {"demo", "hello"};
    route_->version = "v1";
    route_->limits = app_limits;
    route_->load = std::make_shared<host::AppLoad>();
    route_->metrics = std::shared_ptr<host::AppMetrics>{std::shared_ptr<void>{}, this};
    threads_ = config.threads;
    gateway_ = host::make_gateway(config, *this, *this);
    gateway_->publish(std::make_shared<const host::RouteTable>(
        "localhost", std::vector<std::shared_ptr<const host::AppRoute>>{route_}));
    if (const auto started = gateway_->start(); !started)
      throw std::runtime_error{started.error().detail};
  }
  ~Harness() override { gateway_.reset(); }

  void need_worker(const host::AppKey&) override { notes.add("need"); }
  void link_lost(host::InstanceId id, std::string why) override {
    notes.add("lost " + std::to_string(id) + ' ' + why);
  }
  void drained(host::InstanceId id) override { notes.add("drained " + std::to_string(id)); }
  void rejected(const char* reason) override { notes.add(std::string{"rejected "} + reason); }
  void connections(int change) override { open_connections += change; }
  void link_violation(const char* why) override { notes.add(std::string{"violation "} + why); }
  void request_done(Outcome outcome, unsigned status, std::chrono::nanoseconds,
                    std::chrono::microseconds) override {
    notes.add("done " + std::string{name(outcome)} + ' ' + std::to_string(status));
  }
  void in_flight(int change) override { in_flight_now += change; }
  void bytes(std::uint64_t, std::uint64_t) override {}

  /// Attaches the worker to the gateway's only thread.
  void attach(host::InstanceId id, FakeWorker& worker) {
    std::vector<UniqueFd> links;
    links.push_back(worker.host_end());
    gateway_->attach(id, route_->key, std::move(links));
  }
  [[nodiscard]] Client client() { return Client{gateway_->port()}; }
  [[nodiscard]] host::Gateway& gateway() { return *gateway_; }
  [[nodiscard]] host::AppRoute& route() { return *route_; }

  Notes notes;
  std::atomic<int> open_connections{0};
  std::atomic<int> in_flight_now{0};

 private:
  unsigned threads_ = 1;
  std::shared_ptr<host::AppRoute> route_;
  std::unique_ptr<host::Gateway> gateway_;
};

inline const std::string kTo = "Host: hello.demo.localhost\r\n";
inline std::string get(const std::string& path, const std::string& fields = {}) {
  return "GET " + path + " HTTP/1.1\r\n" + kTo + fields + "\r\n";
}
inline std::string post(const std::string& path, const std::string& fields,
                        const std::string& body = {}) {
  return "POST " + path + " HTTP/1.1\r\n" + kTo + fields + "\r\n" + body;
}

/// Answers every request with its target; "/..." scripts are up to the tests.
inline FakeWorker::Answer echo_target() {
  return [](FakeWorker& self, const link::Frame& frame) {
    if (frame.header.type != link::FrameType::Request) return;
    const auto head = link::RequestHead::decode(frame.payload);
    if (head) self.hello(frame.header.stream, head->target);
  };
}

}  // namespace perilune::test
