#include "runtime/worker/log_sink.hpp"

#include <algorithm>

#include "runtime/vm/invocation.hpp"

namespace perilune::worker {
namespace {

constexpr std::string_view kCutMark = " [cut]";
constexpr std::size_t kMarkSpace = 64;
constexpr std::size_t kMaxSource = 1024;
/// What the fixed members of a record take, rounded up.
constexpr std::size_t kRecordSpace = 64;

/// At most `most` bytes, not within a UTF-8 character.
std::string_view shortened(std::string_view text, std::size_t most) noexcept {
  if (text.size() <= most) return text;
  std::size_t end = most;
  while (end > 0 && most - end < 4 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80)
    --end;
  return text.substr(0, end);
}

}  // namespace

void LogSink::configure(const Limits& limits, Clock::time_point now) noexcept {
  limits_ = limits;
  tokens_ = static_cast<double>(limits.raw(Limit::LogBurst));
  refilled_ = now;
}

bool LogSink::take_token(Clock::time_point now) noexcept {
  const std::chrono::duration<double> passed = now - refilled_;
  refilled_ = now;
  tokens_ = std::min(static_cast<double>(limits_.raw(Limit::LogBurst)),
                     tokens_ + passed.count() * static_cast<double>(limits_.raw(Limit::LogRate)));
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

void LogSink::drop() noexcept {
  if (dropped_ != UINT32_MAX) ++dropped_;
}

void LogSink::write(const runtime::LogLine& line, Clock::time_point now) noexcept {
  if (!take_token(now)) return drop();
  const runtime::Invocation* invocation = line.invocation;
  link::LogRecord record;
  record.level = static_cast<link::LogLevel>(line.severity);
  if (invocation != nullptr) {
    record.request = invocation->config().id_low;
    record.request_high = invocation->config().id_high;
  }
  record.fiber = line.fiber;
  record.source = shortened(line.source, kMaxSource);
  record.message = line.message;
  record.fields = line.fields;
  send(record);
}

void LogSink::announce(link::LogLevel level, const runtime::Invocation* invocation,
                       std::string_view message) noexcept {
  link::LogRecord record;
  record.level = level;
  if (invocation != nullptr) {
    record.request = invocation->config().id_low;
    record.request_high = invocation->config().id_high;
  }
  record.message = message;
  send(record);
}

void LogSink::send(link::LogRecord& record) noexcept {
  try {
    const std::size_t most = limits_.raw(Limit::LogLine);
    // The library cuts lines itself and says so; this is for what others write.
    if (record.message.size() > most + kMarkSpace) {
      cut_ = shortened(record.message, most - std::min(most, kCutMark.size()));
      cut_ += kCutMark;
      record.message = cut_;
    }
    // Half a JSON object is none.
    const std::size_t room = link::kMaxPayload - kRecordSpace - record.source.size();
    if (record.fields.size() > most || record.fields.size() > room - record.message.size())
      record.fields = {};
    if (control_.out.size() > kMaxQueued) return drop();
    record.dropped = dropped_;
    control_.out.add_message(link::FrameType::Log, 0, record);
    dropped_ = 0;
  } catch (const std::bad_alloc&) {
    drop();
  }
}

}  // namespace perilune::worker
