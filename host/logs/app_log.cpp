#include "host/logs/app_log.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <utility>

#include "runtime/base/log.hpp"

namespace perilune::host {
namespace {

constexpr std::size_t kMostSource = 256;
constexpr std::size_t kMostFields = 16 * 1024;

/// The object in one line, or nothing: the worker made this text, and a log line must stay one.
std::string object_text(const std::string& fields) {
  if (fields.empty()) return {};
  boost::system::error_code error;
  const auto value = boost::json::parse(fields, error);
  return !error && value.is_object() ? boost::json::serialize(value) : std::string{};
}

/// What a record does not have is not in its line.
void write_line(const api::AppKey& key, const api::LogEntry& entry) {
  std::vector<log::Field> line{{"tenant", key.tenant}, {"app", key.app}};
  const auto add = [&](std::string_view name, std::string_view text) {
    if (!text.empty()) line.push_back({name, text});
  };
  add("version", entry.version);
  add("request_id", entry.request_id);
  add("source", entry.source);
  const std::string fields = object_text(entry.fields);
  if (!fields.empty()) line.push_back({"fields", log::Json{fields}});
  if (entry.dropped != 0) line.push_back({"dropped", std::int64_t{entry.dropped}});
  log::write(static_cast<log::Level>(entry.level), entry.message, line);
}

}  // namespace

std::string request_id_text(std::uint64_t high, std::uint64_t low) {
  if (high == 0 && low == 0) return {};
  std::array<char, 33> text{};
  (void)std::snprintf(text.data(), text.size(), "%016llx%016llx",
                      static_cast<unsigned long long>(high), static_cast<unsigned long long>(low));
  return text.data();
}

AppLog::AppLog(LogSink& sink, api::AppKey key, std::shared_ptr<AppCells> cells)
    : sink_{sink}, key_{std::move(key)}, cells_{std::move(cells)}, bucket_{0, 0}, longest_{0} {
  const Limits defaults;
  bucket_ = TokenBucket{defaults.raw(Limit::LogRate), defaults.raw(Limit::LogBurst)};
  longest_ = defaults.raw(Limit::LogLine);
}

AppLog::~AppLog() {
  if (!waiting_.empty()) sink_.writer_(key_, std::move(waiting_));
  sink_.dirty_.erase(this);
}

void AppLog::set_limits(const Limits& limits) {
  bucket_.set(limits.raw(Limit::LogRate), limits.raw(Limit::LogBurst));
  longest_ = limits.raw(Limit::LogLine);
}

void AppLog::accept(const link::LogRecord& record, std::string_view version) {
  const std::uint32_t told = std::min(record.dropped, UINT32_MAX / 2);
  if (told != 0) cells_->logged(0, told);
  if (waiting_.size() >= kMostWaiting || !bucket_.take(TokenBucket::Clock::now())) {
    dropped_ = std::min(dropped_ + told + 1, UINT32_MAX / 2);
    cells_->logged(0, 1);
    return;
  }
  api::LogEntry entry;
  entry.time = log::now_milliseconds();
  entry.level = record.level;
  entry.version = version;
  entry.request_id = request_id_text(record.request_high, record.request);
  entry.fiber = record.fiber;
  entry.source = log::well_formed(record.source.substr(0, kMostSource));
  entry.message = log::well_formed(record.message.substr(0, longest_));
  if (record.fields.size() <= kMostFields) entry.fields = record.fields;
  entry.dropped = std::exchange(dropped_, 0) + told;
  keep(std::move(entry));
}

void AppLog::event(link::LogLevel level, std::string message, std::string_view version) {
  if (waiting_.size() >= kMostWaiting) return;
  api::LogEntry entry;
  entry.time = log::now_milliseconds();
  entry.level = level;
  entry.version = version;
  entry.source = "perilune";
  entry.message = std::move(message);
  keep(std::move(entry));
}

void AppLog::keep(api::LogEntry entry) {
  cells_->logged(1, 0);
  write_line(key_, entry);
  waiting_.push_back(std::move(entry));
  sink_.dirty_.insert(this);
}

void LogSink::flush() {
  for (AppLog* app : std::exchange(dirty_, {}))
    writer_(app->key_, std::exchange(app->waiting_, {}));
}

}  // namespace perilune::host
