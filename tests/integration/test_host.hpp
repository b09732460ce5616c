#pragma once

/// @file
/// A real `perilune serve` for a test: started on free loopback ports with a data folder of its
/// own, asked over raw sockets, stopped at the end.

#include <sys/types.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace perilune::test {

struct Reply {
  unsigned status = 0;                         ///< 0: the connection ended without a response
  std::map<std::string, std::string> headers;  ///< names lower-case
  std::string body;
  [[nodiscard]] boost::json::value json() const;
};

/// One HTTP/1.1 request with `Connection: close`.
[[nodiscard]] Reply ask(std::uint16_t port, const std::string& method, const std::string& target,
                        const std::map<std::string, std::string>& headers = {},
                        const std::string& body = {},
                        std::chrono::seconds patience = std::chrono::seconds{20});

/// Polls until `done` or time is up.
[[nodiscard]] bool eventually(const std::function<bool()>& done,
                              std::chrono::milliseconds patience = std::chrono::seconds{10});

/// Children of a process, from /proc.
[[nodiscard]] std::vector<pid_t> children_of(pid_t parent);
[[nodiscard]] bool alive(pid_t pid);

class TestHost {
 public:
  /// Why these tests cannot run here, or empty. They need root and every layer of the sandbox
  /// (PERILUNE_TEST_LEVEL names a lower level to test with).
  [[nodiscard]] static const std::string& why_not();

  explicit TestHost(std::vector<std::string> extra_flags = {});
  ~TestHost();
  TestHost(const TestHost&) = delete;
  TestHost& operator=(const TestHost&) = delete;

  /// Starts it (again), on the same data. Throws if it does not serve.
  void start();
  /// SIGTERM; the exit status. Throws if it does not end in time.
  int stop(std::chrono::seconds patience = std::chrono::seconds{30});
  /// The exit status of a process that was killed or ends by itself.
  int wait(std::chrono::seconds patience = std::chrono::seconds{30});

  [[nodiscard]] Reply api(const std::string& method, const std::string& path,
                          const std::string& body = {},
                          const std::string& content_type = "application/json") const;
  /// The gateway with the app's host name; "shop" is shop.acme.localhost.
  [[nodiscard]] Reply get(const std::string& app, const std::string& target = "/",
                          const std::string& method = "GET", const std::string& body = {}) const;
  [[nodiscard]] Reply ops(const std::string& target) const;
  /// What `perilune ARGUMENTS` prints, with the operator's token.
  [[nodiscard]] std::string command(const std::string& arguments) const;
  /// Uploads and deploys one Lua file (and a manifest) as acme/`app`, and waits until it serves.
  Reply deploy(const std::string& app, const std::string& lua, const std::string& manifest = {});
  [[nodiscard]] boost::json::value status(const std::string& app) const;
  /// Value of a line of /metrics that begins so, or -1.
  [[nodiscard]] double metric(const std::string& line) const;

  [[nodiscard]] pid_t launcher() const { return launcher_; }
  [[nodiscard]] pid_t host() const;
  /// The live worker of an app, 0 without one.
  [[nodiscard]] pid_t worker(const std::string& app) const;
  /// Every process that came from this host, the launcher included.
  [[nodiscard]] std::vector<pid_t> family() const;
  [[nodiscard]] std::uint16_t gateway_port() const { return gateway_; }
  [[nodiscard]] const std::filesystem::path& data() const { return data_; }
  [[nodiscard]] std::string log() const;

 private:
  void read_ports();
  std::vector<std::string> flags_;
  std::filesystem::path data_;
  pid_t launcher_ = -1;
  std::uint16_t gateway_ = 0;
  std::uint16_t admin_ = 0;
  std::uint16_t metrics_ = 0;
  std::string token_;
};

}  // namespace perilune::test

/// First line of a test that needs a host.
#define NEEDS_HOST()                                          \
  if (!perilune::test::TestHost::why_not().empty()) {         \
    WARN("SKIPPED: " << perilune::test::TestHost::why_not()); \
    return;                                                   \
  }
