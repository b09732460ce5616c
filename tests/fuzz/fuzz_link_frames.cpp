/// A datagram from the other side, read as each kind of link.

#include <cstdlib>

#include "runtime/link/frame.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using perilune::link::FrameReader;
  const auto bytes = std::as_bytes(std::span{data, size});
  for (const auto from : {FrameReader::From::HostControl, FrameReader::From::HostRequests,
                          FrameReader::From::WorkerControl, FrameReader::From::WorkerRequests}) {
    FrameReader reader{bytes, from};
    std::size_t seen = 0;
    while (const auto frame = reader.next())
      seen += perilune::link::kHeaderSize + frame->payload.size();
    if (seen > size || (!reader.damaged() && seen != size)) std::abort();
    if (reader.next()) std::abort();
  }
  return 0;
}
