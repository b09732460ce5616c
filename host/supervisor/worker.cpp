#include "host/supervisor/worker.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "host/supervisor/process_stats.hpp"
#include "runtime/base/log.hpp"

namespace perilune::host {
namespace {

/// Datagrams of one worker per turn of the event loop: others want to be read, too.
constexpr int kDatagramsPerTurn = 32;
constexpr std::size_t kMostOpenPings = 8;
constexpr std::chrono::milliseconds kReapGrace{500};

Failure crashed(const std::optional<WorkerEnd>& end) {
  std::string detail = "the worker died";
  if (end) detail += ": " + std::string{name(end->reason)} + ", " + end->detail;
  return {"worker_crashed", std::move(detail)};
}

}  // namespace

Worker::Worker(boost::asio::io_context& loop, AsyncLauncher& launcher,
               sandbox::SpawnedWorker spawned)
    : loop_{loop},
      launcher_{launcher},
      slot_{spawned.slot},
      pid_{spawned.pid},
      links_{std::move(spawned.links)},
      layers_{spawned.layers},
      level_{spawned.level},
      memory_file_{std::move(spawned.memory_file)},
      control_{loop, spawned.control.release()},
      buffer_(link::kMaxDatagram) {}

void Worker::run() {
  launcher_.watch(slot_, [self = shared_from_this()](const sandbox::WorkerExited& exited) {
    self->exited(exited);
  });
  boost::asio::spawn(
      loop_, [self = shared_from_this()](boost::asio::yield_context yield) { self->read(yield); },
      [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
      });
}

void Worker::read(boost::asio::yield_context yield) {
  boost::system::error_code error;
  while (!closed_) {
    control_.async_wait(boost::asio::posix::stream_descriptor::wait_read, yield[error]);
    if (error || !read_datagrams()) closed_ = true;
    changed_.notify();
  }
  control_.close(error);
  changed_.notify();
  // A dying process closes its link a moment before it is reaped. One that goes on living without
  // it does not get to.
  const auto grace = Clock::now() + kReapGrace;
  while (!end_ && changed_.wait_until(grace, yield)) {
  }
  kill(ExitReason::Protocol);
}

bool Worker::read_datagrams() {
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    std::span<const std::byte> datagram;
    switch (link::receive(control_.native_handle(), buffer_, datagram)) {
      case link::Received::Nothing: return true;
      case link::Received::Closed: return false;
      case link::Received::Broken: violate("datagram"); return false;
      case link::Received::Datagram: break;
    }
    link::FrameReader reader{datagram, link::FrameReader::From::WorkerControl};
    while (const auto frame = reader.next()) {
      if (!ledger_.accept(*frame)) {
        violate(ledger_.reason());
        return false;
      }
      if (!handle(*frame)) {
        violate("payload");
        return false;
      }
    }
    if (reader.damaged()) {
      violate("frame");
      return false;
    }
  }
  return true;
}

bool Worker::handle(const link::Frame& frame) {
  using Type = link::FrameType;
  const auto report = [&](auto decoded, auto member) {
    if (decoded && reports_ != nullptr) (reports_->*member)(*decoded);
    return decoded.has_value();
  };
  switch (frame.header.type) {
    case Type::Ready: return true;
    case Type::Log: return report(link::LogRecord::decode(frame.payload), &WorkerReports::log);
    case Type::FileOut: return report(link::Chunk::decode(frame.payload), &WorkerReports::file);
    case Type::Manifest:
      return report(link::ManifestEntry::decode(frame.payload), &WorkerReports::manifest);
    case Type::Diagnostic:
      return report(link::Diagnostic::decode(frame.payload), &WorkerReports::diagnostic);
    case Type::Started: {
      const auto started = link::Started::decode(frame.payload);
      if (!started) return false;
      started_ = *started;
      phase_ = Phase::Started;
      return true;
    }
    case Type::Failed: {
      const auto failed = link::Failed::decode(frame.payload);
      if (!failed) return false;
      failed_ = {"start_failed",
                 log::well_formed(failed->code) + ": " + log::well_formed(failed->message)};
      phase_ = Phase::Failed;
      if (!killed_) killed_ = ExitReason::Failed;
      return true;
    }
    case Type::Pong: {
      pong_ = link::Pong::decode(frame.payload);
      if (pong_ && pong_->token + 1 == next_token_) open_ping_.reset();
      return pong_.has_value();
    }
    case Type::Inspection: {
      const auto piece = link::Inspection::decode(frame.payload);
      if (!piece) return false;
      inspection_part_ += piece->text;
      if (inspection_part_.size() < piece->total) return true;
      inspection_ = std::exchange(inspection_part_, {});
      inspected_ = piece->token;
      return true;
    }
    default: return false;
  }
}

Result<std::string> Worker::inspect(Clock::time_point deadline, boost::asio::yield_context yield) {
  if (!closed_ && inspected_ == inspects_) {
    if (!out_.empty()) return Failure{"not_answering", "the worker does not read"};
    ledger_.inspected(++inspects_);
    link::encode_ping(inspects_, out_.begin_frame(link::FrameType::Inspect, 0));
    out_.finish_frame();
    (void)out_.flush(control_.native_handle());
  }
  const std::uint64_t mine = inspects_;
  while (inspected_ < mine) {
    if (closed_ || end_) return Failure{"vm_gone", "the worker ended while it was asked"};
    if (!changed_.wait_until(deadline, yield))
      return Failure{"not_answering", "the worker did not answer in time"};
  }
  return Result<std::string>{boost::system::in_place_value, inspection_};
}

void Worker::violate(std::string_view what) {
  violation_ = what;
  log::warn("worker broke the control link's protocol",
            {{"pid", std::int64_t{pid_}}, {"reason", what}});
  kill(ExitReason::Protocol);
}

void Worker::kill(ExitReason reason) {
  if (end_) return;
  if (!killed_) killed_ = reason;
  launcher_.kill(slot_, pid_);
}

void Worker::exited(const sandbox::WorkerExited& exited) {
  end_ = WorkerEnd{classify_exit(exited.status, exited.memory_killed, killed_),
                   describe_exit(exited.status)};
  changed_.notify();
}

void Worker::ping() {
  if (closed_ || !out_.empty() || next_token_ > kMostOpenPings + (pong_ ? pong_->token : 0)) return;
  if (!open_ping_) {
    open_ping_ = OpenPing{Clock::now(), process_cpu(pid_).value_or(std::chrono::nanoseconds{0})};
  }
  ledger_.pinged(next_token_);
  link::encode_ping(next_token_++, out_.begin_frame(link::FrameType::Ping, 0));
  out_.finish_frame();
  (void)out_.flush(control_.native_handle());
}

void Worker::stop() {
  if (closed_ || std::exchange(stopped_, true)) return;
  if (!killed_) killed_ = ExitReason::Stopped;
  out_.add(link::FrameType::Stop, 0, {});
  (void)out_.flush(control_.native_handle());
}

Result<void> Worker::send_all(Clock::time_point deadline, boost::asio::yield_context yield) {
  while (!closed_ && !out_.flush(control_.native_handle())) {
    boost::asio::steady_timer guard{loop_, deadline};
    guard.async_wait([self = shared_from_this()](boost::system::error_code error) {
      if (!error) self->kill(ExitReason::Watchdog);
    });
    boost::system::error_code error;
    control_.async_wait(boost::asio::posix::stream_descriptor::wait_write, yield[error]);
    guard.cancel();
  }
  if (closed_ || out_.error() != 0) return crashed(end_);
  return {};
}

Result<void> Worker::wait_ready(Clock::time_point deadline, boost::asio::yield_context yield) {
  while (ledger_.phase() == link::ControlLedger::Phase::Booting) {
    if (closed_ || end_) return crashed(end_);
    if (changed_.wait_until(deadline, yield)) continue;
    kill(ExitReason::Watchdog);
    return Failure{"start_failed", "the worker was not ready in time"};
  }
  return {};
}

void Worker::send_env(const link::Configure& configure, std::size_t first) {
  std::vector<link::Header> some;
  std::size_t size = 0;
  for (std::size_t i = first; i < configure.env.size(); ++i) {
    const std::size_t length = configure.env[i].name.size() + configure.env[i].value.size() + 8;
    if (size + length > link::kMaxPayload / 2 && !some.empty()) {
      link::encode_headers(some, out_.begin_frame(link::FrameType::Env, 0));
      out_.finish_frame();
      some.clear();
      size = 0;
    }
    some.push_back(configure.env[i]);
    size += length;
  }
  if (some.empty()) return;
  link::encode_headers(some, out_.begin_frame(link::FrameType::Env, 0));
  out_.finish_frame();
}

Result<void> Worker::load(const link::Configure& configure,
                          const std::vector<api::BundleFile>& files, Clock::time_point deadline,
                          boost::asio::yield_context yield) {
  if (const auto ready = wait_ready(deadline, yield); !ready) return ready.error();
  link::Configure head = configure;
  head.env.clear();  // all of it goes in Env frames
  out_.add_message(link::FrameType::Configure, 0, head);
  ledger_.configured(head);
  send_env(configure, 0);
  if (const auto sent = send_files(files, deadline, yield); !sent) return sent.error();
  out_.add(link::FrameType::Start, 0, {});
  ledger_.start_sent();
  return send_all(deadline, yield);
}

Result<void> Worker::send_files(const std::vector<api::BundleFile>& files,
                                Clock::time_point deadline, boost::asio::yield_context yield) {
  for (const api::BundleFile& file : files) {
    std::size_t offset = 0;
    do {
      const auto piece =
          std::as_bytes(std::span{file.data})
              .subspan(offset, std::min(link::kMaxBodyPiece, file.data.size() - offset));
      const link::Chunk chunk{.path = file.path,
                              .total = static_cast<std::uint32_t>(file.data.size()),
                              .offset = static_cast<std::uint32_t>(offset),
                              .data = piece};
      out_.add_message(link::FrameType::File, 0, chunk);
      offset += piece.size();
      if (out_.size() < link::kMaxDatagram) continue;
      if (const auto sent = send_all(deadline, yield); !sent) return sent.error();
    } while (offset < file.data.size());
  }
  return {};
}

Result<link::Started> Worker::wait_started(Clock::time_point deadline,
                                           boost::asio::yield_context yield) {
  while (phase_ == Phase::Loading) {
    // What it said before it died is read first: `closed_`, not `end_`.
    if (closed_) {
      const auto reaped = Clock::now() + 2 * kReapGrace;
      while (!end_ && changed_.wait_until(reaped, yield)) {
      }
      return crashed(end_);
    }
    if (changed_.wait_until(deadline, yield)) continue;
    kill(ExitReason::Watchdog);
    return Failure{"wall_limit", "the app did not start in time"};
  }
  if (phase_ == Phase::Failed) return failed_;
  return started_;
}

bool Worker::wait_end(Clock::time_point deadline, boost::asio::yield_context yield) {
  while (!end_ || !closed_) {
    if (!changed_.wait_until(deadline, yield)) return end_ && closed_;
  }
  return true;
}

}  // namespace perilune::host
