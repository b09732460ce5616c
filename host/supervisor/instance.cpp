#include "host/supervisor/instance.hpp"

#include <sys/random.h>

#include <cstdlib>
#include <utility>

#include "host/supervisor/process_stats.hpp"
#include "runtime/base/log.hpp"

namespace perilune::host {
namespace {

using namespace std::chrono_literals;

constexpr auto kLoadTime = 10s;     // configuration and bundle, host to worker
constexpr auto kStartSlack = 1s;    // beyond the app's own start-up wall time
constexpr auto kStopGrace = 500ms;  // from Stop to SIGKILL
constexpr auto kPingEvery = 1s;
constexpr auto kWatchdogWall = 10s;
constexpr std::uint64_t kMemorySlack = 8ULL << 20U;  // the worker program's own

std::uint64_t random_bits() {
  std::uint64_t bits = 0;
  // Fails only for a size beyond 256 bytes or a kernel without the call.
  if (::getrandom(&bits, sizeof bits, 0) != sizeof bits) std::abort();
  return bits;
}

}  // namespace

WatchdogLimits WatchdogLimits::of(const Limits& limits) noexcept {
  const auto cpu = limits.duration(Limit::Cpu);
  return {cpu + cpu / 2 + 50ms + limits.duration(Limit::CpuHard), kWatchdogWall};
}

link::Configure configure_for(const api::DeployedApp& app) {
  link::Configure configure;
  configure.jit = app.jit;
  configure.seed_low = random_bits();
  configure.seed_high = random_bits();
  configure.limits = app.manifest.limits;
  configure.tenant = app.key.tenant;
  configure.app = app.key.app;
  configure.version = app.version;
  configure.entry = app.manifest.entry;
  configure.http_port = app.manifest.http_port;
  for (const auto& [name, value] : app.manifest.env) configure.env.push_back({name, value});
  return configure;
}

Instance::Instance(InstanceId id, api::DeployedApp app, std::shared_ptr<Worker> worker, AppLog& log,
                   std::shared_ptr<AppCells> cells)
    : id_{id},
      app_{std::move(app)},
      worker_{std::move(worker)},
      log_{log},
      cells_{std::move(cells)},
      since_unix_{perilune::log::now_milliseconds()} {
  worker_->report_to(this);
}

Result<void> Instance::start(const std::vector<api::BundleFile>& bundle,
                             boost::asio::yield_context yield) {
  const auto loaded = worker_->load(configure_for(app_), bundle, Clock::now() + kLoadTime, yield);
  if (!loaded) return loaded.error();
  const auto wall = app_.manifest.limits.duration(Limit::StartupWall) + kStartSlack;
  const auto started = worker_->wait_started(Clock::now() + wall, yield);
  if (!started) return started.error();
  state_ = State::Running;
  since_ = Clock::now();
  watch_memory();
  return {};
}

void Instance::diagnostic(const link::Diagnostic& found) {
  log_.event(link::LogLevel::Error,
             std::string{found.file} + ":" + std::to_string(found.line) + ": " +
                 std::string{found.message},
             app_.version);
}

void Instance::watch(Clock::time_point now, bool busy) {
  if (dies_ && now >= *dies_) return worker_->kill(ExitReason::Stopped);
  if (const auto cpu = process_cpu(worker_->pid())) {
    if (*cpu > cpu_) cells_->used_cpu(*cpu - cpu_);
    cpu_ = *cpu;
  }
  if (const auto& ping = worker_->open_ping()) {
    const auto most = WatchdogLimits::of(app_.manifest.limits);
    if (cpu_ - ping->cpu > most.cpu || now - ping->sent > most.wall)
      worker_->kill(ExitReason::Watchdog);
    return;
  }
  if (busy && (!pinged_ || now - *pinged_ >= kPingEvery)) {
    pinged_ = now;
    worker_->ping();
  }
}

void Instance::watch_memory() {
  const auto bytes = process_memory(worker_->pid(), worker_->memory_file());
  if (!bytes) return;
  memory_ = *bytes;
  cells_->memory(memory_);
  if (memory_ > app_.manifest.limits.raw(Limit::WorkerMemory) + kMemorySlack)
    worker_->kill(ExitReason::Memory);
}

void Instance::stop(Clock::time_point now) {
  worker_->stop();
  dies_ = now + kStopGrace;
}

}  // namespace perilune::host
