#pragma once

/// @file
/// The payloads of the link's frames, each with `encode` (appends) and `decode` (strict: every
/// length checked, nothing left over, enumerators in range; empty on any damage).
///
/// Strings in decoded values are views into the datagram: copy what must outlive it.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/limits.hpp"
#include "runtime/outcome.hpp"

namespace perilune::link {

/// Headers of a request or response, entries of an environment list: the wire's own bounds. An
/// app's limits are at or below them.
inline constexpr std::size_t kMaxHeaders = 500;
inline constexpr std::size_t kMaxEnv = 1000;
inline constexpr std::size_t kMaxPath = 1024;
inline constexpr std::size_t kMaxExcerpt = 200;
inline constexpr std::size_t kMaxInspection = 512 * 1024;

using Bytes_ = std::vector<std::byte>;
using View = std::span<const std::byte>;

struct Header {
  std::string_view name;  ///< as received (requests) or as the app wrote it (responses)
  std::string_view value;
};

/// What a worker is to do with the bundle that follows.
enum class Job : std::uint8_t {
  Serve,  ///< run the app and answer requests
  Check,  ///< unpack, check syntax, dry-start, report; never serve
};

/// How the upload of a check is packed.
enum class Packing : std::uint8_t { Files, Lua, TarGz, Zip };

struct Configure {
  Job job = Job::Serve;
  Packing packing = Packing::Files;
  bool jit = false;
  std::uint64_t seed_low = 0;  ///< 128 random bits from the host for the VMs' generators
  std::uint64_t seed_high = 0;
  std::int64_t wall_offset_ns = 0;  ///< reserved for clock policy; 0
  Limits limits;
  std::string_view tenant;
  std::string_view app;
  std::string_view version;
  std::string_view entry;       ///< entry file; "init.lua" by default
  std::uint16_t http_port = 0;  ///< bound port that the gateway delivers to; 0: the first one bound
  std::vector<Header> env;      ///< name, value; as many as fit, the others follow in Env frames

  void encode(Bytes_& out) const;
  [[nodiscard]] static std::optional<Configure> decode(View payload);
};

/// A piece of a file; pieces of one file follow each other, in order. For Packing::{Lua,TarGz,Zip}
/// there is one "file" with an empty path: the upload itself.
struct Chunk {
  std::string_view path;
  std::uint32_t total = 0;  ///< size of the whole file
  std::uint32_t offset = 0;
  View data;  ///< at most kMaxBodyPiece bytes

  void encode(Bytes_& out) const;
  [[nodiscard]] static std::optional<Chunk> decode(View payload);
};

enum class Severity : std::uint8_t { Error, Warning };

/// A finding in the bundle, for a person: file:line:column.
struct Diagnostic {
  Severity severity = Severity::Error;
  std::string_view
      code{};  ///< snake_case: syntax_error, path_escapes, too_many_files, unknown_key ...
  std::string_view file{};
  std::uint32_t line = 0;    ///< 0: none
  std::uint32_t column = 0;  ///< 0: none
  std::string_view message{};
  std::string_view excerpt{};  ///< the source line, at most 200 bytes
  std::string_view help{};

  void encode(Bytes_& out) const;
  [[nodiscard]] static std::optional<Diagnostic> decode(View payload);
};

enum class ValueType : std::uint8_t { String, Integer, Boolean, Float };

/// One leaf of perilune.toml: key path with dots and array indices, "limits.memory",
/// "cron[0].name".
struct ManifestEntry {
  std::string_view key{};
  ValueType type = ValueType::String;
  std::string_view value{};  ///< as text
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  void encode(Bytes_& out) const;
  [[nodiscard]] static std::optional<ManifestEntry> decode(View payload);
};

enum class AppStyle : std::uint8_t { Handler, Loop };

struct Started {
  AppStyle style = AppStyle::Handler;
  std::uint16_t port = 0;  ///< loop style: the bound port
  std::uint32_t startup_cpu_us = 0;
  void encode(Bytes_& out) const;
  [[nodiscard]] static std::optional<Started> decode(View payload);
};

struct Failed {
  std::string_view code{};     ///< script_error, cpu_limit, memory_limit, wall_limit, no_entry,
                               ///< not_serving, bad_bundle
  std::string_view message{};  ///< with traceback
  void encode(Bytes_& out) const;
  [[nodiscard]] static std::optional<Failed> decode(View payload);
};

enum class LogLevel : std::uint8_t { Debug, Info, Warn, Error };

struct LogRecord {
  LogLevel level = LogLevel::Info;
  std::uint64_t request = 0;  ///< low half of the request id; 0: none
  std::uint64_t request_high = 0;
  std::uint32_t fiber = 0;
  std::string_view source{};  ///< "file:line" or empty
  std::string_view message{};
  std::string_view fields{};  ///< JSON object text made by the worker, or empty
  std::uint32_t dropped = 0;  ///< lines dropped before this one
  void encode(Bytes_& out) const;
  [[nodiscard]] static std::optional<LogRecord> decode(View payload);
};

struct Pong {
  std::uint64_t token = 0;
  std::uint64_t cpu_us = 0;  ///< the worker's own count, for display only
  std::uint64_t memory = 0;  ///< bytes of all VMs
  std::uint32_t vms = 0;
  std::uint32_t fibers = 0;
  std::uint32_t timers = 0;
  std::uint32_t running = 0;  ///< invocations
  void encode(Bytes_& out) const;
  [[nodiscard]] static std::optional<Pong> decode(View payload);
};

/// What the fibers of a worker's VM are doing, as JSON: not decoded here. Pieces follow each other.
struct Inspection {
  std::uint64_t token = 0;  ///< of the Inspect
  std::uint32_t total = 0;  ///< bytes of the whole answer, at most kMaxInspection
  std::uint32_t offset = 0;
  std::string_view text{};  ///< not empty unless `total` is 0; at most kMaxBodyPiece bytes
  void encode(Bytes_& out) const;
  [[nodiscard]] static std::optional<Inspection> decode(View payload);
};

struct RequestHead {
  enum Flags : std::uint8_t {
    kHasBody = 1,
    kExpectContinue = 2,
    kHead = 4,
    kNoStream = 8,
    kUpgrade = 16
  };
  std::uint64_t id_low = 0;  ///< request id
  std::uint64_t id_high = 0;
  std::uint32_t wall_ms = 0;  ///< time left
  std::uint8_t flags = 0;
  std::uint64_t content_length = UINT64_MAX;  ///< UINT64_MAX: unknown (chunked)
  std::string_view method;
  std::string_view target;
  std::string_view client;  ///< "127.0.0.1:4711"
  std::vector<Header> headers;
  void encode(Bytes_& out) const;
  [[nodiscard]] static std::optional<RequestHead> decode(View payload);
  /// The same into `*this`, which keeps its headers' memory. False on damage.
  [[nodiscard]] bool read(View payload);
};

struct ResponseHead {
  std::uint16_t status = 200;
  std::uint64_t content_length = UINT64_MAX;  ///< UINT64_MAX: streamed
  std::string_view reason;
  std::vector<Header> headers;
  void encode(Bytes_& out) const;
  /// `rest` receives what follows the head: the first body bytes.
  [[nodiscard]] static std::optional<ResponseHead> decode(View payload, View& rest);
  /// The same into `*this`, which keeps its headers' memory. False on damage.
  [[nodiscard]] bool read(View payload, View& rest);
};

struct Done {
  Outcome outcome = Outcome::Ok;
  std::uint32_t cpu_us = 0;
  std::uint32_t fibers = 0;  ///< most at once
  std::uint64_t memory = 0;  ///< the VM's bytes at the end
  void encode(Bytes_& out) const;
  [[nodiscard]] static std::optional<Done> decode(View payload);
};

/// Payload of Trailers, ResponseTrailers and Env.
void encode_headers(const std::vector<Header>& headers, Bytes_& out);
[[nodiscard]] std::optional<std::vector<Header>> decode_headers(View payload,
                                                                std::size_t most = kMaxHeaders);

/// Payload of Credit and BodyCredit: a count of bytes, not 0.
void encode_credit(std::uint32_t bytes, Bytes_& out);
[[nodiscard]] std::optional<std::uint32_t> decode_credit(View payload);
/// Payload of Ping and Inspect.
void encode_ping(std::uint64_t token, Bytes_& out);
[[nodiscard]] std::optional<std::uint64_t> decode_ping(View payload);

}  // namespace perilune::link
