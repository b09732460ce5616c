#include "runtime/engine/engine.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <random>
#include <string_view>

#include "runtime/engine/asio_network.hpp"
#include "runtime/engine/engine_host.hpp"
#include "runtime/engine/http_stream_backend.hpp"
#include "runtime/modules/http_module.hpp"
#include "runtime/modules/ip_module.hpp"
#include "runtime/vm/slice_timer.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {

namespace asio = boost::asio;

namespace {

constexpr std::array<NativeModule, 2> kModules{{{"ip", open_ip}, {"http", open_http}}};

void complain(std::string_view text) {
  std::string line{text};
  line += '\n';
  // Nothing can be done about a standard error that does not take it.
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

VmConfig vm_config(const EngineOptions& options) {
  std::random_device random;
  const auto word = [&random] { return (std::uint64_t{random()} << 32) | random(); };
  VmConfig config;
  config.profile = Profile::Engine;
  config.limits = options.limits;
  config.jit = options.jit;
  config.seed_low = word();
  config.seed_high = word();
  return config;
}

/// The event loop around one VM.
class Engine {
 public:
  Engine() : network_{loop_}, signals_{loop_, SIGINT, SIGTERM}, timer_{loop_} {}

  int run(const EngineOptions& options, const std::string& path, const std::string& source);

 private:
  void turn();
  void on_signal();

  asio::io_context loop_{1};
  AsioNetwork network_;
  asio::signal_set signals_;
  asio::steady_timer timer_;
  EngineHost host_;
  std::unique_ptr<Vm> vm_;
  bool stopping_ = false;
};

void Engine::on_signal() {
  signals_.async_wait([this](boost::system::error_code error, int) {
    if (error) return;
    stopping_ = true;
    vm_->shut_down();
    // The next one acts as if nobody had asked for it.
    signals_.clear();
  });
}

/// Waits for the network, a signal or the next timer of the VM.
void Engine::turn() {
  const auto next = vm_->next_timer();
  if (next) {
    loop_.run_one_until(*next);
  } else {
    loop_.run_one();
  }
  loop_.poll();
}

int Engine::run(const EngineOptions& options, const std::string& path, const std::string& source) {
  auto slices = SliceTimer::create(options.limits.duration(Limit::Slice));
  if (!slices) return complain(slices.error().detail), 1;
  auto vm = Vm::create(vm_config(options), host_, kModules);
  if (!vm) return complain(vm.error().detail), 1;
  vm_ = std::move(*vm);
  set_network(*vm_, network_);
  set_http_stream_backend(*vm_, make_http_stream_backend);
  if (auto started = vm_->start(source, path, nullptr); !started)
    return complain(started.error().detail), 1;
  on_signal();
  slices->arm();
  for (;;) {
    const auto state = vm_->run();
    if (state == Vm::RunState::Dead) break;
    if (state == Vm::RunState::Ready) {
      loop_.poll();
      continue;
    }
    if (vm_->usage().fibers == 0) break;
    if (!vm_->next_timer() && network_.waiting() == 0) {
      if (loop_.poll() > 0) continue;
      complain("Every fiber waits for another one: " + std::to_string(vm_->usage().fibers) +
               " left at the end");
      break;
    }
    slices->disarm();
    turn();
    slices->arm();
  }
  // (Of its main fiber's death the host has told.)
  if (vm_->death() == Outcome::ScriptError) return 1;
  if (vm_->death() != Outcome::Ok) return complain(vm_->death_message()), 1;
  return vm_->main_error() && !stopping_ ? 1 : 0;
}

}  // namespace

Limits EngineOptions::engine_limits() noexcept {
  Limits limits;
  for (const Limit limit : {Limit::Memory, Limit::Fibers, Limit::Timers, Limit::Sockets,
                            Limit::LogLine, Limit::LogInvocation, Limit::LogRate, Limit::LogBurst})
    limits.set(limit, spec(limit).maximum);
  return limits;
}

int run_engine(const EngineOptions& options) {
  if (options.file.empty() || options.file == "-") {
    complain("perilune run: name a Lua file or a folder with an init.lua");
    return 2;
  }
  std::string path = options.file;
  struct stat about {};
  if (::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) path += "/init.lua";
  int error = 0;
  const auto source = read_file(path, error);
  if (!source) {
    complain(path + ": " + std::strerror(error));
    return 1;
  }
  // What a program prints is seen when it is printed, through a pipe too.
  static_cast<void>(std::setvbuf(stdout, nullptr, _IOLBF, 0));
  return Engine{}.run(options, path, *source);
}

}  // namespace perilune::runtime
