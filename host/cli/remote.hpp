#pragma once

/// @file
/// The commands that talk to a running host: deploy, apps, versions, rollback, logs.

#include <optional>
#include <string>

namespace perilune::host {

/// "TENANT/APP" taken apart; nothing if it is not two slugs.
struct AppName {
  std::string tenant;
  std::string app;
  [[nodiscard]] static std::optional<AppName> parse(const std::string& text);
  /// "/v1/tenants/T/apps/A"
  [[nodiscard]] std::string path() const;
};

// Each writes to standard output (results) and standard error (what is wrong) and returns the
// process's exit status: 0, 1 (the host or the app says no) or 2 (bad usage, host not reachable).
int deploy(const std::string& path, const std::string& app, const std::string& message);
int check(const std::string& path, const std::string& app);
int list_apps(const std::string& tenant);
int list_versions(const std::string& app);
int rollback(const std::string& app);
int show_fibers(const std::string& app);
int show_logs(const std::string& app);

/// What an `application/problem+json` says, for a terminal: diagnostics as `file:line:column:
/// error: message` with excerpt and help, else title and detail. Any other body as it is.
[[nodiscard]] std::string render_problem(unsigned status, const std::string& body);

}  // namespace perilune::host
