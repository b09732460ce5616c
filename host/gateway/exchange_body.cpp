// The request's body: from the client's socket to the worker, as far as its credit goes.
//
// The head stays at the front of the input while the request runs (its views are needed for a
// retry); body bytes that came with it lie behind it and are used up first. Further ones are read
// into the thread's buffer: no connection owns memory for a body.

#include <algorithm>
#include <span>

#include "host/gateway/exchange.hpp"
#include "host/gateway/thread_state.hpp"

namespace perilune::host {
namespace {

/// What is read of a body that nobody wanted, before the connection is given up instead.
constexpr std::size_t kMostDiscarded = 64 * 1024;
constexpr std::chrono::seconds kDiscardTime{2};

link::View as_view(std::string_view text) noexcept { return std::as_bytes(std::span{text}); }

}  // namespace

/// One piece. False: nothing to read now, or nobody to read from.
bool Exchange::pump_body() {
  const std::size_t budget = std::min<std::size_t>(credit_, link::kMaxBodyPiece);
  std::string_view bytes = connection_.in.bytes().substr(head_size_);
  const bool from_input = !bytes.empty();
  if (from_input) {
    bytes = bytes.substr(0, budget);
  } else {
    const std::size_t want =
        chunks_ ? budget : static_cast<std::size_t>(std::min<std::uint64_t>(budget, body_left_));
    std::size_t count = 0;
    const auto got = connection_.receive(state_.body.data(), want, count);
    if (got == Connection::Received::Nothing) return false;
    // The end of the stream inside a body: `gone` is true now.
    if (got == Connection::Received::Closed) return true;
    bytes = {state_.body.data(), count};
  }
  if (chunks_) {
    pump_chunks(bytes, from_input);
    return true;
  }
  bytes =
      bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), body_left_)));
  pump_length(bytes);
  if (from_input) connection_.in.consume_after(head_size_, bytes.size());
  return true;
}

void Exchange::pump_length(std::string_view bytes) {
  body_left_ -= bytes.size();
  body_done_ = body_left_ == 0;
  body_started_ = true;
  credit_ -= static_cast<std::uint32_t>(bytes.size());
  ticket_.received += bytes.size();
  link_->send_body(stream_, as_view(bytes), body_done_);
}

void Exchange::pump_chunks(std::string_view bytes, bool from_input) {
  using Event = http1::ChunkDecoder::Event;
  const std::size_t given = bytes.size();
  std::string& decoded = state_.decoded;
  decoded.clear();
  Event event = Event::Data;
  while (event == Event::Data) {
    std::string_view data;
    event = chunks_->next(bytes, data);
    if (event == Event::Data) decoded += data;
  }
  const std::size_t taken = given - bytes.size();
  ticket_.received += taken;
  if (event == Event::Refused) {
    refusal_ = chunks_->refusal();
    return;
  }
  body_done_ = event == Event::End;
  const auto& trailers = chunks_->trailers();
  const bool end = body_done_ && trailers.empty();
  if (!decoded.empty() || end) link_->send_body(stream_, as_view(decoded), end);
  if (body_done_ && !trailers.empty()) link_->send_trailers(stream_, trailers);
  body_started_ = body_started_ || !decoded.empty() || body_done_;
  credit_ -= static_cast<std::uint32_t>(decoded.size());
  if (from_input) {
    connection_.in.consume_after(head_size_, taken);
  } else if (!bytes.empty()) {
    connection_.in.append(bytes);  // of the next request; the head's views end here
  }
}

/// Reads the rest of a body that the app did not want. False: it is too much, or too slow.
bool Exchange::discard_body() {
  if (expects_continue_ && !continued_) return false;
  if (!chunks_ && body_left_ > kMostDiscarded) return false;
  const TimePoint deadline = state_.now + kDiscardTime;
  std::size_t total = 0;
  while (total < kMostDiscarded) {
    std::string_view bytes = connection_.in.bytes().substr(head_size_);
    if (bytes.empty()) {
      const auto got = connection_.receive(link::kMaxBodyPiece);
      if (got == Connection::Received::Closed) return false;
      if (got == Connection::Received::Nothing && !connection_.wait(deadline)) return false;
      continue;
    }
    std::size_t taken = 0;
    if (chunks_) {
      std::string_view rest = bytes;
      std::string_view data;
      const auto event = chunks_->next(rest, data);
      taken = bytes.size() - rest.size();
      if (event == http1::ChunkDecoder::Event::Refused) return false;
      body_done_ = event == http1::ChunkDecoder::Event::End;
    } else {
      taken = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), body_left_));
      body_left_ -= taken;
      body_done_ = body_left_ == 0;
    }
    connection_.in.consume_after(head_size_, taken);
    total += taken;
    if (body_done_) return true;
  }
  return false;
}

}  // namespace perilune::host
