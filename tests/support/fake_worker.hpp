#pragma once

/// @file
/// The worker's end of a request link for tests of the gateway: a thread that reads frames and lets
/// a function answer them.

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/unique_fd.hpp"
#include "runtime/link/frame.hpp"
#include "runtime/link/messages.hpp"

namespace perilune::test {

[[nodiscard]] inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}
[[nodiscard]] inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// `answer` runs on the worker's thread for every frame; what it adds to `out` is sent after each
/// datagram.
class FakeWorker {
 public:
  using Answer = std::function<void(FakeWorker&, const link::Frame&)>;

  explicit FakeWorker(Answer answer) : answer_{std::move(answer)} {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
      throw std::system_error{errno, std::generic_category(), "socketpair"};
    host_.reset(ends[0]);
    mine_.reset(ends[1]);
    wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    thread_ = std::thread{[this] { run(); }};
  }
  FakeWorker(const FakeWorker&) = delete;
  FakeWorker& operator=(const FakeWorker&) = delete;
  ~FakeWorker() {
    post([](FakeWorker& worker) { worker.stopped_ = true; });
    thread_.join();
  }

  /// The gateway's end; once.
  [[nodiscard]] UniqueFd host_end() { return std::move(host_); }
  /// Runs on the worker's thread.
  void post(std::function<void(FakeWorker&)> work) {
    {
      const std::lock_guard lock{mutex_};
      posted_.push_back(std::move(work));
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto put = ::write(wake_.get(), &one, sizeof one);
  }
  [[nodiscard]] std::thread& thread() { return thread_; }

  // -- on the worker's thread
  // -----------------------------------------------------------------------
  /// The process "dies": the link is closed at once.
  void die() { mine_.reset(); }
  void response(std::uint32_t stream, const link::ResponseHead& head, std::string_view body,
                bool end) {
    std::vector<std::byte>& bytes =
        out.begin_frame(link::FrameType::Response, stream, end ? link::kEnd : std::uint8_t{0});
    head.encode(bytes);
    for (const char c : body) bytes.push_back(static_cast<std::byte>(c));
    out.finish_frame();
  }
  void data(std::uint32_t stream, std::string_view body, bool end) {
    out.add(link::FrameType::Data, stream, bytes_of(body), end ? link::kEnd : std::uint8_t{0});
  }
  void credit(std::uint32_t stream, std::uint32_t bytes) {
    link::encode_credit(bytes, out.begin_frame(link::FrameType::BodyCredit, stream));
    out.finish_frame();
  }
  void done(std::uint32_t stream, Outcome outcome = Outcome::Ok) {
    link::Done message;
    message.outcome = outcome;
    out.add_message(link::FrameType::Done, stream, message);
  }
  /// A whole answer of status 200.
  void hello(std::uint32_t stream, std::string_view body = "Hello World\n") {
    link::ResponseHead head;
    head.status = 200;
    head.content_length = body.size();
    head.headers = {{"content-type", "text/plain"}};
    response(stream, head, body, true);
    done(stream);
  }
  [[nodiscard]] int fd() const { return mine_.get(); }
  link::FrameBatch out;

 private:
  void run() {
    std::vector<std::byte> buffer(link::kMaxDatagram + 1);
    while (!stopped_) {
      std::array<pollfd, 2> polled{{{mine_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
      ::poll(polled.data(), 2, -1);
      if ((polled[1].revents & POLLIN) != 0) run_posted();
      std::span<const std::byte> datagram;
      if (mine_ && link::receive(mine_.get(), buffer, datagram) == link::Received::Datagram) {
        link::FrameReader reader{datagram, link::FrameReader::From::HostRequests};
        while (const auto frame = reader.next()) answer_(*this, *frame);
      } else if (mine_ && (polled[0].revents & (POLLHUP | POLLERR)) != 0) {
        mine_.reset();
      }
      if (mine_) flush();
    }
  }
  void flush() {
    while (!out.flush(mine_.get())) {
      pollfd writable{mine_.get(), POLLOUT, 0};
      ::poll(&writable, 1, 100);
    }
  }
  void run_posted() {
    std::uint64_t ignored = 0;
    [[maybe_unused]] const auto got = ::read(wake_.get(), &ignored, sizeof ignored);
    std::vector<std::function<void(FakeWorker&)>> work;
    {
      const std::lock_guard lock{mutex_};
      work.swap(posted_);
    }
    for (auto& item : work) item(*this);
  }

  Answer answer_;
  UniqueFd host_;
  UniqueFd mine_;
  UniqueFd wake_;
  std::mutex mutex_;
  std::vector<std::function<void(FakeWorker&)>> posted_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace perilune::test
