#include "runtime/modules/virtual_pipe.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

/// One direction: a ring.
class Pipe {
 public:
  explicit Pipe(Vm& vm) : vm_{vm} {}
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    if (!ring_.empty()) vm_.release_memory(ring_.size());
  }

  IoResult read(std::span<std::byte> into) {
    if (read_closed_) return {0, misc_io_error(kMiscEof)};
    if (size_ == 0) return {0, write_closed_ ? misc_io_error(kMiscEof) : would_block_error()};
    const std::size_t bytes = std::min({into.size(), size_, ring_.size() - begin_});
    std::memcpy(into.data(), ring_.data() + begin_, bytes);
    begin_ = (begin_ + bytes) % ring_.size();
    size_ -= bytes;
    wake(writer);
    return {bytes, {}};
  }

  IoResult write(std::span<const std::byte> from) {
    if (read_closed_ || write_closed_) return {0, system_io_error(EPIPE)};
    if (ring_.empty()) {
      if (!vm_.charge_memory(kPipeCapacity)) return {0, system_io_error(ENOBUFS)};
      ring_.resize(kPipeCapacity);
    }
    if (size_ == ring_.size()) return {0, would_block_error()};
    const std::size_t end = (begin_ + size_) % ring_.size();
    const std::size_t bytes = std::min({from.size(), ring_.size() - size_, ring_.size() - end});
    std::memcpy(ring_.data() + end, from.data(), bytes);
    size_ += bytes;
    wake(reader);
    return {bytes, {}};
  }

  void close_read() {
    read_closed_ = true;
    wake(reader);
    wake(writer);
  }
  void close_write() {
    write_closed_ = true;
    wake(reader);
    wake(writer);
  }

  IoWaiter* reader = nullptr;
  IoWaiter* writer = nullptr;

 private:
  static void wake(IoWaiter*& waiter) {
    if (IoWaiter* woken = std::exchange(waiter, nullptr)) woken->wake();
  }

  Vm& vm_;
  std::vector<std::byte> ring_;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
  bool read_closed_ = false;
  bool write_closed_ = false;
};

/// Both ends share both pipes: either end may go first.
class PipeStream final : public Stream {
 public:
  PipeStream(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out, Endpoint local, Endpoint remote)
      : in_{std::move(in)}, out_{std::move(out)}, local_{local}, remote_{remote} {}
  PipeStream(const PipeStream&) = delete;
  PipeStream& operator=(const PipeStream&) = delete;
  ~PipeStream() override { close(); }

  IoResult read_some(std::span<std::byte> into) override {
    return open_ ? in_->read(into) : IoResult{0, system_io_error(EBADF)};
  }
  IoResult write_some(std::span<const std::byte> from) override {
    return open_ ? out_->write(from) : IoResult{0, system_io_error(EBADF)};
  }
  void wait_readable(IoWaiter* waiter) override { in_->reader = waiter; }
  void wait_writable(IoWaiter* waiter) override { out_->writer = waiter; }

  IoError shutdown(StreamEnd end) override {
    if (!open_) return system_io_error(EBADF);
    if (end != StreamEnd::Send) in_->close_read();
    if (end != StreamEnd::Receive) out_->close_write();
    return {};
  }
  void close() override {
    if (!std::exchange(open_, false)) return;
    in_->close_read();
    out_->close_write();
  }
  bool is_open() const override { return open_; }
  Endpoint local() const override { return local_; }
  Endpoint remote() const override { return remote_; }
  IoError set_option(std::string_view, std::int64_t) override { return {}; }

 private:
  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
  Endpoint local_;
  Endpoint remote_;
  bool open_ = true;
};

}  // namespace

StreamPair make_pipe_pair(Vm& vm, const Endpoint& a, const Endpoint& b) {
  auto there = std::make_shared<Pipe>(vm);
  auto back = std::make_shared<Pipe>(vm);
  return {std::make_unique<PipeStream>(back, there, a, b),
          std::make_unique<PipeStream>(there, back, b, a)};
}

}  // namespace perilune::runtime
