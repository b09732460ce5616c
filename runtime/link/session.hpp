#pragma once

/// @file
/// Which frame may come when: one state machine per direction and kind of socket.
///
/// Each end feeds its checker with what it sent itself (`opened`, `granted`, ...) and asks it about
/// every frame that it receives. A refused frame is a protocol violation: the host kills the worker
/// and counts `reason()` (a literal, safe as a metric label); the worker exits. A checker that has
/// refused a frame refuses everything after it. Not thread-safe; one per socket.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/limits.hpp"
#include "runtime/link/frame.hpp"
#include "runtime/link/messages.hpp"

namespace perilune::link {

/// Bytes of a body that may be in flight per stream and direction: both ends start with it.
[[nodiscard]] std::uint32_t stream_window(const Limits& limits) noexcept;

/// What all checkers share: once wrong, always wrong.
class Checker {
 public:
  /// Why a frame was refused; empty while all is well.
  [[nodiscard]] std::string_view reason() const noexcept { return reason_; }

 protected:
  bool refuse(std::string_view reason) noexcept {
    if (reason_.empty()) reason_ = reason;
    return false;
  }

 private:
  std::string_view reason_;
};

/// Live streams by id, without an allocation per stream once as many were open before.
template <typename State>
class StreamTable {
 public:
  [[nodiscard]] State* find(std::uint32_t stream) noexcept {
    const auto found = streams_.find(stream);
    return found == streams_.end() ? nullptr : &found->second;
  }
  State& open(std::uint32_t stream) {
    last_ = stream;
    if (spare_.empty()) return streams_.try_emplace(stream).first->second;
    auto node = std::move(spare_.back());
    spare_.pop_back();
    node.key() = stream;
    node.mapped() = State{};
    return streams_.insert(std::move(node)).position->second;
  }
  void close(std::uint32_t stream) {
    if (auto node = streams_.extract(stream)) spare_.push_back(std::move(node));
  }
  [[nodiscard]] std::size_t size() const noexcept { return streams_.size(); }
  /// The greatest id so far.
  [[nodiscard]] std::uint32_t last() const noexcept { return last_; }

 private:
  using Map = std::unordered_map<std::uint32_t, State>;
  Map streams_;
  std::vector<typename Map::node_type> spare_;
  std::uint32_t last_ = 0;
};

/// Host: checks what a worker sends on a request link.
class StreamLedger : public Checker {
 public:
  /// `window`: see `stream_window`.
  explicit StreamLedger(std::uint32_t window = kInitialCredit) noexcept : window_{window} {}

  // -- what the host did ------------------------------------------------------------------------
  /// A Request was sent. `stream` must be greater than every one before; `flags` are the head's.
  void opened(std::uint32_t stream, std::uint8_t flags);
  /// Body bytes were sent: the worker may give back so much credit.
  void sent_body(std::uint32_t stream, std::size_t bytes) noexcept;
  /// Credit was sent: the worker may send so many more response body bytes.
  void granted(std::uint32_t stream, std::uint32_t bytes) noexcept;

  // -- what the worker did ----------------------------------------------------------------------
  /// True if the frame is allowed now (after the host's Cancel too: what was in flight may come,
  /// Done must). Decodes it on the way; the payload of the last accepted frame is at hand below.
  [[nodiscard]] bool accept(const Frame& frame);

  [[nodiscard]] const ResponseHead& response() const noexcept { return head_; }  ///< Response
  [[nodiscard]] View body() const noexcept { return body_; }                     ///< Response, Data
  [[nodiscard]] const std::vector<Header>& trailers() const noexcept { return trailers_; }
  [[nodiscard]] std::uint32_t credit() const noexcept { return credit_; }  ///< BodyCredit
  [[nodiscard]] const Done& done() const noexcept { return done_; }        ///< Done

  /// Streams without a Done yet.
  [[nodiscard]] std::size_t live() const noexcept { return streams_.size(); }
  /// The response's head came. False for a stream that is not live.
  [[nodiscard]] bool has_response(std::uint32_t stream) noexcept;
  /// The response came to its end.
  [[nodiscard]] bool complete(std::uint32_t stream) noexcept;
  /// Response body bytes that the worker may still send.
  [[nodiscard]] std::uint32_t credit_left(std::uint32_t stream) noexcept;

 private:
  struct Stream {
    enum class Phase : std::uint8_t { Waiting, Body, Complete } phase = Phase::Waiting;
    bool may_continue = false;
    bool head_request = false;
    bool bodiless = false;
    std::uint32_t credit = 0;         ///< the worker may send so much
    std::uint32_t unreturned = 0;     ///< the worker may give back so much
    std::uint64_t left = UINT64_MAX;  ///< of the declared length; UINT64_MAX: none declared
  };
  bool accept_response(Stream& stream, const Frame& frame);
  bool accept_body(Stream& stream, View bytes, bool end);
  bool accept_trailers(Stream& stream, const Frame& frame);
  bool accept_body_credit(Stream& stream, const Frame& frame);
  bool accept_done(const Stream& stream, const Frame& frame);

  StreamTable<Stream> streams_;
  std::uint32_t window_;
  ResponseHead head_;
  View body_;
  std::vector<Header> trailers_;
  std::uint32_t credit_ = 0;
  Done done_;
};

/// Worker: checks what the host sends on a request link.
class RequestLedger : public Checker {
 public:
  enum class Verdict : std::uint8_t {
    Take,       ///< handle it
    Ignore,     ///< it crossed this stream's Done
    Violation,  ///< see `reason()`
  };

  /// `most`: streams that may be live at once.
  RequestLedger(std::uint32_t window, std::size_t most) noexcept : window_{window}, most_{most} {}

  // -- what the worker did ----------------------------------------------------------------------
  /// BodyCredit was sent.
  void granted(std::uint32_t stream, std::uint32_t bytes) noexcept;
  /// Response body bytes were sent; they must be within `credit_left`.
  void sent_body(std::uint32_t stream, std::size_t bytes) noexcept;
  /// Done was sent.
  void finished(std::uint32_t stream);

  // -- what the host did ------------------------------------------------------------------------
  [[nodiscard]] Verdict accept(const Frame& frame);

  [[nodiscard]] const RequestHead& request() const noexcept { return head_; }
  [[nodiscard]] const std::vector<Header>& trailers() const noexcept { return trailers_; }
  [[nodiscard]] std::uint32_t credit() const noexcept { return credit_; }
  [[nodiscard]] std::uint32_t credit_left(std::uint32_t stream) noexcept;
  [[nodiscard]] std::size_t live() const noexcept { return streams_.size(); }

 private:
  struct Stream {
    bool body_open = false;
    bool canceled = false;
    std::uint32_t credit = 0;         ///< we may send so much
    std::uint32_t body_credit = 0;    ///< the host may send so much
    std::uint64_t left = UINT64_MAX;  ///< of the declared length
  };
  bool accept_request(const Frame& frame);
  bool accept_for(Stream& stream, const Frame& frame);
  bool accept_body(Stream& stream, const Frame& frame);
  bool accept_credit(Stream& stream, const Frame& frame);

  StreamTable<Stream> streams_;
  std::uint32_t window_;
  std::size_t most_;
  RequestHead head_;
  std::vector<Header> trailers_;
  std::uint32_t credit_ = 0;
};

/// Follows the pieces of files on a control link.
class ChunkOrder {
 public:
  /// False if the piece does not go on where the one before ended, or there is too much.
  [[nodiscard]] bool accept(const Chunk& chunk, std::uint64_t most_bytes, std::uint64_t most_files);
  /// No file is half there.
  [[nodiscard]] bool between_files() const noexcept { return offset_ == total_; }
  [[nodiscard]] std::uint64_t files() const noexcept { return files_; }

 private:
  std::string path_;
  std::uint64_t offset_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t files_ = 0;
};

/// Host: checks what a worker sends on the control link.
/// Ready → (after Start) [FileOut | Manifest | Diagnostic | Log]* → Started | Failed → [Log]*;
/// Pong whenever a ping is out, Inspection whenever an Inspect is.
class ControlLedger : public Checker {
 public:
  enum class Phase : std::uint8_t { Booting, Ready, Starting, Serving, Failed };

  /// What a check may report at most.
  static constexpr std::size_t kMaxDiagnostics = 1000;
  static constexpr std::size_t kMaxManifestEntries = 5000;

  void configured(const Configure& configure) noexcept;  ///< Configure was sent
  void start_sent() noexcept;                            ///< Start was sent
  void pinged(std::uint64_t token);                      ///< Ping was sent
  void inspected(std::uint64_t token);                   ///< Inspect was sent

  [[nodiscard]] bool accept(const Frame& frame);
  [[nodiscard]] Phase phase() const noexcept { return phase_; }

 private:
  bool accept_report(const Frame& frame);
  bool accept_end(const Frame& frame);
  bool accept_pong(const Frame& frame);
  bool accept_inspection(const Frame& frame);

  Phase phase_ = Phase::Booting;
  bool checking_ = false;
  Limits limits_;
  ChunkOrder files_;
  std::size_t diagnostics_ = 0;
  std::size_t entries_ = 0;
  std::vector<std::uint64_t> pings_;
  std::vector<std::uint64_t> inspects_;
  std::uint32_t inspection_total_ = 0;  ///< of the answer that is under way
  std::uint32_t inspection_offset_ = 0;
};

/// Worker: checks what the host sends on the control link.
/// Configure → [Env | File]* → Start → Inspect*; Ping and Stop at any time, Stop once.
class BootLedger : public Checker {
 public:
  enum class Phase : std::uint8_t { Fresh, Loading, Started };

  [[nodiscard]] bool accept(const Frame& frame);
  [[nodiscard]] Phase phase() const noexcept { return phase_; }

 private:
  bool accept_file(const Frame& frame);
  bool accept_env(const Frame& frame);

  Phase phase_ = Phase::Fresh;
  bool stopped_ = false;
  Job job_ = Job::Serve;
  Packing packing_ = Packing::Files;
  Limits limits_;
  ChunkOrder files_;
  std::size_t env_ = 0;
};

}  // namespace perilune::link
