#include "runtime/worker/worker.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "runtime/vm/slice_timer.hpp"

namespace perilune::worker {
namespace {

using link::FrameType;
using From = link::FrameReader::From;

constexpr std::uint32_t kControlTag = 0;  ///< request link i: 1 + i
/// A datagram shorter than this was the last of its sender's turn: no need to ask for another.
constexpr std::size_t kLikelyMore = link::kMaxDatagram / 2;

}  // namespace

Worker::Worker(Sockets sockets, runtime::SliceTimer* timer, bool jit)
    : control_{std::move(sockets.control)},
      epoll_{std::move(sockets.epoll)},
      timer_{timer},
      jit_{jit},
      buffer_(link::kMaxDatagram) {
  watch(control_, kControlTag);
  for (UniqueFd& socket : sockets.links) {
    links_.push_back(std::make_unique<RequestPort>(std::move(socket)));
    watch(*links_.back(), static_cast<std::uint32_t>(links_.size()));
  }
}

Worker::~Worker() = default;

void Worker::watch(Port& port, std::uint32_t tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = tag;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, port.fd.get(), &event) != 0) end(ExitCode::Internal);
}

void Worker::rewatch(Port& port, std::uint32_t tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  if (port.blocked) event.events |= EPOLLOUT;
  event.data.u32 = tag;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, port.fd.get(), &event) != 0) end(ExitCode::Internal);
}

void Worker::end(ExitCode code) noexcept {
  if (!exit_) exit_ = code;
}

bool Worker::all_sent() const noexcept {
  return control_.out.empty() && std::all_of(links_.begin(), links_.end(),
                                             [](const auto& port) { return port->out.empty(); });
}

void Worker::say_ready() {
  control_.out.add(FrameType::Ready, 0, {});
  flush(control_, kControlTag);
}

ExitCode Worker::run() {
  say_ready();
  for (;;) {
    if (const auto code = turn(std::chrono::milliseconds::max())) return *code;
  }
}

int Worker::wait_time(std::chrono::milliseconds most_wait) const {
  if (leaving_) return -1;  // the sockets have to take what is left
  const bool busy = (app_ != nullptr && app_->ready() && !app_->dead()) ||
                    (check_ != nullptr && started_ && !control_.blocked);
  if (busy) return 0;
  auto wait = most_wait;
  if (app_ != nullptr) {
    const auto next = app_->next_event();
    if (next != Clock::time_point::max()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
      wait = std::min(wait, std::max(left, std::chrono::milliseconds{0}));
    }
  }
  constexpr std::int64_t kLong = 3'600'000;
  return wait == std::chrono::milliseconds::max()
             ? -1
             : static_cast<int>(std::min<std::int64_t>(wait.count(), kLong));
}

std::optional<ExitCode> Worker::turn(std::chrono::milliseconds most_wait) {
  std::array<epoll_event, 18> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 wait_time(most_wait));
  if (count < 0 && errno != EINTR) end(ExitCode::Internal);
  for (int i = 0; i < count && !exit_; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive(event.data.u32);
  }
  if (!exit_ && !leaving_) work();
  gather();
  flush(control_, kControlTag);
  for (std::size_t i = 0; i < links_.size(); ++i)
    flush(*links_[i], static_cast<std::uint32_t>(i + 1));
  const bool idle = app_ == nullptr || !serving_ || !app_->gateway().busy();
  if (stopping_ && idle && !leaving_) leaving_ = ExitCode::Stopped;
  if (leaving_ && all_sent()) end(*leaving_);
  return exit_;
}

/// Before the host is woken: requests that came while the app ran are answered along. Only an app
/// that has come to rest takes more, and only within a moment, so nobody's answer (or ping) waits
/// for somebody's slice.
void Worker::gather() {
  constexpr int kMoreLooks = 3;
  constexpr std::chrono::microseconds kMoment{500};
  const auto end = Clock::now() + kMoment;
  const bool serves = serving_ && app_ != nullptr;
  for (int look = 0; look < kMoreLooks && serves; ++look) {
    if (exit_ || leaving_ || app_->dead() || app_->ready()) return;
    const std::uint64_t before = datagrams_;
    for (std::size_t i = 0; i < links_.size(); ++i) {
      if (!links_[i]->out.empty()) receive(static_cast<std::uint32_t>(i + 1));
    }
    if (datagrams_ == before || exit_ || leaving_) return;
    work();
    if (Clock::now() >= end) return;
  }
}

void Worker::flush(Port& port, std::uint32_t tag) {
  if (port.out.empty()) return;
  const bool blocked = !port.out.flush(port.fd.get());
  if (port.out.error() != 0) end(ExitCode::HostGone);
  if (blocked == port.blocked) return;
  port.blocked = blocked;
  rewatch(port, tag);
}

void Worker::receive(std::uint32_t tag) {
  const bool control = tag == kControlTag;
  RequestPort* requests = control ? nullptr : links_[tag - 1].get();
  const int fd = control ? control_.fd.get() : requests->fd.get();
  for (int i = 0; i < kMaxDatagrams && !exit_; ++i) {
    std::span<const std::byte> datagram;
    switch (link::receive(fd, buffer_, datagram)) {
      case link::Received::Nothing: return;
      case link::Received::Closed: return end(ExitCode::HostGone);
      case link::Received::Broken: return end(ExitCode::ProtocolViolation);
      case link::Received::Datagram: break;
    }
    ++datagrams_;
    link::FrameReader reader{datagram, control ? From::HostControl : From::HostRequests};
    while (const auto frame = reader.next()) {
      if (control)
        on_control(*frame);
      else
        on_requests(*requests, *frame);
      if (exit_) return;
    }
    if (reader.damaged()) return end(ExitCode::ProtocolViolation);
    if (datagram.size() < kLikelyMore) return;
  }
}

void Worker::on_control(const link::Frame& frame) {
  if (!boot_.accept(frame)) return end(ExitCode::ProtocolViolation);
  switch (frame.header.type) {
    case FrameType::Configure: return configure(*link::Configure::decode(frame.payload));
    case FrameType::Env: return add_env(*link::decode_headers(frame.payload, link::kMaxEnv));
    case FrameType::File: return on_file(frame);
    case FrameType::Start: return on_start();
    case FrameType::Ping: return on_ping(frame);
    case FrameType::Inspect: return on_inspect(frame);
    default: stopping_ = true;
  }
}

void Worker::configure(const link::Configure& configure) {
  if (configure.jit && !jit_) return end(ExitCode::ProtocolViolation);
  job_ = configure.job;
  config_.limits = configure.limits;
  config_.jit = configure.jit;
  config_.seed_low = configure.seed_low;
  config_.seed_high = configure.seed_high;
  config_.tenant = configure.tenant;
  config_.app = configure.app;
  config_.version = configure.version;
  if (!configure.entry.empty()) config_.entry = configure.entry;
  config_.http_port = configure.http_port;
  add_env(configure.env);
  log_.configure(config_.limits, Clock::now());
  const std::uint32_t window = link::stream_window(config_.limits);
  for (const auto& port : links_)
    port->ledger =
        link::RequestLedger{window, config_.limits.raw(Limit::Concurrency) + Gateway::kSlack};
  if (job_ == link::Job::Check) check_ = std::make_unique<Check>(config_, configure.packing);
}

void Worker::add_env(const std::vector<link::Header>& env) {
  for (const link::Header& entry : env)
    config_.env.insert_or_assign(std::string{entry.name}, std::string{entry.value});
}

void Worker::on_file(const link::Frame& frame) {
  const auto chunk = link::Chunk::decode(frame.payload);
  if (check_ != nullptr) return check_->receive(*chunk);
  // What a serving worker is given was checked when the version was made.
  std::string& file = files_[std::string{chunk->path}];
  if (chunk->offset == 0) file.clear();
  file.append(reinterpret_cast<const char*>(chunk->data.data()), chunk->data.size());
}

void Worker::on_start() {
  started_ = true;
  if (timer_ != nullptr) timer_->arm();
  if (job_ == link::Job::Serve) start_app(std::move(config_), std::move(files_));
}

void Worker::on_ping(const link::Frame& frame) {
  link::Pong pong;
  pong.token = *link::decode_ping(frame.payload);
  pong.cpu_us = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(runtime::thread_cpu()).count());
  if (app_ != nullptr) {
    const runtime::VmUsage usage = app_->usage();
    pong.memory = usage.memory;
    pong.vms = 1;
    pong.fibers = usage.fibers;
    pong.timers = usage.timers;
    if (serving_) pong.running = static_cast<std::uint32_t>(app_->gateway().running());
  }
  control_.out.add_message(FrameType::Pong, 0, pong);
}

void Worker::on_inspect(const link::Frame& frame) {
  const std::string text = app_ == nullptr ? std::string{} : app_->fibers(link::kMaxInspection);
  link::Inspection piece;
  piece.token = *link::decode_ping(frame.payload);
  piece.total = static_cast<std::uint32_t>(text.size());
  do {
    piece.text = std::string_view{text}.substr(piece.offset, link::kMaxBodyPiece);
    control_.out.add_message(FrameType::Inspection, 0, piece);
    piece.offset += static_cast<std::uint32_t>(piece.text.size());
  } while (piece.offset < piece.total);
}

void Worker::on_requests(RequestPort& port, const link::Frame& frame) {
  if (leaving_) return;
  if (!serving_) return end(ExitCode::ProtocolViolation);
  switch (port.ledger.accept(frame)) {
    case link::RequestLedger::Verdict::Violation: return end(ExitCode::ProtocolViolation);
    case link::RequestLedger::Verdict::Ignore: return;
    case link::RequestLedger::Verdict::Take: break;
  }
  // A request that crossed Stop is served like those before it: host threads do not wait for each
  // other.
  if (frame.header.type != FrameType::Request) return app_->gateway().on_frame(port, frame);
  if (!app_->gateway().on_request(port, frame, Clock::now())) end(ExitCode::ProtocolViolation);
}

void Worker::work() {
  if (check_ != nullptr && started_) {
    switch (check_->step(control_)) {
      case Check::State::Working: return;
      case Check::State::Refused: return report({false, {}, "bad_bundle", check_->message()});
      case Check::State::Passed: break;
    }
    Files files = check_->take_files();
    AppConfig config = check_->config();
    check_.reset();
    start_app(std::move(config), std::move(files));
  }
  if (app_ != nullptr) run_app();
}

void Worker::start_app(AppConfig config, Files files) {
  if (timer_ != nullptr) timer_->set_slice(config.limits.duration(Limit::Slice));
  app_ = std::make_unique<App>(std::move(config), std::move(files), log_);
  if (const auto result = app_->start(Clock::now())) {
    app_.reset();
    report(*result);
  }
}

void Worker::run_app() {
  if (const auto result = app_->run(Clock::now())) return report(*result);
  if (app_->dead()) mourn();
}

void Worker::report(const StartResult& result) {
  if (result.started) {
    control_.out.add_message(FrameType::Started, 0, result.report);
    serving_ = job_ == link::Job::Serve;
    // A check ends with the dry start.
    if (!serving_) stopping_ = true;
    return;
  }
  constexpr std::size_t kMaxMessage = 16 * 1024;
  const std::string_view message{result.message};
  control_.out.add_message(FrameType::Failed, 0,
                           link::Failed{result.code, message.substr(0, kMaxMessage)});
  leaving_ = ExitCode::NotStarted;
}

/// The VM is beyond help: its requests end with what killed it, and the process with a code.
void Worker::mourn() {
  const Outcome death = app_->death();
  log_.announce(link::LogLevel::Error, nullptr,
                "The app's VM ended: " + (app_->death_message().empty() ? std::string{name(death)}
                                                                        : app_->death_message()));
  app_->gateway().abandon(death == Outcome::Ok ? Outcome::ScriptError : death);
  leaving_ = death == Outcome::MemoryLimit ? ExitCode::MemoryLimit
             : death == Outcome::CpuLimit  ? ExitCode::CpuHard
                                           : ExitCode::AppEnded;
}

}  // namespace perilune::worker
