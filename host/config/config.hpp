#pragma once

/// @file
/// What an operator can set: plain values with their defaults. Parsing is in load.hpp, names and
/// documentation in options.hpp.

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <string>

#include "runtime/base/log.hpp"
#include "runtime/base/units.hpp"
#include "sandbox/level.hpp"

namespace perilune::host {

using Endpoint = boost::asio::ip::tcp::endpoint;

struct Config {
  std::string data_dir = "/var/lib/perilune";
  Endpoint gateway{boost::asio::ip::address_v4::loopback(), 8080};
  Endpoint admin{boost::asio::ip::address_v4::loopback(), 8081};
  Endpoint metrics{boost::asio::ip::address_v4::loopback(), 8082};
  std::string base_domain = "localhost";
  std::uint32_t threads = 0;  ///< 0: half of the cores, at least 1
  std::string store = "sqlite";
  sandbox::Level require_sandbox = sandbox::Level::Full;
  std::string worker;  ///< empty: perilune-worker beside this program
  std::uint32_t spares = 2;
  std::uint32_t max_workers = 1000;
  Bytes worker_memory_total{0};  ///< 0: no bound but the machine's
  std::string cgroup_parent;     ///< empty: our own
  std::uint32_t worker_uid = 200000;
  log::Level log_level = log::Level::Info;
  std::chrono::milliseconds drain_timeout{20000};
  std::uint32_t upload_concurrency = 2;
  std::uint32_t metrics_apps = 1000;

  /// `threads`, or what 0 stands for on this machine; at most 16.
  [[nodiscard]] unsigned gateway_threads() const noexcept;
  /// `worker`, or the default beside /proc/self/exe.
  [[nodiscard]] std::string worker_path() const;
};

}  // namespace perilune::host
