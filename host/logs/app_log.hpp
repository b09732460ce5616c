#pragma once

/// @file
/// What apps log, on its way from their workers to the store and standard output.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/model.hpp"
#include "host/logs/token_bucket.hpp"
#include "host/metrics/metrics.hpp"
#include "runtime/link/messages.hpp"

namespace perilune::host {

class LogSink;

/// One app's stream. The worker has its own rate limit; this one does not trust it. Must not
/// outlive its sink.
class AppLog {
 public:
  AppLog(LogSink& sink, api::AppKey key, std::shared_ptr<AppCells> cells);
  ~AppLog();
  AppLog(const AppLog&) = delete;
  AppLog& operator=(const AppLog&) = delete;

  void set_limits(const Limits& limits);
  /// Keeps the record, or counts it as dropped; the next that is kept announces how many were.
  void accept(const link::LogRecord& record, std::string_view version);
  /// A line of the host's own about this app: always kept.
  void event(link::LogLevel level, std::string message, std::string_view version);

 private:
  friend class LogSink;
  static constexpr std::size_t kMostWaiting = 5000;
  void keep(api::LogEntry entry);

  LogSink& sink_;
  api::AppKey key_;
  std::shared_ptr<AppCells> cells_;
  TokenBucket bucket_;
  std::size_t longest_;
  std::uint32_t dropped_ = 0;
  std::vector<api::LogEntry> waiting_;
};

/// Collects and writes in batches.
class LogSink {
 public:
  /// Takes a batch of one app; must not throw. Called from `flush`.
  using Writer = std::function<void(const api::AppKey&, std::vector<api::LogEntry>)>;

  explicit LogSink(Writer writer) : writer_{std::move(writer)} {}
  /// Writes what waits: call every 200 ms and at the end.
  void flush();

 private:
  friend class AppLog;
  Writer writer_;
  std::set<AppLog*> dirty_;
};

/// 32 hex digits of a request id; empty for 0.
[[nodiscard]] std::string request_id_text(std::uint64_t high, std::uint64_t low);

}  // namespace perilune::host
