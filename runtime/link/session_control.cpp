#include <algorithm>

#include "runtime/link/session.hpp"

namespace perilune::link {
namespace {

constexpr std::uint64_t kMostBytes = 1ULL << 30U;
constexpr std::uint64_t kMostFiles = 100'000;

}  // namespace

bool ChunkOrder::accept(const Chunk& chunk, std::uint64_t most_bytes, std::uint64_t most_files) {
  if (between_files()) {
    if (chunk.offset != 0 || files_ >= most_files || chunk.total > most_bytes - bytes_)
      return false;
    path_ = chunk.path;
    offset_ = 0;
    total_ = chunk.total;
    bytes_ += chunk.total;
    ++files_;
  } else if (chunk.path != path_ || chunk.offset != offset_ || chunk.total != total_) {
    return false;
  }
  offset_ += chunk.data.size();
  return true;
}

// -- host
// ------------------------------------------------------------------------------------------

void ControlLedger::configured(const Configure& configure) noexcept {
  checking_ = configure.job == Job::Check;
  limits_ = configure.limits;
}

void ControlLedger::start_sent() noexcept {
  if (phase_ == Phase::Ready) phase_ = Phase::Starting;
}

void ControlLedger::pinged(std::uint64_t token) { pings_.push_back(token); }

void ControlLedger::inspected(std::uint64_t token) { inspects_.push_back(token); }

bool ControlLedger::accept(const Frame& frame) {
  if (!reason().empty()) return false;
  const FrameType type = frame.header.type;
  if (phase_ == Phase::Booting) {
    if (type != FrameType::Ready) return refuse("before_ready");
    phase_ = Phase::Ready;
    return true;
  }
  switch (type) {
    case FrameType::Ready: return refuse("second_ready");
    case FrameType::FileOut:
    case FrameType::Manifest:
    case FrameType::Diagnostic: return accept_report(frame);
    case FrameType::Started:
    case FrameType::Failed: return accept_end(frame);
    case FrameType::Log:
      if (phase_ == Phase::Ready) return refuse("log_unexpected");
      return LogRecord::decode(frame.payload) || refuse("bad_log");
    case FrameType::Pong: return accept_pong(frame);
    case FrameType::Inspection: return accept_inspection(frame);
    default: return refuse("unknown_type");
  }
}

bool ControlLedger::accept_report(const Frame& frame) {
  if (phase_ != Phase::Starting) return refuse("report_unexpected");
  if (frame.header.type == FrameType::Diagnostic) {
    if (++diagnostics_ > kMaxDiagnostics) return refuse("too_many_diagnostics");
    return Diagnostic::decode(frame.payload) || refuse("bad_diagnostic");
  }
  if (!checking_) return refuse("report_unexpected");
  if (frame.header.type == FrameType::Manifest) {
    if (++entries_ > kMaxManifestEntries) return refuse("too_many_entries");
    return ManifestEntry::decode(frame.payload) || refuse("bad_manifest");
  }
  const auto chunk = Chunk::decode(frame.payload);
  if (!chunk || chunk->path.empty()) return refuse("bad_file");
  return files_.accept(*chunk, limits_.raw(Limit::BundleUnpacked),
                       limits_.raw(Limit::BundleFiles)) ||
         refuse("file_order");
}

bool ControlLedger::accept_end(const Frame& frame) {
  if (phase_ != Phase::Starting) return refuse("end_unexpected");
  if (frame.header.type == FrameType::Failed) {
    if (!Failed::decode(frame.payload)) return refuse("bad_failed");
    phase_ = Phase::Failed;
    return true;
  }
  if (!Started::decode(frame.payload)) return refuse("bad_started");
  if (!files_.between_files()) return refuse("file_order");
  phase_ = Phase::Serving;
  return true;
}

bool ControlLedger::accept_pong(const Frame& frame) {
  const auto pong = Pong::decode(frame.payload);
  if (!pong) return refuse("bad_pong");
  if (pings_.empty() || pings_.front() != pong->token) return refuse("pong_unexpected");
  pings_.erase(pings_.begin());
  return true;
}

bool ControlLedger::accept_inspection(const Frame& frame) {
  const auto piece = Inspection::decode(frame.payload);
  if (!piece) return refuse("bad_inspection");
  if (inspects_.empty() || inspects_.front() != piece->token)
    return refuse("inspection_unexpected");
  if (inspection_offset_ == 0) inspection_total_ = piece->total;
  if (piece->offset != inspection_offset_ || piece->total != inspection_total_)
    return refuse("inspection_order");
  inspection_offset_ += static_cast<std::uint32_t>(piece->text.size());
  if (inspection_offset_ < inspection_total_) return true;
  inspection_offset_ = 0;
  inspects_.erase(inspects_.begin());
  return true;
}

// -- worker
// ----------------------------------------------------------------------------------------

bool BootLedger::accept(const Frame& frame) {
  if (!reason().empty()) return false;
  switch (frame.header.type) {
    case FrameType::Configure: {
      if (phase_ != Phase::Fresh) return refuse("second_configure");
      const auto configure = Configure::decode(frame.payload);
      if (!configure) return refuse("bad_configure");
      job_ = configure->job;
      packing_ = configure->packing;
      limits_ = configure->limits;
      env_ = configure->env.size();
      phase_ = Phase::Loading;
      return true;
    }
    case FrameType::Env: return accept_env(frame);
    case FrameType::File: return accept_file(frame);
    case FrameType::Start:
      if (phase_ != Phase::Loading || !files_.between_files()) return refuse("start_unexpected");
      phase_ = Phase::Started;
      return true;
    case FrameType::Ping: return decode_ping(frame.payload) || refuse("bad_ping");
    case FrameType::Inspect:
      if (phase_ != Phase::Started) return refuse("inspect_unexpected");
      return decode_ping(frame.payload) || refuse("bad_inspect");
    case FrameType::Stop:
      if (stopped_) return refuse("second_stop");
      stopped_ = true;
      return true;
    default: return refuse("unknown_type");
  }
}

bool BootLedger::accept_env(const Frame& frame) {
  if (phase_ != Phase::Loading) return refuse("env_unexpected");
  const auto env = decode_headers(frame.payload, kMaxEnv);
  if (!env) return refuse("bad_env");
  env_ += env->size();
  return env_ <= kMaxEnv || refuse("too_many_env");
}

bool BootLedger::accept_file(const Frame& frame) {
  if (phase_ != Phase::Loading) return refuse("file_unexpected");
  const auto chunk = Chunk::decode(frame.payload);
  if (!chunk) return refuse("bad_file");
  const bool packed = packing_ != Packing::Files;
  if (chunk->path.empty() != packed) return refuse("bad_file");
  // An upload beyond its limits is a finding for the uploader, which the check reports; here only
  // what no host sends.
  return files_.accept(*chunk, kMostBytes, packed ? 1 : kMostFiles) || refuse("file_order");
}

}  // namespace perilune::link
