#pragma once

/// @file
/// The bytes between host and worker: which frames there are and how they lie in a datagram.
///
/// Transport: SOCK_SEQPACKET. A datagram holds one or more whole frames and is at most
/// `kMaxDatagram` bytes. All integers are little-endian. Two kinds of socket use it:
///  * the **control link** (one per worker, file descriptor 3 in the worker): boot, bundle, start,
///    stop, ping, log records; stream is always 0;
///  * a **request link** (one per host thread, file descriptors 4...): requests and their bodies.
/// Neither side ever passes or accepts a file descriptor here. Whatever is malformed, too long, of
/// an unknown type, or not allowed in the receiver's state is a protocol violation: the host kills
/// the worker, the worker exits.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace perilune::link {

inline constexpr std::size_t kHeaderSize = 8;
inline constexpr std::size_t kMaxDatagram = 64 * 1024 - 512;
/// A frame's payload always fits into a datagram of its own.
inline constexpr std::size_t kMaxPayload = kMaxDatagram - kHeaderSize;
/// Body bytes are sent in pieces of at most this, so that several streams share a datagram fairly.
inline constexpr std::size_t kMaxBodyPiece = 16 * 1024;

enum class FrameType : std::uint8_t {
  // control link, host -> worker
  Configure = 1,  ///< payload: `Configure`. First frame; once.
  File,           ///< payload: `Chunk`. A piece of a bundle file (serve) or of the upload (check).
  Start,          ///< empty. All files are there: unpack if asked, compile, run the entry file.
  Ping,           ///< payload: u64 token.
  Stop,           ///< empty. Finish what runs, take nothing new, then exit 0.
  Env,            ///< payload: header list. More environment entries, between Configure and Start.
  Inspect,        ///< payload: u64 token. Say what the fibers are doing; after Start.
  // control link, worker -> host
  Ready = 32,  ///< empty. Locked down; may be configured.
  FileOut,     ///< payload: `Chunk`. A file that the upload held (check only).
  Manifest,    ///< payload: `ManifestEntry`. One key of perilune.toml (check only).
  Diagnostic,  ///< payload: `Diagnostic`.
  Started,     ///< payload: `Started`. Serving, or: the check passed.
  Failed,      ///< payload: `Failed`. The app does not start; the worker exits.
  Log,         ///< payload: `LogRecord`.
  Pong,        ///< payload: `Pong`.
  Inspection,  ///< payload: `Inspection`. A piece of the answer to Inspect; in order of the
               ///< questions.
  // request link, host -> worker
  Request = 64,  ///< payload: `RequestHead`. Opens `stream` (ids grow, never reused on a link).
  Body,          ///< raw bytes of the request's body; flag kEnd on the last. Costs credit.
  Trailers,      ///< payload: header list; ends the body.
  Cancel,  ///< empty. The client is gone or the time is up; answer with Done as soon as may be.
  Credit,  ///< payload: u32. The worker may send so many more response body bytes.
  // request link, worker -> host
  Continue = 96,  ///< empty. Send "100 Continue".
  Response,  ///< payload: `ResponseHead`, then body bytes to the frame's end; flag kEnd: complete.
  Data,      ///< raw bytes of the response's body; flag kEnd on the last. Costs credit.
  ResponseTrailers,  ///< payload: header list; ends the response.
  BodyCredit,        ///< payload: u32. The host may send so many more request body bytes.
  Done,              ///< payload: `Done`. Last frame of a stream, always sent, exactly once.
};

inline constexpr std::uint8_t kEnd = 1;  ///< flag: the body ends with this frame

/// Request and response bodies start with this much credit in each direction; `Configure` may raise
/// it.
inline constexpr std::uint32_t kInitialCredit = 64 * 1024;

struct FrameHeader {
  FrameType type;
  std::uint8_t flags;
  std::uint16_t length;  ///< of the payload
  std::uint32_t stream;
};

struct Frame {
  FrameHeader header;
  std::span<const std::byte> payload;  ///< into the datagram
};

/// What `receive` found.
enum class Received : std::uint8_t {
  Datagram,  ///< `datagram` holds it
  Nothing,   ///< would block
  Closed,    ///< the peer is gone
  Broken,    ///< too long, or it carried a descriptor: a violation
};

/// One recvmsg(2) into `buffer` (at least `kMaxDatagram` bytes), without blocking and without room
/// for descriptors.
[[nodiscard]] Received receive(int fd, std::span<std::byte> buffer,
                               std::span<const std::byte>& datagram) noexcept;

/// Walks the frames of one received datagram.
///
/// `next()` is empty at the clean end *and* on damage; ask `damaged()` then. Checks lengths, that
/// the type is one that this side may receive on this kind of socket, that the flags are ones that
/// the type knows, that stream 0 is the control link's and only its, and that a frame without
/// payload has none; not the payload.
class FrameReader {
 public:
  enum class From : std::uint8_t { HostControl, HostRequests, WorkerControl, WorkerRequests };

  FrameReader(std::span<const std::byte> datagram, From from) noexcept
      : rest_{datagram}, from_{from} {}
  [[nodiscard]] std::optional<Frame> next() noexcept;
  [[nodiscard]] bool damaged() const noexcept { return damaged_; }

 private:
  std::span<const std::byte> rest_;
  From from_;
  bool damaged_ = false;
};

/// Collects frames into datagrams for one flush. Bounded by who uses it: credit for bodies, limits
/// for heads.
class FrameBatch {
 public:
  /// Appends a frame. `payload` must be at most `kMaxPayload` bytes (a bug otherwise: throws).
  void add(FrameType type, std::uint32_t stream, std::span<const std::byte> payload,
           std::uint8_t flags = 0);
  /// Starts a frame whose payload the caller appends to the returned buffer; `finish_frame` closes
  /// it. A payload beyond `kMaxPayload` is a bug: `finish_frame` drops the frame and throws.
  std::vector<std::byte>& begin_frame(FrameType type, std::uint32_t stream, std::uint8_t flags = 0);
  void finish_frame();
  /// Bytes that the open frame's payload may still take.
  [[nodiscard]] std::size_t room() const noexcept;
  /// Encodes `message` (anything with `encode`) as one frame.
  template <typename Message>
  void add_message(FrameType type, std::uint32_t stream, const Message& message,
                   std::uint8_t flags = 0) {
    message.encode(begin_frame(type, stream, flags));
    finish_frame();
  }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  /// Bytes that are not sent yet.
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() - sent_; }
  /// Sends whole datagrams, each as full as frames go, until all is sent (true) or the socket would
  /// block (false, the rest is kept; frames may be added). errno is kept in `error()` when the peer
  /// is gone; then returns true and drops the rest. One sendmsg(2) per datagram, never blocks.
  bool flush(int fd);
  [[nodiscard]] int error() const noexcept { return error_; }
  void clear() noexcept;

 private:
  std::vector<std::byte> bytes_;
  std::vector<std::size_t> ends_;  ///< offsets at which a frame ends
  std::size_t sent_ = 0;           ///< bytes
  std::size_t sent_frames_ = 0;
  std::size_t open_ = 0;  ///< offset of the open frame
  int error_ = 0;
};

}  // namespace perilune::link
