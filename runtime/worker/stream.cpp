#include "runtime/worker/stream.hpp"

namespace perilune::worker {

void Stream::reset() {
  constexpr std::size_t kKeep = 16 * 1024;
  bytes.clear();
  body.clear();
  if (body.capacity() > kKeep) body.shrink_to_fit();
  trailer_text.clear();
  trailers.clear();
  invocation.reset();
  body_at = charged = 0;
  owed = 0;
  left = UINT64_MAX;
  connection = nullptr;
  body_ended = responded = complete = bodiless = false;
  released = handling = deferring = stray = failed = finished = candidate = false;
}

}  // namespace perilune::worker
