#include "host/gateway/worker_link.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <string>
#include <utility>

#include "host/gateway/thread_state.hpp"

namespace perilune::host {
namespace {

/// How long a canceled stream may take to say Done, beyond the app's hard CPU limit.
constexpr std::chrono::seconds kDoneGrace{2};
/// Datagrams of one link in one turn, so that one busy app does not hold up the others.
constexpr int kMostDatagrams = 8;
/// A datagram below this was the batch's last: reading again would find nothing.
constexpr std::size_t kFullDatagram = link::kMaxDatagram / 2;
/// What may wait for a worker that does not read. Credit and the limits on heads and on concurrency
/// keep an honest one far below.
constexpr std::size_t kMostUnsent = 32U << 20U;
constexpr std::size_t kMostSpare = 256;

}  // namespace

WorkerLink::WorkerLink(ThreadState& state, InstanceId instance, App& app, UniqueFd fd,
                       std::uint32_t window)
    : state_{state},
      instance_{instance},
      app_{app},
      fd_{std::move(fd)},
      window_{window},
      ledger_{window} {
  // Level-triggered: one recvmsg(2) takes what one flush of the worker sent.
  if (!state_.loop.add(fd_.get(), EPOLLIN, *this)) broken_ = true;
}

WorkerLink::~WorkerLink() {
  if (!broken_) fail({}, false);
}

bool WorkerLink::fits(const link::RequestHead& head) noexcept {
  std::size_t bytes = 256 + head.method.size() + head.target.size() + head.client.size();
  for (const link::Header& header : head.headers)
    bytes += 4 + header.name.size() + header.value.size();
  return bytes <= link::kMaxPayload && head.headers.size() <= link::kMaxHeaders;
}

std::uint32_t WorkerLink::open(const link::RequestHead& head, StreamClient& client) {
  const std::uint32_t id = ++last_stream_;
  batch_.add_message(link::FrameType::Request, id, head);
  ledger_.opened(id, head.flags);
  Stream* stream = nullptr;
  if (spare_.empty()) {
    stream = &streams_[id];
  } else {
    auto node = std::move(spare_.back());
    spare_.pop_back();
    node.key() = id;
    stream = &streams_.insert(std::move(node)).position->second;
  }
  stream->client = &client;
  mark();
  // Stream ids are never reused: a link that has used them up takes no new requests.
  if (last_stream_ == UINT32_MAX) state_.apps.detach(app_, *this);
  return id;
}

void WorkerLink::send_body(std::uint32_t stream, link::View bytes, bool end) {
  if (broken_) return;
  batch_.add(link::FrameType::Body, stream, bytes, end ? link::kEnd : std::uint8_t{0});
  ledger_.sent_body(stream, bytes.size());
  mark();
}

void WorkerLink::send_trailers(std::uint32_t stream, const std::vector<link::Header>& trailers) {
  if (broken_) return;
  link::encode_headers(trailers, batch_.begin_frame(link::FrameType::Trailers, stream));
  batch_.finish_frame();
  mark();
}

void WorkerLink::send_credit(std::uint32_t stream, std::uint32_t bytes) {
  if (broken_) return;
  link::encode_credit(bytes, batch_.begin_frame(link::FrameType::Credit, stream));
  batch_.finish_frame();
  ledger_.granted(stream, bytes);
  mark();
}

void WorkerLink::send_cancel(std::uint32_t id, Stream& stream) {
  stream.canceled = true;
  stream.deadline = state_.now + kDoneGrace + stream.ticket.route().limits.duration(Limit::CpuHard);
  state_.note(stream.deadline);
  batch_.add(link::FrameType::Cancel, id, {});
  mark();
}

void WorkerLink::cancel(std::uint32_t stream, Ticket ticket, Outcome verdict) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  found->second.client = nullptr;
  found->second.ticket = std::move(ticket);
  found->second.verdict = verdict;
  send_cancel(stream, found->second);
}

void WorkerLink::detach(std::uint32_t stream, Ticket ticket,
                        std::chrono::steady_clock::time_point deadline) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  found->second.client = nullptr;
  found->second.ticket = std::move(ticket);
  found->second.deadline = deadline;
  state_.note(deadline);
}

void WorkerLink::mark() {
  if (!std::exchange(unflushed, true)) state_.unflushed.push_back(this);
}

void WorkerLink::flush() {
  unflushed = false;
  if (broken_) return;
  if (batch_.flush(fd_.get())) {
    if (waiting_to_write_) state_.loop.modify(fd_.get(), EPOLLIN, *this);
    waiting_to_write_ = false;
    return;  // a peer that is gone shows when the link is read
  }
  if (batch_.size() > kMostUnsent) {
    fail("not_reading", true);
    return;
  }
  if (!waiting_to_write_) state_.loop.modify(fd_.get(), EPOLLIN | EPOLLOUT, *this);
  waiting_to_write_ = true;
}

void WorkerLink::on_ready(std::uint32_t events) {
  if (broken_) return;
  if ((events & EPOLLOUT) != 0) mark();
  if ((events & ~std::uint32_t{EPOLLOUT}) == 0) return;
  std::size_t size = 0;
  for (int i = 0; i < kMostDatagrams && read_one(size); ++i) {
    if (size < kFullDatagram) return;
  }
}

bool WorkerLink::read_one(std::size_t& size) {
  if (broken_) return false;
  std::span<const std::byte> datagram;
  switch (link::receive(fd_.get(), state_.datagram, datagram)) {
    case link::Received::Nothing: return false;
    case link::Received::Closed: fail({}, true); return false;
    case link::Received::Broken: fail("bad_datagram", true); return false;
    case link::Received::Datagram: break;
  }
  size = datagram.size();
  return take(datagram);
}

bool WorkerLink::take(std::span<const std::byte> datagram) {
  link::FrameReader reader{datagram, link::FrameReader::From::WorkerRequests};
  while (const auto frame = reader.next()) {
    if (!ledger_.accept(*frame)) {
      fail(ledger_.reason(), true);
      return false;
    }
    deliver(*frame);
    if (broken_) return false;
  }
  if (reader.damaged()) fail("bad_frame", true);
  return !broken_;
}

void WorkerLink::deliver(const link::Frame& frame) {
  const std::uint32_t id = frame.header.stream;
  if (frame.header.type == link::FrameType::Done) {
    finish(id);
    return;
  }
  const auto found = streams_.find(id);
  StreamClient* client = found == streams_.end() ? nullptr : found->second.client;
  if (client == nullptr) return;  // canceled: what was in flight is dropped
  const bool end = (frame.header.flags & link::kEnd) != 0;
  switch (frame.header.type) {
    case link::FrameType::Continue: client->on_continue(); break;
    case link::FrameType::Response:
      client->on_response(ledger_.response(), ledger_.body(), end);
      break;
    case link::FrameType::Data: client->on_data(ledger_.body(), end); break;
    case link::FrameType::ResponseTrailers: client->on_trailers(ledger_.trailers()); break;
    case link::FrameType::BodyCredit: client->on_body_credit(ledger_.credit()); break;
    default: break;
  }
}

void WorkerLink::finish(std::uint32_t id) {
  auto node = streams_.extract(id);
  if (!node) return;
  Stream stream = std::exchange(node.mapped(), Stream{});
  if (spare_.size() < kMostSpare) spare_.push_back(std::move(node));
  const link::Done& done = ledger_.done();
  if (stream.client != nullptr) {
    stream.client->on_done(done);
  } else {
    stream.ticket.finish(stream.canceled ? stream.verdict : done.outcome,
                         std::chrono::microseconds{done.cpu_us});
  }
}

void WorkerLink::check_deadlines() {
  if (broken_) return;
  bool overdue = false;
  for (auto& [id, stream] : streams_) {
    if (stream.client != nullptr) continue;
    if (stream.deadline > state_.now) {
      state_.note(stream.deadline);
    } else if (stream.canceled) {
      overdue = true;
    } else {
      stream.verdict = Outcome::WallLimit;
      send_cancel(id, stream);
    }
  }
  if (overdue) fail("no_done", true);
}

void WorkerLink::read_out() {
  std::size_t size = 0;
  while (read_one(size)) {
  }
  if (!broken_) fail({}, false);
}

void WorkerLink::fail(std::string_view violation, bool report) {
  broken_ = true;
  state_.apps.detach(app_, *this);
  state_.loop.remove(fd_.get());
  fd_.reset();
  batch_.clear();
  // A client that is told may open a stream on the next instance, never on this one.
  Streams streams = std::exchange(streams_, {});
  for (auto& [id, stream] : streams) {
    if (stream.client != nullptr) {
      stream.client->on_lost();
    } else {
      stream.ticket.finish(stream.canceled ? stream.verdict : Outcome::WorkerCrashed);
    }
  }
  if (!violation.empty()) state_.metrics.link_violation(violation.data());
  // The end of a retired worker that has nothing to do is in order.
  if (report && !(retired && violation.empty() && streams.empty()))
    state_.events.link_lost(instance_, std::string{violation});
}

}  // namespace perilune::host
