#include "runtime/worker/gateway.hpp"

#include <algorithm>
#include <utility>

#include "runtime/modules/http_gateway.hpp"
#include "runtime/modules/perilune.hpp"
#include "runtime/modules/virtual_network.hpp"
#include "runtime/vm/vm.hpp"
#include "runtime/worker/connection.hpp"

namespace perilune::worker {
namespace {

using link::FrameType;

/// The same text in another buffer.
std::string_view moved(std::string_view text, const link::View& from, const link::Bytes_& to) {
  const auto* start = reinterpret_cast<const char*>(from.data());
  return text.empty()
             ? std::string_view{}
             : std::string_view{reinterpret_cast<const char*>(to.data()) + (text.data() - start),
                                text.size()};
}

std::uint32_t microseconds(std::chrono::nanoseconds time) {
  const auto count = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(count, 0, UINT32_MAX));
}

}  // namespace

Gateway::Gateway(runtime::Vm& vm, runtime::VirtualNetwork& network, LogSink& log,
                 const Limits& limits)
    : vm_{vm},
      network_{network},
      log_{log},
      limits_{limits},
      window_{link::stream_window(limits)} {}

Gateway::~Gateway() = default;

bool Gateway::on_request(RequestPort& port, const link::Frame& frame, Clock::time_point now) {
  if (live_.size() >= limits_.raw(Limit::Concurrency) + kSlack) return false;
  Stream& stream = open(port, frame, now);
  if (!vm_.charge_memory(stream.bytes.size())) {
    finish(stream, Outcome::MemoryLimit);
    recycle_if_free(stream);
    return true;
  }
  stream.charged = stream.bytes.size();
  if (!idle_.empty()) {
    ++handed_;
    Connection* connection = idle_.back();
    idle_.pop_back();
    connection->carry(stream);
  } else if (vm_.has_handler()) {
    start_handler(stream);
  } else {
    ++handed_;
    deliver(stream);
  }
  return true;
}

Stream& Gateway::open(RequestPort& port, const link::Frame& frame, Clock::time_point now) {
  if (spare_.empty()) {
    all_.push_back(std::make_unique<Stream>());
    spare_.push_back(all_.back().get());
  }
  Stream& stream = *spare_.back();
  spare_.pop_back();
  stream.port = &port;
  stream.id = frame.header.stream;
  stream.bytes.assign(frame.payload.begin(), frame.payload.end());
  stream.head = port.ledger.request();
  stream.head.method = moved(stream.head.method, frame.payload, stream.bytes);
  stream.head.target = moved(stream.head.target, frame.payload, stream.bytes);
  stream.head.client = moved(stream.head.client, frame.payload, stream.bytes);
  for (link::Header& header : stream.head.headers) {
    header.name = moved(header.name, frame.payload, stream.bytes);
    header.value = moved(header.value, frame.payload, stream.bytes);
  }
  stream.body_ended = (stream.head.flags & link::RequestHead::kHasBody) == 0;
  stream.deadline = now + std::chrono::milliseconds{stream.head.wall_ms};
  next_deadline_ = std::min(next_deadline_, stream.deadline);

  runtime::Invocation::Config config;
  config.id_low = stream.head.id_low;
  config.id_high = stream.head.id_high;
  config.client = stream.head.client;
  config.deadline = stream.deadline;
  config.cpu_soft = limits_.duration(Limit::Cpu);
  config.cpu_hard = limits_.duration(Limit::CpuHard);
  stream.invocation.emplace(std::move(config));
  watch_fibers(stream);

  port.streams.open(stream.id) = &stream;
  stream.place = live_.size();
  live_.push_back(&stream);
  return stream;
}

/// The VM calls it once; an invocation whose fibers were gone may get others.
void Gateway::watch_fibers(Stream& stream) {
  stream.invocation->on_last_fiber = [this, &stream](runtime::Invocation&) {
    consider(stream);
    watch_fibers(stream);
  };
}

void Gateway::start_handler(Stream& stream) {
  stream.handling = true;
  auto started = runtime::start_handler(vm_, std::make_unique<Connection>(*this, stream),
                                        [this, &stream](const std::string* error) {
                                          stream.handling = false;
                                          if (error != nullptr) on_error(stream, *error);
                                          release(stream);
                                        });
  if (started) return;
  stream.handling = false;
  const bool memory = started.error().code == "memory_limit";
  log_.announce(link::LogLevel::Error, &*stream.invocation, started.error().detail);
  finish(stream, memory ? Outcome::MemoryLimit : Outcome::Overloaded);
  recycle_if_free(stream);
}

void Gateway::on_error(Stream& stream, const std::string& error) {
  stream.failed = true;
  runtime::Invocation& invocation = *stream.invocation;
  if (error.find("not enough memory") != std::string::npos)
    invocation.condemn(Outcome::MemoryLimit);
  if (invocation.verdict() != Outcome::Canceled)
    log_.announce(link::LogLevel::Error, &invocation, error);
}

void Gateway::deliver(Stream& stream) {
  const auto delivered = network_.deliver(std::make_unique<Connection>(*this, stream));
  if (delivered) return;
  log_.announce(link::LogLevel::Error, &*stream.invocation, delivered.error().detail);
  finish(stream,
         delivered.error().code == "queue_full" ? Outcome::Overloaded : Outcome::ScriptError);
  recycle_if_free(stream);
}

void Gateway::on_frame(RequestPort& port, const link::Frame& frame) {
  Stream** found = port.streams.find(frame.header.stream);
  if (found == nullptr) return;
  Stream& stream = **found;
  switch (frame.header.type) {
    case FrameType::Body: return on_body(stream, frame);
    case FrameType::Trailers: return on_trailers(stream, port.ledger.trailers());
    case FrameType::Credit:
      if (stream.connection != nullptr) stream.connection->tell_credit();
      return;
    case FrameType::Cancel: return condemn(stream, Outcome::Canceled);
    default: return;
  }
}

void Gateway::on_body(Stream& stream, const link::Frame& frame) {
  stream.body_ended = (frame.header.flags & link::kEnd) != 0;
  if (stream.connection == nullptr) return;
  if (!vm_.charge_memory(frame.payload.size())) return condemn(stream, Outcome::MemoryLimit);
  stream.body.append(reinterpret_cast<const char*>(frame.payload.data()), frame.payload.size());
  stream.connection->tell_body();
}

void Gateway::on_trailers(Stream& stream, const std::vector<link::Header>& trailers) {
  stream.body_ended = true;
  std::size_t size = 0;
  for (const link::Header& header : trailers) size += header.name.size() + header.value.size();
  stream.trailer_text.reserve(size);  // the views below stay
  const auto keep = [&stream](std::string_view text) {
    const std::size_t start = stream.trailer_text.size();
    stream.trailer_text += text;
    return std::string_view{stream.trailer_text}.substr(start);
  };
  for (const link::Header& header : trailers) {
    const std::string_view name = keep(header.name);
    stream.trailers.push_back({name, keep(header.value)});
  }
  if (stream.connection != nullptr) stream.connection->tell_body();
}

void Gateway::expire(Clock::time_point now) {
  if (now < next_deadline_) return;
  // All requests of an app have the same wall time, more or less: the next look is far away.
  next_deadline_ = Clock::time_point::max();
  for (Stream* stream : live_) {
    if (stream->deadline > now)
      next_deadline_ = std::min(next_deadline_, stream->deadline);
    else if (stream->invocation->verdict() == Outcome::Ok)
      condemn(*stream, Outcome::WallLimit);
  }
  for (Stream* stream : strays_) {
    if (stream->deadline > now)
      next_deadline_ = std::min(next_deadline_, stream->deadline);
    else if (stream->invocation->verdict() == Outcome::Ok)
      vm_.condemn(*stream->invocation, Outcome::WallLimit);
  }
}

void Gateway::end_stray(Stream& stream) {
  if (!std::exchange(stream.stray, false)) return;
  take_out(strays_, stream);
  const Outcome verdict = stream.invocation->verdict();
  if (verdict == Outcome::Ok) return;
  log_.announce(link::LogLevel::Warn, &*stream.invocation,
                std::string{name(verdict)} +
                    ": fibers that the request left behind when it was answered were ended.");
}

void Gateway::condemn(Stream& stream, Outcome outcome) {
  if (stream.finished) return;
  vm_.condemn(*stream.invocation, outcome);
  if (stream.connection != nullptr) stream.connection->cut();
  consider(stream);
}

void Gateway::consider(Stream& stream) noexcept {
  if (stream.candidate) return;
  stream.candidate = true;
  candidates_.push_back(&stream);
}

void Gateway::settle() {
  while (!candidates_.empty()) {
    looked_at_.clear();
    looked_at_.swap(candidates_);
    for (Stream* stream : looked_at_) {
      stream->candidate = false;
      look_at(*stream);
    }
  }
}

void Gateway::look_at(Stream& stream) {
  if (!stream.finished) {
    if (is_over(stream) && !run_deferred(stream)) finish(stream, outcome_of(stream));
  } else if (stream.invocation->fibers() == 0) {
    if (run_deferred(stream)) return;  // by fibers that the request had left behind
    end_stray(stream);
  }
  recycle_if_free(stream);
}

bool Gateway::is_over(const Stream& stream) {
  const bool alone = stream.invocation->fibers() == 0;
  if (stream.invocation->verdict() != Outcome::Ok) return alone;
  if (!stream.released || stream.deferring) return false;
  return alone || (stream.complete && !stream.handling);
}

/// Starts what `perilune.defer` collected; true if there was something: the request goes on.
bool Gateway::run_deferred(Stream& stream) {
  const runtime::Invocation* invocation = &*stream.invocation;
  if (!vm_.slot<runtime::Deferred>().functions.contains(invocation)) return false;
  bool spawned = false;
  const auto done = vm_.protect([&](lua_State* L) {
    if (!runtime::push_deferred(vm_, L, invocation)) return;
    if (invocation->verdict() == Outcome::Ok) {
      vm_.spawn(L, 0, &*stream.invocation, [this, &stream](const std::string* error) {
        stream.deferring = false;
        if (error != nullptr && stream.invocation->verdict() == Outcome::Ok)
          log_.announce(link::LogLevel::Error, &*stream.invocation, *error);
        consider(stream);
      });
      stream.deferring = spawned = true;
    }
  });
  return done && spawned;
}

Outcome Gateway::outcome_of(const Stream& stream) {
  if (stream.invocation->verdict() != Outcome::Ok) return stream.invocation->verdict();
  if (stream.invocation->over_cpu()) return Outcome::CpuLimit;
  if (stream.failed) return Outcome::ScriptError;
  if (stream.complete) return Outcome::Ok;
  log_.announce(link::LogLevel::Error, &*stream.invocation,
                stream.responded ? "The request's fibers ended within its response."
                                 : "The request's fibers ended without a response.");
  return Outcome::ScriptError;
}

void Gateway::finish(Stream& stream, Outcome outcome) {
  if (stream.finished) return;
  stream.finished = true;
  link::Done done;
  done.outcome = outcome;
  done.cpu_us = microseconds(stream.invocation->cpu());
  done.fibers = stream.invocation->most_fibers();
  done.memory = vm_.usage().memory;
  stream.port->out.add_message(FrameType::Done, stream.id, done);
  stream.port->ledger.finished(stream.id);
  stream.port->streams.close(stream.id);
  if (stream.connection != nullptr) stream.connection->cut();
  take_out(live_, stream);
  if (stream.invocation->fibers() == 0) return;
  stream.invocation->share_with(vm_.background());
  stream.stray = true;
  stream.place = strays_.size();
  strays_.push_back(&stream);
}

void Gateway::take_out(std::vector<Stream*>& from, const Stream& stream) noexcept {
  from[stream.place] = from.back();
  from[stream.place]->place = stream.place;
  from.pop_back();
}

void Gateway::recycle_if_free(Stream& stream) noexcept {
  if (!stream.finished || stream.connection != nullptr || stream.candidate) return;
  if (stream.invocation->fibers() != 0) return;
  vm_.release_memory(stream.charged + stream.unread().size());
  stream.reset();
  spare_.push_back(&stream);
}

void Gateway::abandon(Outcome outcome) {
  while (!live_.empty()) finish(*live_.back(), outcome);
}

void Gateway::idle(Connection& connection) { idle_.push_back(&connection); }

void Gateway::not_idle(Connection& connection) noexcept { std::erase(idle_, &connection); }

void Gateway::release(Stream& stream) noexcept {
  stream.released = true;
  consider(stream);
}

void Gateway::detach(Stream& stream) noexcept {
  stream.connection = nullptr;
  // What is finished already is freed by the next look.
  if (!stream.finished || stream.candidate) return;
  stream.candidate = true;
  candidates_.push_back(&stream);
}

}  // namespace perilune::worker
