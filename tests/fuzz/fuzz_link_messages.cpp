/// A payload of any type: the first byte chooses which. What is accepted must encode to the same
/// bytes again.

#include <algorithm>
#include <cstdlib>

#include "runtime/link/messages.hpp"

namespace {

using namespace perilune::link;

void compare(const Bytes_& again, View payload) {
  if (!std::equal(again.begin(), again.end(), payload.begin(), payload.end())) std::abort();
}

template <typename Message>
void try_decode(View payload) {
  const auto message = Message::decode(payload);
  if (!message) return;
  Bytes_ again;
  message->encode(again);
  compare(again, payload);
}

void try_response(View payload) {
  View rest;
  const auto head = ResponseHead::decode(payload, rest);
  if (!head) return;
  Bytes_ again;
  head->encode(again);
  again.insert(again.end(), rest.begin(), rest.end());
  compare(again, payload);
}

void try_headers(View payload) {
  const auto headers = decode_headers(payload);
  if (!headers) return;
  Bytes_ again;
  encode_headers(*headers, again);
  compare(again, payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const View payload = std::as_bytes(std::span{data + 1, size - 1});
  switch (data[0] % 15) {
    case 0: try_decode<Configure>(payload); break;
    case 1: try_decode<Chunk>(payload); break;
    case 2: try_decode<Diagnostic>(payload); break;
    case 3: try_decode<ManifestEntry>(payload); break;
    case 4: try_decode<Started>(payload); break;
    case 5: try_decode<Failed>(payload); break;
    case 6: try_decode<LogRecord>(payload); break;
    case 7: try_decode<Pong>(payload); break;
    case 8: try_decode<RequestHead>(payload); break;
    case 9: try_response(payload); break;
    case 10: try_decode<Done>(payload); break;
    case 11: try_headers(payload); break;
    case 13: try_decode<Inspection>(payload); break;
    case 12: static_cast<void>(decode_credit(payload)); break;
    default: static_cast<void>(decode_ping(payload)); break;
  }
  return 0;
}
