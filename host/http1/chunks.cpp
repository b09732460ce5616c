#include "host/http1/chunks.hpp"

#include <algorithm>

#include "host/http1/bytes.hpp"

namespace perilune::http1 {
namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

}  // namespace

std::string_view ChunkDecoder::take(std::string_view& bytes, std::size_t count) noexcept {
  const std::string_view taken = bytes.substr(0, count);
  bytes.remove_prefix(count);
  taken_ += count;
  return taken;
}

ChunkDecoder::Event ChunkDecoder::next(std::string_view& bytes, std::string_view& data) {
  if (refusal_) return Event::Refused;
  while (state_ != State::End) {
    if (bytes.empty()) return Event::NeedMore;
    if (state_ == State::Data) {
      const std::uint64_t room = most_ - std::min(most_, taken_);
      const std::uint64_t count = std::min({size_, std::uint64_t{bytes.size()}, room});
      if (count == 0) {
        refuse("body_too_large", "The body is longer than this app takes.");
        return Event::Refused;
      }
      data = take(bytes, static_cast<std::size_t>(count));
      size_ -= count;
      if (size_ == 0) state_ = State::DataCr;
      return Event::Data;
    }
    if (taken_ >= most_) {
      refuse("body_too_large", "The body is longer than this app takes, its framing included.");
      return Event::Refused;
    }
    const bool fine =
        state_ == State::Trailer ? trailer_line(bytes) : size_byte(take(bytes, 1).front());
    if (!fine) return Event::Refused;
  }
  return Event::End;
}

bool ChunkDecoder::size_byte(char c) {
  switch (state_) {
    case State::DataCr:
      state_ = State::DataLf;
      return c == '\r' || bad("A chunk is longer than it said.");
    case State::DataLf:
      state_ = State::FirstDigit;
      return c == '\n' || bad("A chunk does not end with CRLF.");
    case State::FirstDigit:
      line_ = 0;
      size_ = 0;
      if (hex_digit(c) < 0) return bad("A chunk's size is not a hexadecimal number.");
      state_ = State::Size;
      [[fallthrough]];
    case State::Size:
      if (const int digit = hex_digit(c); digit >= 0) {
        size_ = size_ * 16 + static_cast<std::uint64_t>(digit);
        if (++line_ > 16 || size_ > kMaxLength) return bad("A chunk's size is too large.");
        return true;
      }
      [[fallthrough]];
    default: return after_size(c);
  }
}

bool ChunkDecoder::after_size(char c) {
  if (state_ == State::SizeLf) {
    if (c != '\n') return bad("A chunk's size line holds a bare CR.");
    state_ = size_ == 0 ? State::Trailer : State::Data;
    return true;
  }
  if (c == '\r') {
    state_ = State::SizeLf;
    return true;
  }
  if (state_ == State::Size && c != ';') return bad("A chunk's size is not a hexadecimal number.");
  state_ = State::Extension;
  if (++line_ > kMaxChunkLine) return bad("A chunk's size line is too long.");
  return is(c, kValue) || bad("A chunk's extension holds a control byte.");
}

bool ChunkDecoder::trailer_line(std::string_view& bytes) {
  const std::size_t newline = bytes.find('\n');
  const std::size_t count =
      std::min(newline == std::string_view::npos ? bytes.size() : newline + 1,
               limits_.headers + 3 - std::min(limits_.headers + 3, text_.size()));
  text_ += take(bytes, count);
  const std::size_t length = text_.size() - trailer_start_;
  if (text_.size() > limits_.headers + 2)
    return refuse("headers_too_large", "The trailers are too long in all.");
  if (length > limits_.header + 2) return refuse("headers_too_large", "A trailer is too long.");
  if (text_.back() != '\n') return true;
  if (length < 2 || text_[text_.size() - 2] != '\r') return bad("A line ends with LF alone.");
  trailer_start_ = text_.size();
  if (length > 2) return true;
  state_ = State::End;
  return parse_trailers();
}

bool ChunkDecoder::parse_trailers() {
  std::string_view rest{text_};
  while (rest.size() > 2) {
    const std::size_t newline = rest.find('\n');
    link::Header field;
    refusal_ = split_field(rest.substr(0, newline - 1), field);
    if (refusal_) return false;
    if (is_framing_field(field.name)) return bad("A trailer frames the message.");
    trailers_.push_back(field);
    if (trailers_.size() > limits_.count)
      return refuse("headers_too_large", "There are too many trailers.");
    rest.remove_prefix(newline + 1);
  }
  return true;
}

}  // namespace perilune::http1
