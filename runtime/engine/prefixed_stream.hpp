#pragma once

/// @file
/// A stream of which something was read already.

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "runtime/modules/net_backend.hpp"

namespace perilune::runtime {

/// Reads `prefix` first, then the rest of `stream`.
class PrefixedStream final : public Stream {
 public:
  PrefixedStream(std::string prefix, std::shared_ptr<Stream> stream)
      : prefix_{std::move(prefix)}, stream_{std::move(stream)} {}

  IoResult read_some(std::span<std::byte> into) override {
    if (prefix_.empty()) return stream_->read_some(into);
    const std::size_t bytes = std::min(into.size(), prefix_.size());
    std::memcpy(into.data(), prefix_.data(), bytes);
    prefix_.erase(0, bytes);
    return {bytes, {}};
  }
  IoResult write_some(std::span<const std::byte> from) override {
    return stream_->write_some(from);
  }
  void wait_readable(IoWaiter* waiter) override { stream_->wait_readable(waiter); }
  void wait_writable(IoWaiter* waiter) override { stream_->wait_writable(waiter); }
  IoError shutdown(StreamEnd end) override { return stream_->shutdown(end); }
  void close() override { stream_->close(); }
  bool is_open() const override { return stream_->is_open(); }
  Endpoint local() const override { return stream_->local(); }
  Endpoint remote() const override { return stream_->remote(); }
  IoError set_option(std::string_view name, std::int64_t value) override {
    return stream_->set_option(name, value);
  }

 private:
  std::string prefix_;
  std::shared_ptr<Stream> stream_;
};

}  // namespace perilune::runtime
