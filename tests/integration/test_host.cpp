#include "tests/integration/test_host.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cstdio>

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace perilune::test {
namespace {

using namespace std::chrono_literals;

std::string read(const std::filesystem::path& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::string level() {
  const char* level = std::getenv("PERILUNE_TEST_LEVEL");
  return level != nullptr ? level : "full";
}

/// Starts `argv` with its output in `log`.
pid_t launch(const std::vector<std::string>& words, const std::filesystem::path& log) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::setenv("PERILUNE_WORKER", PERILUNE_TEST_WORKER, 0);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

int wait_status(pid_t pid, std::chrono::milliseconds patience) {
  int status = 0;
  const bool ended = eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; }, patience);
  if (!ended) throw std::runtime_error{"process " + std::to_string(pid) + " does not end"};
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::uint16_t port_of(const boost::json::object& line, const char* key) {
  const std::string text{line.at(key).as_string()};
  std::uint16_t port = 0;
  const auto colon = text.rfind(':');
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  return port;
}

}  // namespace

bool eventually(const std::function<bool()>& done, std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

bool alive(pid_t pid) {
  const std::string stat = read("/proc/" + std::to_string(pid) + "/stat");
  const auto name_end = stat.rfind(')');
  return name_end != std::string::npos && stat.at(name_end + 2) != 'Z';
}

std::vector<pid_t> children_of(pid_t parent) {
  std::istringstream in{
      read("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children")};
  return {std::istream_iterator<pid_t>{in}, {}};
}

const std::string& TestHost::why_not() {
  static const std::string reason = [] {
    if (::geteuid() != 0) return std::string{"not root: the sandbox's full level needs it"};
    const auto log =
        std::filesystem::temp_directory_path() / ("perilune-doctor-" + std::to_string(::getpid()));
    const pid_t doctor =
        launch({PERILUNE_TEST_BINARY, "doctor", "--require-sandbox", level()}, log);
    const int status = wait_status(doctor, 30s);
    const std::string said = read(log);
    std::filesystem::remove(log);
    return status == 0 ? std::string{} : "the sandbox is below " + level() + ":\n" + said;
  }();
  return reason;
}

TestHost::TestHost(std::vector<std::string> extra_flags) : flags_{std::move(extra_flags)} {
  std::string name = (std::filesystem::temp_directory_path() / "perilune-it-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"mkdtemp"};
  data_ = name;
  start();
}

TestHost::~TestHost() {
  if (launcher_ > 0) {
    ::kill(launcher_, SIGKILL);
    ::waitpid(launcher_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(data_, ignored);
}

void TestHost::start() {
  std::filesystem::remove(data_ / "serve.log");
  std::vector<std::string> words{
      PERILUNE_TEST_BINARY, "serve",       "--data-dir",        data_.string(),
      "--gateway",          "127.0.0.1:0", "--admin",           "127.0.0.1:0",
      "--metrics",          "127.0.0.1:0", "--require-sandbox", level()};
  words.insert(words.end(), flags_.begin(), flags_.end());
  launcher_ = launch(words, data_ / "serve.log");
  read_ports();
  token_ = read(data_ / "admin.token");
  while (!token_.empty() && token_.back() == '\n') token_.pop_back();
  (void)api("POST", "/v1/tenants", R"({"slug":"acme"})");
}

void TestHost::read_ports() {
  const bool serving = eventually(
      [&] {
        std::istringstream lines{log()};
        for (std::string line; std::getline(lines, line);) {
          boost::system::error_code error;
          const auto value = boost::json::parse(line, error);
          if (error || !value.is_object() || !value.as_object().contains("gateway")) continue;
          gateway_ = port_of(value.as_object(), "gateway");
          admin_ = port_of(value.as_object(), "admin");
          metrics_ = port_of(value.as_object(), "metrics");
          return true;
        }
        return !alive(launcher_);
      },
      30s);
  if (!serving || !alive(launcher_)) throw std::runtime_error{"serve does not start:\n" + log()};
}

int TestHost::wait(std::chrono::seconds patience) {
  const int status = wait_status(launcher_, patience);
  launcher_ = -1;
  return status;
}

int TestHost::stop(std::chrono::seconds patience) {
  ::kill(launcher_, SIGTERM);
  return wait(patience);
}

Reply TestHost::api(const std::string& method, const std::string& path, const std::string& body,
                    const std::string& content_type) const {
  std::map<std::string, std::string> headers{{"Authorization", "Bearer " + token_}};
  if (!body.empty()) headers["Content-Type"] = content_type;
  return ask(admin_, method, path, headers, body, 60s);
}

Reply TestHost::get(const std::string& app, const std::string& target, const std::string& method,
                    const std::string& body) const {
  return ask(gateway_, method, target, {{"Host", app + ".acme.localhost"}}, body, 60s);
}

Reply TestHost::ops(const std::string& target) const { return ask(metrics_, "GET", target); }

std::string TestHost::command(const std::string& arguments) const {
  const std::string line = "PERILUNE_URL=http://127.0.0.1:" + std::to_string(admin_) +
                           " PERILUNE_TOKEN=" + token_ + " " PERILUNE_TEST_BINARY " " + arguments +
                           " 2>&1";
  FILE* pipe = ::popen(line.c_str(), "r");
  if (pipe == nullptr) return "popen failed";
  std::string text;
  std::array<char, 4096> piece{};
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), pipe))
    text.append(piece.data(), got);
  ::pclose(pipe);
  return text;
}

Reply TestHost::deploy(const std::string& app, const std::string& lua,
                       const std::string& manifest) {
  boost::json::object files{{"init.lua", lua}};
  if (!manifest.empty()) files["perilune.toml"] = manifest;
  const boost::json::object body{{"files", std::move(files)}};
  return api("POST", "/v1/tenants/acme/apps/" + app + "/versions?deploy=true&wait=ready",
             boost::json::serialize(body));
}

boost::json::value TestHost::status(const std::string& app) const {
  const auto value = api("GET", "/v1/tenants/acme/apps/" + app).json();
  if (!value.is_object()) return {};
  const auto* status = value.as_object().if_contains("status");
  return status != nullptr ? *status : value;
}

double TestHost::metric(const std::string& line) const {
  std::istringstream lines{ops("/metrics").body};
  for (std::string text; std::getline(lines, text);) {
    if (text.starts_with(line + " ")) return std::stod(text.substr(line.size() + 1));
  }
  return -1;
}

pid_t TestHost::host() const {
  for (const pid_t child : children_of(launcher_)) {
    if (read("/proc/" + std::to_string(child) + "/cmdline").find("serve") != std::string::npos)
      return child;
  }
  return 0;
}

pid_t TestHost::worker(const std::string& app) const {
  const auto value = status(app);
  if (!value.is_object()) return 0;
  const auto* pid = value.as_object().if_contains("pid");
  return pid != nullptr && pid->is_int64() ? static_cast<pid_t>(pid->as_int64()) : 0;
}

std::vector<pid_t> TestHost::family() const {
  std::vector<pid_t> all{launcher_};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto children = children_of(all[i]);
    all.insert(all.end(), children.begin(), children.end());
  }
  return all;
}

std::string TestHost::log() const { return read(data_ / "serve.log"); }

}  // namespace perilune::test
