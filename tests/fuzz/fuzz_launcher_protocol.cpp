// Both directions between host and launcher: nothing that does not decode may do harm, and what
// decodes encodes to the same meaning.
#include <cstdlib>

#include "sandbox/protocol.hpp"

using namespace perilune::sandbox;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes{reinterpret_cast<const std::byte*>(data), size};
  if (const auto request = decode_request(bytes)) {
    const auto again = decode_request(encode(*request));
    if (!again || again->id != request->id || again->slot != request->slot) std::abort();
  }
  for (const std::size_t fds : {0U, 3U, 18U}) {
    const auto event = decode_event(bytes, fds);
    if (event && !decode_event(encode(*event), fds)) std::abort();
  }
  return 0;
}
