#include "runtime/engine/engine.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <lua.hpp>
#include <optional>
#include <random>
#include <string_view>

#include "runtime/engine/asio_network.hpp"
#include "runtime/engine/dump_signal.hpp"
#include "runtime/engine/engine_host.hpp"
#include "runtime/engine/engine_loop.hpp"
#include "runtime/engine/http_stream_backend.hpp"
#include "runtime/engine/plugin.hpp"
#include "runtime/engine/system_engine.hpp"
#include "runtime/modules/http_module.hpp"
#include "runtime/modules/ip_module.hpp"
#include "runtime/modules/perilune.hpp"
#include "runtime/script/modules.hpp"
#include "runtime/vm/slice_timer.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {

namespace asio = boost::asio;

namespace {

int open_ffi(lua_State* L) {
  lua_pushcfunction(L, luaopen_ffi);
  lua_call(L, 0, 1);
  return 1;
}

constexpr std::array<NativeModule, 4> kModules{
    {{"ip", open_ip}, {"http", open_http}, {"system", open_engine_system}, {"ffi", open_ffi}}};

/// What a hosted program gets; the rest is the engine's alone.
std::span<const NativeModule> modules_of(const EngineOptions& options) {
  return std::span{kModules}.first(options.hosted ? 2 : kModules.size());
}

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
  config.profile = options.hosted ? Profile::Hosted : Profile::Engine;
  config.limits = options.limits;
  config.jit = options.jit;
  config.seed_low = word();
  config.seed_high = word();
  return config;
}

bool is_file(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode);
}

/// Whoever started us may have closed some, and what is opened next must not become one of them.
void fill_standard_descriptors() {
  for (int fd = ::open("/dev/null", O_RDWR); fd >= 0; fd = ::open("/dev/null", O_RDWR)) {
    if (fd <= STDERR_FILENO) continue;
    ::close(fd);
    return;
  }
}

/// Whoever started us may have blocked some.
void reset_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  // A reader that is gone is an error of the write, not the end of the program.
  std::signal(SIGPIPE, SIG_IGN);
}

/// The event loop around one VM.
class Engine {
 public:
  Engine() : network_{io_}, signals_{io_, SIGINT, SIGTERM} {}

  int run(const EngineOptions& options, const std::string& path, const std::string& source);

 private:
  void equip(const EngineOptions& options, const std::string& path);
  void loop();
  /// True while something outside of the VM will wake one of its fibers.
  [[nodiscard]] bool expects_anything();
  void turn();
  void on_signal();

  asio::io_context io_{1};
  AsioNetwork network_;
  asio::signal_set signals_;
  EngineHost host_;
  std::optional<SliceTimer> slices_;
  std::unique_ptr<Vm> vm_;
  std::optional<DumpSignal> dump_signal_;
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
  slices_->disarm();
  const auto next = vm_->next_timer();
  if (next) {
    io_.run_one_until(*next);
  } else {
    io_.run_one();
  }
  io_.poll();
  slices_->arm();
}

bool Engine::expects_anything() {
  return vm_->usage().timers > 0 || network_.waiting() > 0 || vm_->slot<EngineLoop>().waiting > 0;
}

/// Everything that the VM's modules find in slots.
void Engine::equip(const EngineOptions& options, const std::string& path) {
  set_network(*vm_, network_);
  set_http_stream_backend(*vm_, make_http_stream_backend);
  vm_->slot<EngineLoop>().io = &io_;
  auto& arguments = vm_->slot<AppIdentity>().arguments;
  arguments = {options.program, path};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  auto& search = vm_->slot<ModuleSearch>();
  search.test = options.test;
  if (options.hosted) return;
  search.exists = is_file;
  search.open_plugin = open_plugin;
  search.path = options.package_path;
  for (std::string& folder : search.path) {
    if (!folder.ends_with('/')) folder += '/';
  }
}

void Engine::loop() {
  for (;;) {
    const auto state = vm_->run();
    if (state == Vm::RunState::Dead) return;
    // (A hosted app's host decides what its main fiber's death means; here it is the end.)
    if (vm_->main_error() && !stopping_) return;
    if (state == Vm::RunState::Ready) {
      io_.poll();
      continue;
    }
    if (vm_->usage().fibers == 0) return;
    if (!expects_anything()) {
      if (io_.poll() > 0) continue;
      return complain("Every fiber waits for another one: " + std::to_string(vm_->usage().fibers) +
                      " left at the end");
    }
    turn();
  }
}

int Engine::run(const EngineOptions& options, const std::string& path, const std::string& source) {
  auto slices = SliceTimer::create(options.limits.duration(Limit::Slice));
  if (!slices) return complain(slices.error().detail), 1;
  slices_.emplace(std::move(*slices));
  auto vm = Vm::create(vm_config(options), host_, modules_of(options));
  if (!vm) return complain(vm.error().detail), 1;
  vm_ = std::move(*vm);
  equip(options, path);
  if (auto started = vm_->start(source, path, nullptr); !started)
    return complain(started.error().detail), 1;
  on_signal();
  if (options.dump_on != 0) dump_signal_.emplace(io_, *vm_, options.dump_on);
  slices_->arm();
  loop();
  slices_->disarm();
  if (const auto status = vm_->slot<EngineLoop>().exit_status) return *status;
  if (vm_->death() != Outcome::Ok) {
    // (Of its main fiber's death the host has told.)
    if (!vm_->death_message().empty()) complain(vm_->death_message());
    return 1;
  }
  if (vm_->main_error() && !stopping_) return complain(*vm_->main_error()), 1;
  return 0;
}

}  // namespace

Limits EngineOptions::engine_limits() noexcept {
  Limits limits;
  for (const Limit limit : {Limit::Memory, Limit::Fibers, Limit::Timers, Limit::Sockets,
                            Limit::LogLine, Limit::LogInvocation, Limit::LogRate, Limit::LogBurst})
    limits.set(limit, spec(limit).maximum);
  return limits;
}

std::vector<std::string> package_path_of_environment() {
  std::vector<std::string> folders;
  for (const char* name : {"PERILUNE_PATH", "EMILUA_PATH"}) {
    const char* value = std::getenv(name);
    std::string_view rest = value == nullptr ? "" : value;
    while (!rest.empty()) {
      const auto colon = std::min(rest.find(':'), rest.size());
      if (colon > 0) folders.emplace_back(rest.substr(0, colon));
      rest.remove_prefix(std::min(colon + 1, rest.size()));
    }
  }
  return folders;
}

int run_engine(const EngineOptions& options) {
  if (options.file.empty() || options.file == "-") {
    complain("perilune run: name a Lua file or a folder with an init.lua");
    return 2;
  }
  fill_standard_descriptors();
  std::string path = options.file;
  struct stat about {};
  if (::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode))
    path += path.ends_with('/') ? "init.lua" : "/init.lua";
  int error = 0;
  const auto source = read_file(path, error);
  if (!source) {
    complain("perilune run: " + path + ": " + std::strerror(error));
    return 1;
  }
  reset_signals();
  // What a program prints is seen when it is printed, through a pipe too.
  static_cast<void>(std::setvbuf(stdout, nullptr, _IOLBF, 0));
  return Engine{}.run(options, path, *source);
}

}  // namespace perilune::runtime
