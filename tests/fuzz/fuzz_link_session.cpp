/// Whole sessions: the first byte chooses which end is attacked, the rest is datagrams of frames.
/// In between the attacked end does what it would do (opens streams, grants credit, answers).

#include <algorithm>
#include <cstdlib>

#include "runtime/link/session.hpp"

namespace {

using namespace perilune::link;
using From = FrameReader::From;

template <typename Handler>
void each_frame(View bytes, From from, Handler handler) {
  FrameReader reader{bytes, from};
  while (const auto frame = reader.next()) {
    if (!handler(*frame)) return;
  }
}

void host_requests(View bytes) {
  StreamLedger ledger;
  std::uint64_t received = 0;
  std::uint64_t allowed = 0;
  for (std::uint32_t id = 1; id <= 8; ++id) {
    ledger.opened(id, static_cast<std::uint8_t>(id));
    ledger.sent_body(id, id * 1000);
    allowed += kInitialCredit;
  }
  each_frame(bytes, From::WorkerRequests, [&](const Frame& frame) {
    const bool fine = ledger.accept(frame);
    if (fine != ledger.reason().empty()) std::abort();
    if (!fine) return false;
    if (frame.header.type == FrameType::Response || frame.header.type == FrameType::Data) {
      received += ledger.body().size();
      if (received > allowed) std::abort();
      ledger.granted(frame.header.stream, 100);
      allowed += 100;
    }
    return true;
  });
}

void worker_requests(View bytes) {
  RequestLedger ledger{kInitialCredit, 4};
  each_frame(bytes, From::HostRequests, [&](const Frame& frame) {
    const auto verdict = ledger.accept(frame);
    if ((verdict == RequestLedger::Verdict::Violation) == ledger.reason().empty()) std::abort();
    if (verdict == RequestLedger::Verdict::Violation) return false;
    const std::uint32_t id = frame.header.stream;
    if (verdict == RequestLedger::Verdict::Take && frame.header.type == FrameType::Body)
      ledger.granted(id, static_cast<std::uint32_t>(frame.payload.size()));
    ledger.sent_body(id, std::min<std::uint32_t>(ledger.credit_left(id), 10));
    if (ledger.live() > 4) std::abort();
    if (ledger.live() > 3) ledger.finished(id);
    return true;
  });
}

void host_control(View bytes, bool check) {
  ControlLedger ledger;
  Configure configure;
  configure.job = check ? Job::Check : Job::Serve;
  ledger.configured(configure);
  ledger.pinged(0);
  each_frame(bytes, From::WorkerControl, [&](const Frame& frame) {
    const bool fine = ledger.accept(frame);
    if (fine != ledger.reason().empty()) std::abort();
    ledger.start_sent();
    return fine;
  });
}

void worker_control(View bytes) {
  BootLedger ledger;
  each_frame(bytes, From::HostControl, [&](const Frame& frame) {
    const bool fine = ledger.accept(frame);
    if (fine != ledger.reason().empty()) std::abort();
    return fine;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const View rest = std::as_bytes(std::span{data + 1, size - 1});
  switch (data[0] % 5) {
    case 0: host_requests(rest); break;
    case 1: worker_requests(rest); break;
    case 2: host_control(rest, true); break;
    case 3: host_control(rest, false); break;
    default: worker_control(rest); break;
  }
  return 0;
}
