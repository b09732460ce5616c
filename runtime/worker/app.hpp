#pragma once

/// @file
/// One app in this worker: its files, its VM, its network and gateway, and its start-up.

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "runtime/limits.hpp"
#include "runtime/modules/virtual_network.hpp"
#include "runtime/vm/invocation.hpp"
#include "runtime/vm/vm.hpp"
#include "runtime/worker/background_budget.hpp"
#include "runtime/worker/bundle.hpp"
#include "runtime/worker/gateway.hpp"
#include "runtime/worker/log_sink.hpp"

namespace perilune::worker {

struct AppConfig {
  Limits limits;
  bool jit = false;
  std::uint64_t seed_low = 0;
  std::uint64_t seed_high = 0;
  std::string tenant;
  std::string app;
  std::string version;
  std::string entry = "init.lua";
  std::uint16_t http_port = 0;
  std::map<std::string, std::string> env;
};

/// How the start-up ended.
struct StartResult {
  bool started = false;
  link::Started report;
  std::string code;  ///< of `link::Failed`
  std::string message;
};

/// Owns everything that runs the app. One VM of the class "shared" on the calling thread.
class App final : public runtime::VmHost {
 public:
  using Clock = std::chrono::steady_clock;

  App(AppConfig config, Files files, LogSink& log);
  ~App() override;
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  /// Makes the VM and queues the entry file under the start-up budget. A failure is final.
  [[nodiscard]] std::optional<StartResult> start(Clock::time_point now);
  /// Runs what is ready, for one slice at most, and expires deadlines. The start-up's result when
  /// it is known, once.
  std::optional<StartResult> run(Clock::time_point now);

  /// There is more to run at once.
  [[nodiscard]] bool ready() const noexcept { return ready_; }
  /// When `run` has something to do although nothing arrives.
  [[nodiscard]] Clock::time_point next_event() const;
  [[nodiscard]] bool dead() const noexcept { return dead_; }
  [[nodiscard]] Outcome death() const noexcept;
  [[nodiscard]] std::string death_message() const;
  [[nodiscard]] runtime::VmUsage usage() const noexcept;
  /// What all fibers are doing: JSON of at most so many bytes, empty without a VM.
  [[nodiscard]] std::string fibers(std::size_t most);
  /// Only after the start-up succeeded.
  [[nodiscard]] Gateway& gateway() noexcept { return *gateway_; }

  void log(const runtime::LogLine& line) override;
  [[nodiscard]] std::optional<std::string> read_source(const std::string& path) override;
  void wake() override { ready_ = true; }
  [[nodiscard]] bool may_start_fibers() override;

  [[nodiscard]] const AppConfig& config() const noexcept { return config_; }

 private:
  [[nodiscard]] std::optional<StartResult> look_at_start(Clock::time_point now);
  [[nodiscard]] StartResult failed_start();
  [[nodiscard]] StartResult finished_start(link::AppStyle style, Clock::time_point now);
  void renew_background();
  void look_at_background(Clock::time_point now);

  AppConfig config_;
  Files files_;
  LogSink& log_;
  bool ready_ = false;
  bool dead_ = false;
  bool starting_ = false;
  Clock::time_point startup_deadline_{};
  /// The start-up, and then what the app does outside of requests.
  runtime::Invocation own_;
  BackgroundBudget budget_{own_};
  std::uint32_t overruns_ = 0;  ///< of the background's budget, as far as announced
  link::AppStyle style_ = link::AppStyle::Handler;
  std::string ended_;  ///< why the app's loop is over
  runtime::VirtualNetwork network_;
  // The VM's sockets refer to the gateway: `~App` ends the VM first.
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<runtime::Vm> vm_;
};

/// The modules that a hosted app may `require`.
[[nodiscard]] std::span<const runtime::NativeModule> hosted_modules() noexcept;

}  // namespace perilune::worker
