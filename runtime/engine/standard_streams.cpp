// system.in_, system.out and system.err.
//
// The descriptors are shared with other processes, so they stay blocking. Whether one is ready is
// asked by poll(2), the wait is a fiber's, and a write to a pipe is of a size that does not block.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <climits>
#include <lua.hpp>
#include <memory>

#include "runtime/engine/engine_loop.hpp"
#include "runtime/engine/system_engine.hpp"
#include "runtime/modules/byte_span.hpp"
#include "runtime/modules/net_backend.hpp"
#include "runtime/modules/net_errors.hpp"
#include "runtime/vm/operation.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;

/// Lives in a userdata.
struct StandardStream {
  int fd = -1;
  Operation* pending = nullptr;
};

bool is_ready(int fd, short events) {
  pollfd entry{fd, events, 0};
  int count = 0;
  do {
    count = ::poll(&entry, 1, 0);
  } while (count < 0 && errno == EINTR);
  // Errors and a closed other end are found out by trying.
  return count != 0;
}

IoResult read_now(int fd, std::span<char> into) {
  ssize_t got = 0;
  do {
    got = ::read(fd, into.data(), into.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) return {0, system_io_error(errno)};
  if (got == 0) return {0, misc_io_error(kMiscEof)};
  return {static_cast<std::size_t>(got), {}};
}

IoResult write_now(int fd, std::string_view bytes) {
  struct stat about {};
  // A pipe that is writable takes this much without blocking.
  if (::fstat(fd, &about) == 0 && !S_ISREG(about.st_mode)) bytes = bytes.substr(0, PIPE_BUF);
  ssize_t written = 0;
  do {
    written = ::write(fd, bytes.data(), bytes.size());
  } while (written < 0 && errno == EINTR);
  if (written < 0) return {0, system_io_error(errno)};
  return {static_cast<std::size_t>(written), {}};
}

/// Waits for readiness through the loop, then reads or writes.
class StreamWait final : public Operation {
 public:
  StreamWait(lua_State* L, StandardStream& stream, bool reading)
      : loop_{Vm::of(L).slot<EngineLoop>()}, stream_{stream}, reading_{reading}, bytes_{L, 2} {
    stream_.pending = this;
    ++loop_.waiting;
  }
  ~StreamWait() override {
    stream_.pending = nullptr;
    --loop_.waiting;
    if (!wait_) return;
    wait_->owner = nullptr;
    boost::system::error_code ignored;
    wait_->descriptor.close(ignored);
  }
  StreamWait(const StreamWait&) = delete;
  StreamWait& operator=(const StreamWait&) = delete;

  [[nodiscard]] const char* name() const noexcept override {
    return reading_ ? "system.in_:read_some" : "system.out:write_some";
  }
  [[nodiscard]] std::string resource() const override {
    return "descriptor " + std::to_string(stream_.fd);
  }
  void cancel() noexcept override { complete_cancelled(); }
  int finish(lua_State* L) override {
    if (error_) raise_io(L, error_);
    const IoResult result =
        reading_ ? read_now(stream_.fd, bytes_.writable()) : write_now(stream_.fd, bytes_.view());
    if (result.error) raise_io(L, result.error);
    lua_pushnumber(L, static_cast<lua_Number>(result.bytes));
    return 1;
  }

  /// Of a duplicate, since Asio wants a descriptor of its own, and epoll one of each.
  void start() {
    const int fd = ::fcntl(stream_.fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
      error_ = system_io_error(errno);
      return complete();
    }
    wait_ = std::make_shared<Wait>(*loop_.io, fd, this);
    wait_->descriptor.async_wait(reading_ ? Descriptor::wait_read : Descriptor::wait_write,
                                 [wait = wait_](boost::system::error_code) {
                                   if (wait->owner != nullptr) wait->owner->complete();
                                 });
  }

 private:
  struct Wait {
    Wait(boost::asio::io_context& io, int fd, StreamWait* operation)
        : descriptor{io, fd}, owner{operation} {}
    Descriptor descriptor;
    StreamWait* owner;
  };

  EngineLoop& loop_;
  StandardStream& stream_;
  bool reading_;
  BytesHold bytes_;
  IoError error_;
  std::shared_ptr<Wait> wait_;
};

int transfer(lua_State* L, StandardStream& stream, bool reading) {
  check_may_suspend(L, reading ? "system.in_:read_some" : "system.out:write_some");
  if (stream.pending != nullptr) raise_errno(L, EBUSY);
  auto wait = std::make_unique<StreamWait>(L, stream, reading);
  if (is_ready(stream.fd, reading ? POLLIN : POLLOUT)) return wait->finish(L);
  wait->start();
  return suspend(L, std::move(wait));
}

int l_read_some(lua_State* L) {
  auto& stream = check_object<StandardStream>(L, 1, kInputStream);
  if (check_byte_span(L, 2)->size == 0) raise_bad_argument(L, 2);
  return transfer(L, stream, true);
}

int l_write_some(lua_State* L) {
  auto& stream = check_object<StandardStream>(L, 1, kOutputStream);
  if (check_bytes(L, 2).empty()) {
    lua_pushinteger(L, 0);
    return 1;
  }
  return transfer(L, stream, false);
}

/// Both classes: a userdata of another one is refused.
int l_isatty(lua_State* L) {
  const auto* stream = test_object<StandardStream>(L, 1, kInputStream);
  if (stream == nullptr) stream = &check_object<StandardStream>(L, 1, kOutputStream);
  lua_pushboolean(L, ::isatty(stream->fd));
  return 1;
}

int get(lua_State*, int) { return 0; }
void set(lua_State*, int) {}

constexpr const char* kIsattyHelp = "True if it is a terminal.";
constexpr std::array<LuaFunction, 2> kInputMethods{{
    {"read_some", l_read_some, true, "system.in_:read_some(span) -> number",
     "Reads what is there into the span, at least one byte, and says how many. At the end "
     "`asio_error.misc.eof`. EBUSY while another fiber reads; EINVAL for an empty span."},
    {"isatty", l_isatty, false, "system.in_:isatty() -> boolean", kIsattyHelp},
}};
constexpr std::array<LuaFunction, 2> kOutputMethods{{
    {"write_some", l_write_some, true, "system.out:write_some(span | string) -> number",
     "Writes the beginning of it, at most 4096 bytes unless it goes to a file, and says how many. "
     "EPIPE if nobody reads any more; EBUSY while another fiber waits to write."},
    {"isatty", l_isatty, false, "system.out:isatty() -> boolean", kIsattyHelp},
}};

void push_stream(lua_State* L, const LuaClass& kind, int fd) {
  push_object<StandardStream>(L, kind).fd = fd;
}

}  // namespace

const LuaClass kInputStream{.name = "perilune.system.input",
                            .shown = "system.in_",
                            .methods = kInputMethods,
                            .readable = {},
                            .writable = {},
                            .index = lua_index<get>,
                            .newindex = lua_newindex<set>,
                            .collect = nullptr,
                            .help = "Standard input."};
const LuaClass kOutputStream{.name = "perilune.system.output",
                             .shown = "system.out",
                             .methods = kOutputMethods,
                             .readable = {},
                             .writable = {},
                             .index = lua_index<get>,
                             .newindex = lua_newindex<set>,
                             .collect = nullptr,
                             .help = "Standard output; `system.err` is standard error."};

void set_standard_streams(lua_State* L) {
  push_stream(L, kInputStream, STDIN_FILENO);
  lua_setfield(L, -2, "in_");
  push_stream(L, kOutputStream, STDOUT_FILENO);
  lua_setfield(L, -2, "out");
  push_stream(L, kOutputStream, STDERR_FILENO);
  lua_setfield(L, -2, "err");
}

}  // namespace perilune::runtime
