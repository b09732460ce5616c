#include "runtime/worker/inflater.hpp"

#include <algorithm>
#include <limits>

namespace perilune::worker {

ByteSource::ByteSource(std::string_view packed, Kind kind) noexcept : packed_{packed}, kind_{kind} {
  if (kind == Kind::Plain) return;
  constexpr int kWindow = 15;
  constexpr int kGzipOnly = 16;
  open_ = inflateInit2(&stream_, kind == Kind::Gzip ? kWindow + kGzipOnly : -kWindow) == Z_OK;
  damaged_ = !open_;
}

ByteSource::~ByteSource() {
  if (open_) inflateEnd(&stream_);
}

std::size_t ByteSource::read(std::span<char> out) noexcept {
  if (kind_ == Kind::Plain) {
    const std::size_t count = std::min(out.size(), packed_.size() - consumed_);
    std::copy_n(packed_.data() + consumed_, count, out.data());
    consumed_ += count;
    ended_ = consumed_ == packed_.size();
    return count;
  }
  std::size_t done = 0;
  while (done < out.size() && !ended_ && !damaged_) done += inflate_some(out.subspan(done));
  return done;
}

std::size_t ByteSource::inflate_some(std::span<char> out) noexcept {
  constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
  const std::size_t available = std::min(packed_.size() - consumed_, kMost);
  const std::size_t room = std::min(out.size(), kMost);
  // zlib's interface is not const-correct; it does not write to its input.
  stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed_.data() + consumed_));
  stream_.avail_in = static_cast<uInt>(available);
  stream_.next_out = reinterpret_cast<Bytef*>(out.data());
  stream_.avail_out = static_cast<uInt>(room);
  const int result = inflate(&stream_, Z_NO_FLUSH);
  consumed_ += available - stream_.avail_in;
  const std::size_t made = room - stream_.avail_out;
  if (result == Z_STREAM_END) {
    next_member();
  } else if (result != Z_OK || (made == 0 && available == 0)) {
    damaged_ = true;
  }
  return made;
}

void ByteSource::next_member() noexcept {
  ended_ = true;
  if (kind_ != Kind::Gzip) return;
  const std::string_view rest = packed_.substr(consumed_);
  if (rest.find_first_not_of('\0') == std::string_view::npos) return;  // padding of a tape block
  ended_ = false;
  if (inflateReset(&stream_) != Z_OK) damaged_ = true;
}

}  // namespace perilune::worker
