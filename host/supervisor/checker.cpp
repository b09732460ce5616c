#include "host/supervisor/checker.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <utility>

#include "api/bundle/ceiling.hpp"
#include "api/bundle/manifest.hpp"
#include "host/supervisor/instance.hpp"
#include "runtime/base/log.hpp"

namespace perilune::host {
namespace {

using namespace std::chrono_literals;

constexpr auto kQueueTime = 30s;
constexpr auto kSpawnTime = 5s;
constexpr std::chrono::seconds kRoomTime{2};
constexpr std::chrono::milliseconds kRoomLook{20};
constexpr auto kUnpackTime = 20s;  // beyond the start-up wall time: reading, unpacking, compiling
constexpr std::size_t kMostDiagnostics = 100;

/// A link::ManifestEntry that owns its text.
struct Leaf {
  std::string key;
  link::ValueType type;
  std::string value;
  std::uint32_t line;
  std::uint32_t column;
};

/// Collects what the worker finds. Order and sizes are checked before (link::ControlLedger).
class Findings final : public WorkerReports {
 public:
  void log(const link::LogRecord&) override {}
  void file(const link::Chunk& chunk) override {
    if (chunk.offset == 0) {
      files.push_back({std::string{chunk.path}, {}});
      files.back().data.reserve(std::min<std::size_t>(chunk.total, 1U << 20U));
    }
    files.back().data.append(reinterpret_cast<const char*>(chunk.data.data()), chunk.data.size());
  }
  void manifest(const link::ManifestEntry& entry) override {
    leaves.push_back(
        {std::string{entry.key}, entry.type, std::string{entry.value}, entry.line, entry.column});
  }
  void diagnostic(const link::Diagnostic& found) override {
    if (diagnostics.size() >= kMostDiagnostics) return;
    diagnostics.push_back({.severity = found.severity,
                           .code = perilune::log::well_formed(found.code),
                           .file = perilune::log::well_formed(found.file),
                           .line = found.line,
                           .column = found.column,
                           .message = perilune::log::well_formed(found.message),
                           .excerpt = perilune::log::well_formed(found.excerpt),
                           .help = perilune::log::well_formed(found.help)});
  }

  std::vector<api::BundleFile> files;
  std::vector<Leaf> leaves;
  std::vector<api::Diagnostic> diagnostics;
};

bool has_error(const std::vector<api::Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(), [](const auto& diagnostic) {
    return diagnostic.severity == link::Severity::Error;
  });
}

/// "cpu_limit: init.lua:3: used up ..." as a diagnostic with its place.
api::Diagnostic start_diagnostic(const Failure& failure) {
  api::Diagnostic found;
  std::string_view text{failure.detail};
  const auto colon = text.find(": ");
  found.code = text.substr(0, colon);
  if (colon != std::string_view::npos) text.remove_prefix(colon + 2);
  found.message = text;
  const auto file_end = text.find(':');
  const auto first_line_end = std::min(text.find('\n'), text.size());
  if (file_end == std::string_view::npos || file_end > first_line_end) return found;
  std::uint32_t line = 0;
  const char* from = text.data() + file_end + 1;
  const auto [end, error] = std::from_chars(from, text.data() + first_line_end, line);
  if (error == std::errc{} && end != text.data() + first_line_end && *end == ':') {
    found.file = text.substr(0, file_end);
    found.line = line;
  }
  return found;
}

/// What counts when the app starts.
constexpr std::array kStartLimits{Limit::StartupCpu,   Limit::StartupWall, Limit::Memory,
                                  Limit::WorkerMemory, Limit::Fibers,      Limit::Vms,
                                  Limit::Timers};

bool asks_for_more(const Limits& asked, const Limits& had) {
  return std::any_of(kStartLimits.begin(), kStartLimits.end(),
                     [&](Limit limit) { return asked.raw(limit) > had.raw(limit); });
}

api::Manifest understand(Findings& findings, const Limits& ceiling,
                         std::vector<api::Diagnostic>& errors) {
  std::vector<link::ManifestEntry> entries;
  entries.reserve(findings.leaves.size());
  for (const Leaf& leaf : findings.leaves)
    entries.push_back({leaf.key, leaf.type, leaf.value, leaf.line, leaf.column});
  return api::parse_manifest(entries, ceiling, errors);
}

}  // namespace

void Checker::stop() {
  stopped_ = true;
  freed_.notify();
}

Result<api::CheckReport> Checker::check(const api::AppKey& key, const api::Upload& upload,
                                        const Limits& ceiling, bool jit,
                                        boost::asio::yield_context yield) {
  const auto give_up = Deadline::after(kQueueTime).time_point();
  while (running_ >= at_once_ && !stopped_) {
    if (!freed_.wait_until(give_up, yield))
      return Failure{"overloaded", "too many uploads are being checked"};
  }
  if (stopped_) return Failure{"overloaded", "the host is stopping"};
  struct Place {
    Checker& checker;
    explicit Place(Checker& c) : checker{c} { ++checker.running_; }
    ~Place() {
      --checker.running_;
      checker.freed_.notify();
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
  } place{*this};
  const Limits limits = api::held_under(Limits{}, ceiling);
  auto report = run(key, upload, limits, ceiling, jit, yield);
  if (!report || report->started || !report->manifest_errors.empty()) return report;
  const Limits asked = api::held_under(report->manifest.limits, ceiling);
  if (!asks_for_more(asked, limits)) return report;
  return run(key, upload, asked, ceiling, jit, yield);
}

/// An upload may take the place of an app that is idle.
Result<std::shared_ptr<Worker>> Checker::acquire(const sandbox::WorkerClass& worker_class,
                                                 boost::asio::yield_context yield) {
  const auto give_up = Worker::Clock::now() + kRoomTime;
  for (bool made = false;;) {
    auto worker = pool_.acquire(worker_class, Deadline::after(kSpawnTime), yield);
    if (worker || worker.error().code != "overloaded") return worker;
    made = made || make_room_();
    if (stopped_ || !made || Worker::Clock::now() > give_up) return worker;
    boost::asio::steady_timer pause{loop_, kRoomLook};
    boost::system::error_code ignored;
    pause.async_wait(yield[ignored]);
  }
}

Result<api::CheckReport> Checker::run(const api::AppKey& key, const api::Upload& upload,
                                      const Limits& limits, const Limits& ceiling, bool jit,
                                      boost::asio::yield_context yield) {
  sandbox::WorkerClass worker_class;
  worker_class.jit = jit;
  worker_class.throw_away = true;
  worker_class.memory = limits.bytes(Limit::WorkerMemory);
  auto worker = acquire(worker_class, yield);
  if (!worker) return worker.error();
  struct Throwaway {
    Worker& worker;
    ~Throwaway() {
      worker.report_to(nullptr);
      worker.kill(ExitReason::Stopped);
    }
  } throwaway{**worker};
  Findings findings;
  (*worker)->report_to(&findings);

  api::DeployedApp app;
  app.key = key;
  app.jit = jit;
  app.manifest.limits = limits;
  link::Configure configure = configure_for(app);
  configure.job = link::Job::Check;
  configure.packing = upload.packing;
  const bool packed = upload.packing != link::Packing::Files;
  const auto deadline =
      Worker::Clock::now() + kUnpackTime + 2 * limits.duration(Limit::StartupWall);
  const auto loaded = (*worker)->load(
      configure, packed ? std::vector<api::BundleFile>{{"", upload.data}} : upload.files, deadline,
      yield);
  if (!loaded) return loaded.error();
  const auto started = (*worker)->wait_started(deadline, yield);
  if (!started && started.error().code != "start_failed") return started.error();

  api::CheckReport report;
  report.manifest = understand(findings, ceiling, report.manifest_errors);
  report.files = std::move(findings.files);
  report.diagnostics = std::move(findings.diagnostics);
  report.started = started.has_value();
  if (started) report.style = started->style;
  if (!started && !has_error(report.diagnostics))
    report.diagnostics.push_back(start_diagnostic(started.error()));
  return report;
}

}  // namespace perilune::host
