#include "runtime/worker/app.hpp"

#include <algorithm>
#include <utility>

#include "runtime/fiber/dump.hpp"
#include "runtime/modules/net_backend.hpp"
#include "runtime/modules/perilune.hpp"

namespace perilune::worker {
namespace {

constexpr std::string_view kOutOfMemory = "not enough memory";
/// How long a start-up that was condemned may take to unwind.
constexpr std::chrono::milliseconds kUnwind{200};

runtime::Invocation::Config startup_budget(const Limits& limits) {
  runtime::Invocation::Config config;
  config.work = runtime::Invocation::Work::StartUp;
  config.cpu_soft = limits.duration(Limit::StartupCpu);
  config.cpu_hard = limits.duration(Limit::CpuHard);
  return config;
}

StartResult failure(std::string_view code, std::string message) {
  StartResult result;
  result.code = code;
  result.message = std::move(message);
  return result;
}

std::string limit_message(Limit limit, const Limits& limits, std::string_view what) {
  const LimitSpec& row = spec(limit);
  return std::string{what} + " (" + std::string{row.key} + " is " +
         format_limit(row, limits.raw(limit)) + ").";
}

}  // namespace

App::App(AppConfig config, Files files, LogSink& log)
    : config_{std::move(config)},
      files_{std::move(files)},
      log_{log},
      own_{startup_budget(config_.limits)},
      network_{runtime::VirtualNetwork::Config{config_.http_port}} {}

App::~App() {
  // The VM's objects give back their connections and fibers while gateway and start-up exist.
  vm_.reset();
}

std::optional<StartResult> App::start(Clock::time_point now) {
  const auto entry = files_.find(config_.entry);
  if (entry == files_.end())
    return failure("no_entry", "The bundle has no file \"" + config_.entry +
                                   "\". Name the entry file in perilune.toml: entry = \"...\"");
  runtime::VmConfig config;
  config.limits = config_.limits;
  config.jit = config_.jit;
  config.seed_low = config_.seed_low;
  config.seed_high = config_.seed_high;
  auto made = runtime::Vm::create(config, *this, hosted_modules());
  if (!made) return failure(made.error().code, made.error().detail);
  vm_ = std::move(*made);
  vm_->set_background(&own_);
  runtime::set_network(*vm_, network_);
  auto& identity = vm_->slot<runtime::AppIdentity>();
  identity.tenant = config_.tenant;
  identity.app = config_.app;
  identity.version = config_.version;
  identity.env.assign(config_.env.begin(), config_.env.end());
  gateway_ = std::make_unique<Gateway>(*vm_, network_, log_, config_.limits);
  const auto queued = vm_->start(entry->second, config_.entry, &own_);
  if (!queued) return failure("script_error", queued.error().detail);
  startup_deadline_ = now + config_.limits.duration(Limit::StartupWall);
  starting_ = ready_ = true;
  return std::nullopt;
}

std::optional<StartResult> App::run(Clock::time_point now) {
  gateway_->expire(now);
  if (!dead_) {
    ready_ = false;
    const auto state = vm_->run();
    ready_ = ready_ || state == runtime::Vm::RunState::Ready;
    dead_ = state == runtime::Vm::RunState::Dead;
  }
  gateway_->settle();
  if (starting_) return look_at_start(now);
  look_at_background(now);
  return std::nullopt;
}

void App::look_at_background(Clock::time_point now) {
  if (std::exchange(overruns_, own_.overruns()) != own_.overruns()) {
    const LimitSpec& row = spec(Limit::Cpu);
    const std::string message =
        "background work of the app used more CPU than " +
        format_limit(row, config_.limits.raw(Limit::Cpu)) +
        " at once and a tenth of the time since: what its fibers do outside of requests gets "
        "cpu_limit";
    log_.announce(link::LogLevel::Error, nullptr, message);
  }
  budget_.refill(now, gateway_->take_handed());
  // Nobody accepts any more, and nobody could find out but by waiting.
  if (dead_ || style_ != link::AppStyle::Loop || !vm_->main_error()) return;
  dead_ = true;
  ended_ = *vm_->main_error();
}

/// Whatever ended the background's fibers, the app may have others.
void App::renew_background() {
  own_.on_last_fiber = [this](runtime::Invocation&) { renew_background(); };
  if (own_.fibers() == 0) own_.renew();
}

std::optional<StartResult> App::look_at_start(Clock::time_point now) {
  if (dead_) {
    starting_ = false;
    return failure(name(death()) == "ok" ? "script_error" : name(death()), death_message());
  }
  if (vm_->main_done() && vm_->main_error()) return failed_start();
  if (vm_->main_done() && vm_->has_handler()) return finished_start(link::AppStyle::Handler, now);
  // Serving in a loop: everything has come to rest, and somebody listens.
  if (!ready_ && network_.listening_port() != 0 && own_.verdict() == Outcome::Ok)
    return finished_start(link::AppStyle::Loop, now);
  const bool over = vm_->main_done() && !ready_ && vm_->usage().fibers == 0;
  const bool stuck = now >= startup_deadline_ + kUnwind;
  if (over || stuck) return failed_start();
  if (now >= startup_deadline_ && own_.verdict() == Outcome::Ok) {
    vm_->condemn(own_, Outcome::WallLimit);
    ready_ = true;
  }
  return std::nullopt;
}

StartResult App::failed_start() {
  starting_ = false;
  const std::string error = vm_->main_error().value_or("");
  const std::string tail = error.empty() ? "" : "\n" + error;
  switch (own_.verdict()) {
    case Outcome::CpuLimit:
      return failure("cpu_limit", limit_message(Limit::StartupCpu, config_.limits,
                                                "The start-up used up its CPU time") +
                                      tail);
    case Outcome::WallLimit:
      return failure("wall_limit", limit_message(Limit::StartupWall, config_.limits,
                                                 "The app did not serve in time: its entry file "
                                                 "neither returned nor waits in accept()") +
                                       tail);
    case Outcome::MemoryLimit:
      return failure(
          "memory_limit",
          limit_message(Limit::Memory, config_.limits, "The start-up used up its memory") + tail);
    default: break;
  }
  if (error.find(kOutOfMemory) != std::string::npos)
    return failure(
        "memory_limit",
        limit_message(Limit::Memory, config_.limits, "The start-up used up its memory") + tail);
  if (!error.empty()) return failure("script_error", error);
  return failure("not_serving",
                 "The entry file \"" + config_.entry +
                     "\" ended, but nothing serves: return a handler, `return function(sock, req, "
                     "res) ... end`, or listen with an ip.tcp.acceptor and call accept().");
}

StartResult App::finished_start(link::AppStyle style, Clock::time_point now) {
  starting_ = false;
  StartResult result;
  result.started = true;
  result.report.style = style;
  result.report.port = style == link::AppStyle::Loop ? network_.listening_port() : std::uint16_t{0};
  const auto cpu = std::chrono::duration_cast<std::chrono::microseconds>(own_.cpu()).count();
  result.report.startup_cpu_us =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(cpu, 0, UINT32_MAX));
  style_ = style;
  overruns_ = own_.overruns();  // the start-up's own are not told
  budget_.begin(config_.limits.duration(Limit::Cpu), config_.limits.duration(Limit::CpuHard), now);
  renew_background();
  return result;
}

App::Clock::time_point App::next_event() const {
  Clock::time_point next = Clock::time_point::max();
  if (vm_ == nullptr || dead_) return next;
  if (const auto timer = vm_->next_timer()) next = *timer;
  if (starting_) {
    const bool condemned = own_.verdict() != Outcome::Ok;
    next = std::min(next, condemned ? startup_deadline_ + kUnwind : startup_deadline_);
  }
  return std::min(next, gateway_->next_deadline());
}

Outcome App::death() const noexcept { return vm_ == nullptr ? Outcome::Ok : vm_->death(); }

std::string App::death_message() const {
  if (!ended_.empty()) return ended_;
  return vm_ == nullptr ? "" : vm_->death_message();
}

runtime::VmUsage App::usage() const noexcept {
  return vm_ == nullptr ? runtime::VmUsage{} : vm_->usage();
}

std::string App::fibers(std::size_t most) {
  return vm_ == nullptr ? std::string{} : runtime::fibers_json(*vm_, most);
}

void App::log(const runtime::LogLine& line) { log_.write(line, Clock::now()); }

bool App::may_start_fibers() {
  return vm_ != nullptr &&
         (vm_->has_handler() || !vm_->slot<runtime::Deferred>().functions.empty());
}

std::optional<std::string> App::read_source(const std::string& path) {
  const auto found = files_.find(path);
  if (found == files_.end()) return std::nullopt;
  return found->second;
}

}  // namespace perilune::worker
