#include <array>
#include <cerrno>
#include <optional>

#include "runtime/modules/byte_span.hpp"
#include "runtime/modules/ip_lua.hpp"
#include "runtime/modules/ip_module.hpp"
#include "runtime/modules/ip_operation.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

struct LuaSocket {
  LuaSocket() = default;
  LuaSocket(const LuaSocket&) = delete;
  LuaSocket& operator=(const LuaSocket&) = delete;
  std::shared_ptr<Stream> stream;  ///< shared with pending operations: either may go first
  IoOperation* reading = nullptr;
  IoOperation* writing = nullptr;
  std::optional<Endpoint> bound;
  bool opened = false;  ///< `open` was called, `connect` not yet
  SocketCount count;
};

const LuaClass& socket_class();

LuaSocket& self(lua_State* L) { return check_object<LuaSocket>(L, 1, socket_class()); }

Stream& check_connected(lua_State* L) {
  const LuaSocket& socket = self(L);
  if (!socket.stream) raise_errno(L, socket.opened ? ENOTCONN : EBADF);
  return *socket.stream;
}

void check(lua_State* L, const IoError& error) {
  if (error) raise_io(L, error);
}

enum class Direction : std::uint8_t { Read, Write };

/// A read or a write of bytes that could not be done at once.
template <Direction Way>
class TransferOperation final : public IoOperation {
 public:
  TransferOperation(lua_State* L, std::shared_ptr<Stream> stream, IoOperation*& place)
      : IoOperation{kName, place}, stream_{std::move(stream)}, bytes_{L, 2} {
    wait();
  }
  ~TransferOperation() override { stop_waiting(); }
  std::string resource() const override { return to_string(stream_->remote()); }

  static constexpr const char* kName =
      Way == Direction::Read ? "tcp.socket:read_some" : "tcp.socket:write_some";

 private:
  bool attempt() override {
    const IoResult result = transfer();
    if (result.error.would_block()) return false;
    error_ = result.error;
    count_ = result.bytes;
    return true;
  }
  IoResult transfer() {
    if constexpr (Way == Direction::Read) {
      return stream_->read_some(std::as_writable_bytes(bytes_.writable()));
    } else {
      return stream_->write_some(std::as_bytes(std::span{bytes_.view()}));
    }
  }
  void wait() override { wait_with(this); }
  void stop_waiting() noexcept override { wait_with(nullptr); }
  void wait_with(IoWaiter* waiter) {
    Way == Direction::Read ? stream_->wait_readable(waiter) : stream_->wait_writable(waiter);
  }
  int push_result(lua_State* L) override {
    lua_pushnumber(L, static_cast<lua_Number>(count_));
    return 1;
  }

  std::shared_ptr<Stream> stream_;
  BytesHold bytes_;
  std::size_t count_ = 0;
};
using ReadOperation = TransferOperation<Direction::Read>;
using WriteOperation = TransferOperation<Direction::Write>;

class ConnectOperation final : public IoOperation {
 public:
  ConnectOperation(LuaSocket& socket, Network& network, std::shared_ptr<Stream> stream)
      : IoOperation{"tcp.socket:connect", socket.writing},
        network_{network},
        stream_{std::move(stream)} {
    wait();
  }
  ~ConnectOperation() override {
    stop_waiting();
    if (!connected_) stream_->close();
  }
  std::string resource() const override { return to_string(stream_->remote()); }

 private:
  bool attempt() override {
    error_ = network_.connect_result(*stream_);
    if (!error_.would_block()) {
      connected_ = !error_;
      return true;
    }
    error_ = {};
    return false;
  }
  void wait() override { stream_->wait_writable(this); }
  void stop_waiting() noexcept override { stream_->wait_writable(nullptr); }
  int push_result(lua_State*) override { return 0; }

  Network& network_;
  std::shared_ptr<Stream> stream_;
  bool connected_ = false;
};

int l_open(lua_State* L) {
  LuaSocket& socket = self(L);
  (void)check_family(L, 2);
  if (socket.stream || socket.opened) raise_io(L, misc_io_error(kMiscAlreadyOpen));
  socket.count.take(L);
  socket.opened = true;
  return 0;
}

int l_bind(lua_State* L) {
  LuaSocket& socket = self(L);
  if (!socket.opened) raise_errno(L, EBADF);
  socket.bound = Endpoint{check_address(L, 2), check_port(L, 3)};
  return 0;
}

int l_connect(lua_State* L) {
  check_may_suspend(L, "tcp.socket:connect");
  LuaSocket& socket = self(L);
  const Endpoint remote{check_address(L, 2), check_port(L, 3)};
  if (socket.writing != nullptr) raise_errno(L, EBUSY);
  if (socket.stream && socket.stream->is_open()) raise_errno(L, EISCONN);
  Network& network = check_network(L);
  socket.count.take(L);
  IoError error;
  std::shared_ptr<Stream> stream =
      network.connect(Vm::of(L), remote, socket.bound ? &*socket.bound : nullptr, error);
  check(L, error);
  socket.stream = stream;
  socket.opened = false;
  error = network.connect_result(*stream);
  if (error.would_block())
    return suspend(L, std::make_unique<ConnectOperation>(socket, network, std::move(stream)));
  if (error) stream->close();
  check(L, error);
  return 0;
}

int l_read_some(lua_State* L) {
  check_may_suspend(L, ReadOperation::kName);
  LuaSocket& socket = self(L);
  Stream& stream = check_connected(L);
  const ByteSpan* span = check_byte_span(L, 2);
  if (socket.reading != nullptr) raise_errno(L, EBUSY);
  if (span->size == 0) {
    lua_pushinteger(L, 0);
    return 1;
  }
  const IoResult result = stream.read_some(std::as_writable_bytes(span->bytes()));
  if (result.error.would_block())
    return suspend(L, std::make_unique<ReadOperation>(L, socket.stream, socket.reading));
  check(L, result.error);
  lua_pushnumber(L, static_cast<lua_Number>(result.bytes));
  return 1;
}

int l_write_some(lua_State* L) {
  check_may_suspend(L, WriteOperation::kName);
  LuaSocket& socket = self(L);
  Stream& stream = check_connected(L);
  const std::string_view bytes = check_bytes(L, 2);
  if (socket.writing != nullptr) raise_errno(L, EBUSY);
  if (bytes.empty()) {
    lua_pushinteger(L, 0);
    return 1;
  }
  const IoResult result = stream.write_some(std::as_bytes(std::span{bytes}));
  if (result.error.would_block())
    return suspend(L, std::make_unique<WriteOperation>(L, socket.stream, socket.writing));
  check(L, result.error);
  lua_pushnumber(L, static_cast<lua_Number>(result.bytes));
  return 1;
}

void abort_pending(LuaSocket& socket) {
  if (socket.reading != nullptr) socket.reading->abort();
  if (socket.writing != nullptr) socket.writing->abort();
}

int l_cancel(lua_State* L) {
  abort_pending(self(L));
  return 0;
}

int l_close(lua_State* L) {
  LuaSocket& socket = self(L);
  abort_pending(socket);
  if (socket.stream) socket.stream->close();
  socket.stream.reset();
  socket.bound.reset();
  socket.opened = false;
  socket.count.release();
  return 0;
}

int l_shutdown(lua_State* L) {
  Stream& stream = check_connected(L);
  const std::string_view what = check_string(L, 2);
  if (what == "receive") {
    check(L, stream.shutdown(StreamEnd::Receive));
  } else if (what == "send") {
    check(L, stream.shutdown(StreamEnd::Send));
  } else if (what == "both") {
    check(L, stream.shutdown(StreamEnd::Both));
  } else {
    raise_bad_argument(L, 2);
  }
  return 0;
}

int l_set_option(lua_State* L) {
  check(L, check_connected(L).set_option(check_string(L, 2), check_option_value(L, 3)));
  return 0;
}

enum Property : int { kIsOpen, kLocalAddress, kLocalPort, kRemoteAddress, kRemotePort };

int get(lua_State* L, int id) {
  if (id == kIsOpen) {
    const LuaSocket& socket = self(L);
    lua_pushboolean(L, socket.opened || (socket.stream && socket.stream->is_open()));
    return 1;
  }
  const Stream& stream = check_connected(L);
  const bool local = id == kLocalAddress || id == kLocalPort;
  const Endpoint endpoint = local ? stream.local() : stream.remote();
  if (id == kLocalAddress || id == kRemoteAddress) {
    push_address(L, endpoint.address);
  } else {
    lua_pushinteger(L, endpoint.port);
  }
  return 1;
}

void set(lua_State* L, int) { raise_errno(L, EPERM); }

constexpr std::array<LuaFunction, 11> kMethods{{{"open", l_open},
                                                {"bind", l_bind},
                                                {"connect", l_connect, true},
                                                {"read_some", l_read_some, true},
                                                {"write_some", l_write_some, true},
                                                {"receive", l_read_some, true},
                                                {"send", l_write_some, true},
                                                {"cancel", l_cancel},
                                                {"close", l_close},
                                                {"shutdown", l_shutdown},
                                                {"set_option", l_set_option}}};
constexpr std::array<LuaProperty, 5> kProperties{{{"is_open", kIsOpen},
                                                  {"local_address", kLocalAddress},
                                                  {"local_port", kLocalPort},
                                                  {"remote_address", kRemoteAddress},
                                                  {"remote_port", kRemotePort}}};

const LuaClass& socket_class() {
  static constexpr LuaClass kClass{
      "perilune.ip.tcp.socket", "ip.tcp.socket",          kMethods, kProperties, {}, lua_index<get>,
      lua_newindex<set>,        collect_object<LuaSocket>};
  return kClass;
}

}  // namespace

std::shared_ptr<Stream> take_stream(lua_State* L, int index) {
  auto* socket = test_object<LuaSocket>(L, index, socket_class());
  if (socket == nullptr) return nullptr;
  if (socket->reading != nullptr || socket->writing != nullptr) raise_errno(L, EBUSY);
  if (!socket->stream || !socket->stream->is_open()) raise_errno(L, EBADF);
  socket->count.release();
  return std::move(socket->stream);
}

int tcp_socket_new(lua_State* L) {
  push_object<LuaSocket>(L, socket_class());
  return 1;
}

void push_tcp_socket(lua_State* L, std::shared_ptr<Stream> stream) {
  auto& socket = push_object<LuaSocket>(L, socket_class());
  socket.count.take(L);
  socket.stream = std::move(stream);
}

}  // namespace perilune::runtime
