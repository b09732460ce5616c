#pragma once

/// @file
/// The host's end of a worker, for tests: the real loop over socket pairs in this process, every
/// frame of the worker held against the host's checkers.

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "runtime/link/session.hpp"
#include "runtime/vm/slice_timer.hpp"
#include "runtime/worker/worker.hpp"

namespace perilune::worker::test {

using link::FrameType;

struct Response {
  std::uint16_t status = 0;
  std::string body;
  std::map<std::string, std::string> headers;
  std::map<std::string, std::string> trailers;
  bool continued = false;
  bool complete = false;
  bool done = false;
  Outcome outcome = Outcome::Ok;
  std::uint32_t cpu_us = 0;
  std::uint32_t credit = 0;  ///< given back
};

struct Request {
  std::string method = "GET";
  std::string target = "/";
  std::uint8_t flags = 0;
  std::uint64_t length = UINT64_MAX;
  std::uint32_t wall_ms = 30'000;
  std::vector<link::Header> headers = {};
};

class Host {
 public:
  Host() {
    std::array<int, 2> control{};
    std::array<int, 2> requests{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control.data()) == 0);
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, requests.data()) == 0);
    control_ = UniqueFd{control[0]};
    requests_ = UniqueFd{requests[0]};
    timer_ = std::make_unique<runtime::SliceTimer>(
        std::move(*runtime::SliceTimer::create(std::chrono::milliseconds{10})));
    Worker::Sockets sockets;
    sockets.control = UniqueFd{control[1]};
    sockets.links.emplace_back(requests[1]);
    sockets.epoll = UniqueFd{::epoll_create1(EPOLL_CLOEXEC)};
    worker_ = std::make_unique<Worker>(std::move(sockets), timer_.get(), false);
    worker_->say_ready();
    step();
    REQUIRE(ledger_.phase() == link::ControlLedger::Phase::Ready);
  }

  link::Configure configure;

  void file(std::string_view path, std::string_view text) {
    std::size_t at = 0;
    do {
      const auto piece = text.substr(at, link::kMaxBodyPiece);
      control_out_.add_message(
          FrameType::File, 0,
          link::Chunk{path, static_cast<std::uint32_t>(text.size()), static_cast<std::uint32_t>(at),
                      std::as_bytes(std::span{piece})});
      at += piece.size();
      pump();
    } while (at < text.size());
  }
  void send_configure() {
    ledger_.configured(configure);
    control_out_.add_message(FrameType::Configure, 0, configure);
  }
  void start() {
    ledger_.start_sent();
    control_out_.add(FrameType::Start, 0, {});
    run([this] { return ledger_.phase() > link::ControlLedger::Phase::Starting; });
  }
  /// Serves one source file.
  void serve(std::string_view source) {
    send_configure();
    file("init.lua", source);
    start();
    INFO(failed_message);
    REQUIRE(failed_code.empty());
  }
  /// Checks an upload.
  void check(link::Packing packing, std::string_view upload) {
    configure.job = link::Job::Check;
    configure.packing = packing;
    send_configure();
    file("", upload);
    start();
  }

  std::uint32_t request(const Request& request = {}) {
    link::RequestHead head;
    head.id_low = 77;
    head.wall_ms = request.wall_ms;
    head.flags = request.flags;
    head.content_length = request.length;
    head.method = request.method;
    head.target = request.target;
    head.client = "127.0.0.1:4711";
    head.headers = request.headers;
    const std::uint32_t id = ++last_;
    streams_.opened(id, head.flags);
    requests_out_.add_message(FrameType::Request, id, head);
    return id;
  }
  void body(std::uint32_t id, std::string_view bytes, bool end) {
    streams_.sent_body(id, bytes.size());
    requests_out_.add(FrameType::Body, id, std::as_bytes(std::span{bytes}), end ? link::kEnd : 0);
  }
  void credit(std::uint32_t id, std::uint32_t bytes) {
    streams_.granted(id, bytes);
    link::encode_credit(bytes, requests_out_.begin_frame(FrameType::Credit, id));
    requests_out_.finish_frame();
  }
  void cancel(std::uint32_t id) { requests_out_.add(FrameType::Cancel, id, {}); }
  void stop() { control_out_.add(FrameType::Stop, 0, {}); }
  void ping(std::uint64_t token) {
    ledger_.pinged(token);
    link::encode_ping(token, control_out_.begin_frame(FrameType::Ping, 0));
    control_out_.finish_frame();
  }
  link::FrameBatch& raw_requests() { return requests_out_; }
  link::FrameBatch& raw_control() { return control_out_; }

  /// Turns until `until()` is true; fails after `patience`.
  template <typename Until>
  void run(Until until, std::chrono::milliseconds patience = std::chrono::seconds{10}) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!until()) {
      if (exit || std::chrono::steady_clock::now() > end) break;
      pump();
    }
    INFO("log: " << all_logs());
    REQUIRE(until());
  }
  Response& finish(std::uint32_t id) {
    run([&] { return responses[id].done; });
    return responses[id];
  }
  Response& fetch(const Request& r = {}) { return finish(request(r)); }
  void run_for(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end && !exit) pump();
  }
  void wait_exit() {
    run([this] { return exit.has_value(); });
  }

  [[nodiscard]] std::string all_logs() const {
    std::string text;
    for (const std::string& line : logs) text += line + '\n';
    return text;
  }

  std::map<std::uint32_t, Response> responses;
  std::vector<std::string> logs;
  std::uint32_t dropped = 0;
  std::vector<link::Pong> pongs;
  link::Started started;
  std::string failed_code;
  std::string failed_message;
  std::vector<std::string> diagnostics;  ///< "file:line:column: code"
  std::map<std::string, std::string> manifest;
  std::map<std::string, std::string> files;
  std::optional<ExitCode> exit;

 private:
  void pump() {
    control_out_.flush(control_.get());
    requests_out_.flush(requests_.get());
    step();
  }
  void step() {
    if (!exit) exit = worker_->turn(std::chrono::milliseconds{1});
    drain(control_.get(), link::FrameReader::From::WorkerControl);
    drain(requests_.get(), link::FrameReader::From::WorkerRequests);
  }
  void drain(int fd, link::FrameReader::From from) {
    std::span<const std::byte> datagram;
    while (link::receive(fd, buffer_, datagram) == link::Received::Datagram) {
      link::FrameReader reader{datagram, from};
      while (const auto frame = reader.next()) {
        if (from == link::FrameReader::From::WorkerControl)
          on_control(*frame);
        else
          on_stream(*frame);
      }
      REQUIRE_FALSE(reader.damaged());
    }
  }
  void on_control(const link::Frame& frame) {
    const bool accepted = ledger_.accept(frame);
    INFO(ledger_.reason());
    REQUIRE(accepted);
    switch (frame.header.type) {
      case FrameType::Log: {
        const auto record = *link::LogRecord::decode(frame.payload);
        logs.emplace_back(record.message);
        dropped += record.dropped;
        break;
      }
      case FrameType::Pong: pongs.push_back(*link::Pong::decode(frame.payload)); break;
      case FrameType::Started: started = *link::Started::decode(frame.payload); break;
      case FrameType::Failed: {
        const auto failed = *link::Failed::decode(frame.payload);
        failed_code = failed.code;
        failed_message = failed.message;
        break;
      }
      case FrameType::Diagnostic: {
        const auto d = *link::Diagnostic::decode(frame.payload);
        diagnostics.push_back(std::string{d.file} + ':' + std::to_string(d.line) + ':' +
                              std::to_string(d.column) + ": " + std::string{d.code});
        break;
      }
      case FrameType::Manifest: {
        const auto entry = *link::ManifestEntry::decode(frame.payload);
        manifest[std::string{entry.key}] = entry.value;
        break;
      }
      case FrameType::FileOut: {
        const auto chunk = *link::Chunk::decode(frame.payload);
        files[std::string{chunk.path}].append(reinterpret_cast<const char*>(chunk.data.data()),
                                              chunk.data.size());
        break;
      }
      default: break;
    }
  }
  void on_stream(const link::Frame& frame) {
    const bool accepted = streams_.accept(frame);
    INFO(streams_.reason());
    REQUIRE(accepted);
    Response& response = responses[frame.header.stream];
    const auto text = [](link::View bytes) {
      return std::string{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    };
    switch (frame.header.type) {
      case FrameType::Continue: response.continued = true; break;
      case FrameType::Response:
        response.status = streams_.response().status;
        for (const auto& header : streams_.response().headers)
          response.headers[std::string{header.name}] = header.value;
        response.body += text(streams_.body());
        break;
      case FrameType::Data: response.body += text(streams_.body()); break;
      case FrameType::ResponseTrailers:
        for (const auto& header : streams_.trailers())
          response.trailers[std::string{header.name}] = header.value;
        break;
      case FrameType::BodyCredit: response.credit += streams_.credit(); break;
      case FrameType::Done:
        response.done = true;
        response.outcome = streams_.done().outcome;
        response.cpu_us = streams_.done().cpu_us;
        break;
      default: break;
    }
    if (frame.header.type != FrameType::Done)
      response.complete = streams_.complete(frame.header.stream);
  }

  UniqueFd control_;
  UniqueFd requests_;
  std::unique_ptr<runtime::SliceTimer> timer_;
  std::unique_ptr<Worker> worker_;
  link::ControlLedger ledger_;
  link::StreamLedger streams_;
  link::FrameBatch control_out_;
  link::FrameBatch requests_out_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(link::kMaxDatagram);
  std::uint32_t last_ = 0;
};

}  // namespace perilune::worker::test
