#pragma once

/// @file
/// A platform without processes: accepts every bundle but those whose text says otherwise.

#include <string>
#include <utility>
#include <vector>

#include "api/platform.hpp"

namespace perilune::api::test {

class FakePlatform final : public Platform {
 public:
  Result<CheckReport> check(const AppKey& /*key*/, Upload upload, const Limits& /*ceiling*/,
                            bool /*jit*/, boost::asio::yield_context /*yield*/) override {
    if (upload.data == "crash") return Failure{"worker_crashed", "the worker died"};
    CheckReport report;
    report.started = true;
    report.files = upload.packing == link::Packing::Files
                       ? std::move(upload.files)
                       : std::vector<BundleFile>{{"init.lua", upload.data}};
    if (report.files.front().data.find("syntax error") != std::string::npos)
      report.diagnostics.push_back({link::Severity::Error, "syntax_error", "init.lua", 1, 8,
                                    "unexpected symbol", "syntax error", "look there"});
    if (upload.data == "escape") report.files.front().path = "../x";
    return report;
  }
  void app_changed(const AppKey& key) override { changed.push_back(key); }
  Result<void> wait_ready(const AppKey& /*key*/, std::uint64_t /*generation*/,
                          Deadline /*deadline*/, boost::asio::yield_context /*yield*/) override {
    if (ready) return {};
    return Failure{"start_failed", "it does not start"};
  }
  AppStatus status(const AppKey& /*key*/) const override { return {}; }
  std::vector<VmRow> vms(const AppKey& /*key*/) const override { return running; }
  Result<FiberDump> fibers(const AppKey& /*key*/, const std::string& vm, Deadline /*deadline*/,
                           boost::asio::yield_context /*yield*/) override {
    if (running.empty() || vm != running.front().id) return Failure{"not_found", "no such VM"};
    if (silent) return Failure{"not_answering", "the worker did not answer in time"};
    return dump;
  }
  std::string isolation_level() const override { return "full"; }

  std::vector<AppKey> changed;
  bool ready = true;
  std::vector<VmRow> running;
  FiberDump dump;
  bool silent = false;
};

}  // namespace perilune::api::test
