#include "runtime/modules/http_backend.hpp"

#include <utility>

#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

struct StreamBackendSlot {
  explicit StreamBackendSlot(Vm&) {}
  MakeStreamBackend make = nullptr;
};

struct Row {
  std::string_view name;
  std::string_view sentence;
};

Row row(HttpErrc code) noexcept {
  switch (code) {
    case HttpErrc::OutOfOrder:
      return {"out_of_order", "Operation is out of order for the socket's state"};
    case HttpErrc::NativeStreamUnsupported:
      return {"native_stream_unsupported", "The peer can't take a message of unknown length"};
    case HttpErrc::ParsingError: return {"parsing_error", "Malformed HTTP message"};
    case HttpErrc::BufferExhausted:
      return {"buffer_exhausted", "A line of the message's head is over its limit"};
    case HttpErrc::WrongDirection:
      return {"wrong_direction", "The socket is in use in the other direction"};
    case HttpErrc::BodyTooLarge:
      return {"body_too_large", "The message's body is over the limit body"};
    case HttpErrc::HeadersTooLarge:
      return {"headers_too_large", "The message's headers are over their limit"};
    case HttpErrc::InvalidHeader:
      return {"invalid_header", "Part of the message's head can't be written"};
    case HttpErrc::ContentLengthMismatch:
      return {"content_length_mismatch", "The body is not as long as content-length says"};
  }
  return {"unknown", "Unknown HTTP error"};
}

}  // namespace

std::string_view name(HttpErrc code) noexcept { return row(code).name; }
std::string_view sentence(HttpErrc code) noexcept { return row(code).sentence; }

Step HttpBackend::fail(HttpErrc code, std::string detail) {
  fault_ = HttpFault{code, std::move(detail), {}};
  return Step::Failed;
}

Step HttpBackend::fail(IoError error) {
  fault_ = HttpFault{{}, {}, std::move(error)};
  return Step::Failed;
}

void set_http_stream_backend(Vm& vm, MakeStreamBackend make) {
  vm.slot<StreamBackendSlot>().make = make;
}

MakeStreamBackend http_stream_backend_of(Vm& vm) { return vm.slot<StreamBackendSlot>().make; }

}  // namespace perilune::runtime
