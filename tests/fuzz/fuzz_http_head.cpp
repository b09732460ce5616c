// The gateway's parser of request heads and its chunk decoder: never crash, never overrun, and give
// the same verdict however the bytes are cut.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "host/http1/bytes.hpp"
#include "host/http1/chunks.hpp"
#include "host/http1/head_parser.hpp"

namespace {

using namespace perilune::http1;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Verdict {
  HeadParser::Step step = HeadParser::Step::NeedMore;
  std::string_view code;
  std::size_t size = 0;
};

Verdict parse(const std::string& bytes, std::size_t piece, RequestHead& head) {
  HeadParser parser{HeadLimits{}};
  for (std::size_t size = std::min(piece, bytes.size());;
       size = std::min(size + piece, bytes.size())) {
    const auto step = parser.parse(std::string_view{bytes}.substr(0, size), head);
    if (step != HeadParser::Step::NeedMore || size == bytes.size())
      return {step, parser.refusal().code, parser.size()};
  }
}

std::string decode(std::string_view bytes, std::size_t piece) {
  ChunkDecoder decoder{1U << 16U, HeadLimits{}};
  std::string out;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, piece);
    const std::size_t before = part.size();
    std::string_view data;
    const auto event = decoder.next(part, data);
    bytes.remove_prefix(before - part.size());
    if (event == ChunkDecoder::Event::Data) out += data;
    if (event == ChunkDecoder::Event::End) return out + "|end";
    if (event == ChunkDecoder::Event::Refused) return "refused";
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 16 + 1U;
  const std::string bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  RequestHead whole;
  RequestHead cut;
  const Verdict one = parse(bytes, bytes.size() + 1, whole);
  const Verdict many = parse(bytes, piece, cut);
  require(one.step == many.step);
  if (one.step == HeadParser::Step::Complete) {
    require(one.size == many.size && one.size <= bytes.size());
    require(whole.headers.size() == cut.headers.size() && whole.headers.size() <= 101);
    require(!whole.method.empty() && all(whole.method, kMethod) && all(whole.target, kTarget));
    for (const auto& field : whole.headers)
      require(!field.name.empty() && all(field.name, kToken) && all(field.value, kValue));
    require(!(whole.chunked && whole.content_length > 0));
  }
  require(decode(bytes, bytes.size() + 1) == decode(bytes, piece));
  return 0;
}
