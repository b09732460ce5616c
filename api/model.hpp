#pragma once

/// @file
/// The control plane's nouns: plain values that REST, store and host share.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/limits.hpp"
#include "runtime/link/messages.hpp"

namespace perilune::api {

/// Names one app: both are slugs `[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?`.
struct AppKey {
  std::string tenant;
  std::string app;
  friend auto operator<=>(const AppKey&, const AppKey&) = default;
};

/// Milliseconds since the Unix epoch.
using UnixMs = std::int64_t;

/// A finding in an upload, owned (link::Diagnostic views into a datagram).
struct Diagnostic {
  link::Severity severity = link::Severity::Error;
  std::string code;
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string message;
  std::string excerpt;
  std::string help;
};

/// What a bundle's perilune.toml asks for, checked against the limits table and the tenant's
/// ceiling.
struct Manifest {
  std::string name;
  std::string entry = "init.lua";
  std::uint16_t http_port = 0;
  Limits limits;
  std::map<std::string, std::string> env;
  std::vector<std::string> outbound;
};

/// One file of a bundle: path relative to its root, `/`-separated, already checked.
struct BundleFile {
  std::string path;
  std::string data;
};

/// What a throw-away worker found in an upload. `started`: the dry start passed.
struct CheckReport {
  std::vector<BundleFile> files;
  std::vector<Diagnostic> diagnostics;  ///< errors and warnings; more than 100 errors are cut
  std::vector<Diagnostic> manifest_errors;
  Manifest manifest;
  bool started = false;
  link::AppStyle style = link::AppStyle::Handler;
};

enum class AppState : std::uint8_t {
  NotDeployed,
  Idle,
  Starting,
  Running,
  BackingOff,
  CrashLoop,
  Suspended,
  IsolationFailed
};
[[nodiscard]] std::string_view name(AppState state) noexcept;

/// What the supervisor knows of a running app.
struct AppStatus {
  AppState state = AppState::NotDeployed;
  std::string version;
  std::string isolation;  ///< level of the live worker: "full" ...; empty without one
  bool jit = false;
  std::uint32_t pid = 0;
  std::uint64_t memory = 0;
  std::uint32_t fibers = 0;
  std::uint32_t restarts = 0;
  std::string last_exit;  ///< reason of the last worker death, or empty
  UnixMs since = 0;
};

struct LogEntry {
  std::int64_t sequence = 0;  ///< grows per app; the cursor
  UnixMs time = 0;
  link::LogLevel level = link::LogLevel::Info;
  std::string version;
  std::string request_id;  ///< 32 hex digits or empty
  std::uint32_t fiber = 0;
  std::string source;
  std::string message;
  std::string fields;  ///< JSON object text or empty
  std::uint32_t dropped = 0;
};

/// What a deployment makes of an app: what the gateway routes to and the supervisor runs.
struct DeployedApp {
  AppKey key;
  bool suspended = false;
  bool jit = false;              ///< the tenant's class
  std::uint64_t generation = 0;  ///< grows with each deployment
  std::string version;           ///< "" : not deployed
  Manifest manifest;
};

}  // namespace perilune::api
