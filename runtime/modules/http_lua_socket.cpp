#include <cerrno>
#include <utility>

#include "runtime/modules/http_gateway.hpp"
#include "runtime/modules/http_lua.hpp"
#include "runtime/modules/http_options.hpp"
#include "runtime/modules/ip_module.hpp"
#include "runtime/modules/net_errors.hpp"
#include "runtime/vm/operation.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

/// A read or write of a socket that could not be done at once.
class HttpOperation : public Operation, protected IoWaiter {
 public:
  HttpOperation(HttpSocketPtr socket, const char* name) : socket_{std::move(socket)}, name_{name} {}
  const char* name() const noexcept override { return name_; }
  std::string resource() const override {
    return std::string{"read_state "}.append(runtime::name(socket_->read_state())) +
           ", write_state " + std::string{runtime::name(socket_->write_state())};
  }

 protected:
  /// The socket's own step after a wake-up.
  virtual Step go_on() = 0;
  void wake() noexcept final {
    if (completed()) return;
    step_ = go_on();
    if (step_ != Step::Pending) complete();
  }

  HttpSocketPtr socket_;
  const char* name_;
  Step step_ = Step::Pending;
};

void after_read(lua_State* L, HttpSocket& socket, bool head) {
  if (head && socket.backend().has_invocations())
    Vm::of(L).set_current_invocation(socket.backend().invocation());
}

class ReadOperation final : public HttpOperation {
 public:
  ReadOperation(HttpSocketPtr socket, const char* name, bool head)
      : HttpOperation{std::move(socket), name}, head_{head} {
    socket_->wait_read(this);
  }
  ~ReadOperation() override {
    socket_->wait_read(nullptr);
    if (step_ == Step::Pending) socket_->abandon_read();
  }
  void cancel() noexcept override {
    if (completed()) return;
    complete_cancelled();
    socket_->wait_read(nullptr);
    socket_->abandon_read();
  }
  int finish(lua_State* L) override {
    socket_->wait_read(nullptr);
    if (step_ == Step::Failed) raise_fault(L, socket_->fault());
    after_read(L, *socket_, head_);
    return 0;
  }

 private:
  Step go_on() override { return socket_->continue_read(); }
  bool head_;
};

class WriteOperation final : public HttpOperation {
 public:
  WriteOperation(HttpSocketPtr socket, const char* name) : HttpOperation{std::move(socket), name} {
    socket_->wait_write(this);
  }
  ~WriteOperation() override {
    socket_->wait_write(nullptr);
    if (step_ == Step::Pending) socket_->abandon_write();
  }
  void cancel() noexcept override {
    if (completed()) return;
    complete_cancelled();
    socket_->wait_write(nullptr);
    socket_->abandon_write();
  }
  int finish(lua_State* L) override {
    socket_->wait_write(nullptr);
    if (step_ == Step::Failed) raise_fault(L, socket_->fault());
    return 0;
  }

 private:
  Step go_on() override { return socket_->continue_write(); }
};

const HttpSocketPtr& check_socket(lua_State* L) {
  const auto& socket = check_object<HttpSocketPtr>(L, 1, http_socket_class());
  if (!socket) raise_errno(L, EBADF);
  return socket;
}

int read_result(lua_State* L, const HttpSocketPtr& socket, Step step, const char* name, bool head) {
  if (step == Step::Failed) raise_fault(L, socket->fault());
  if (step == Step::Pending) return suspend(L, std::make_unique<ReadOperation>(socket, name, head));
  after_read(L, *socket, head);
  return 0;
}

int write_result(lua_State* L, const HttpSocketPtr& socket, Step step, const char* name) {
  if (step == Step::Failed) raise_fault(L, socket->fault());
  if (step == Step::Pending) return suspend(L, std::make_unique<WriteOperation>(socket, name));
  return 0;
}

int l_read_request(lua_State* L) {
  static constexpr const char* kName = "http.socket:read_request";
  check_may_suspend(L, kName);
  const auto& socket = check_socket(L);
  const auto& into = check_message(L, 2, MessageKind::Request);
  // What comes before the next request is on nobody's account.
  if (socket->read_state() == ReadState::Empty && socket->backend().has_invocations())
    Vm::of(L).set_current_invocation(nullptr);
  return read_result(L, socket, socket->read_request(into), kName, true);
}

int l_read_response(lua_State* L) {
  static constexpr const char* kName = "http.socket:read_response";
  check_may_suspend(L, kName);
  const auto& socket = check_socket(L);
  return read_result(L, socket, socket->read_response(check_message(L, 2, MessageKind::Response)),
                     kName, false);
}

int l_read_some(lua_State* L) {
  static constexpr const char* kName = "http.socket:read_some";
  check_may_suspend(L, kName);
  const auto& socket = check_socket(L);
  return read_result(L, socket, socket->read_some(check_any_message(L, 2)), kName, false);
}

int l_write_continue(lua_State* L) {
  static constexpr const char* kName = "http.socket:write_response_continue";
  check_may_suspend(L, kName);
  const auto& socket = check_socket(L);
  return write_result(L, socket, socket->write_continue(), kName);
}

template <MessageKind Kind>
int l_write_message(lua_State* L) {
  static constexpr const char* kName =
      Kind == MessageKind::Response ? "http.socket:write_response" : "http.socket:write_request";
  check_may_suspend(L, kName);
  const auto& socket = check_socket(L);
  return write_result(L, socket, socket->write_message(check_message(L, 2, Kind)), kName);
}

template <MessageKind Kind>
int l_write_metadata(lua_State* L) {
  static constexpr const char* kName = Kind == MessageKind::Response
                                           ? "http.socket:write_response_metadata"
                                           : "http.socket:write_request_metadata";
  check_may_suspend(L, kName);
  const auto& socket = check_socket(L);
  return write_result(L, socket, socket->write_metadata(check_message(L, 2, Kind)), kName);
}

template <HttpSocket::Piece Piece>
int l_write_piece(lua_State* L) {
  static constexpr const char* kName = "http.socket:write";
  check_may_suspend(L, kName);
  const auto& socket = check_socket(L);
  MessagePtr message;
  if (Piece != HttpSocket::Piece::End) message = check_any_message(L, 2);
  return write_result(L, socket, socket->write_piece(std::move(message), Piece), kName);
}

int l_close(lua_State* L) {
  check_socket(L)->close();
  return 0;
}

int l_lock_client_to_http10(lua_State* L) {
  check_socket(L)->backend().lock_to_http10();
  return 0;
}

int l_upgrade(lua_State* L) {
  const auto& socket = check_socket(L);
  auto stream = socket->upgrade();
  if (stream == nullptr) raise_fault(L, socket->fault());
  push_tcp_socket(L, std::move(stream));
  return 1;
}

int l_set_option(lua_State* L) {
  const auto& socket = check_socket(L);
  std::size_t* option = find_http_option(socket->limits(), check_string(L, 2));
  if (option == nullptr) raise_bad_argument(L, 2);
  HttpLimits most = http_limits_of(Vm::of(L));
  const std::size_t top = *find_http_option(most, check_string(L, 2));
  *option = static_cast<std::size_t>(check_integer(L, 3, 0, static_cast<long long>(top)));
  return 0;
}

int l_get_option(lua_State* L) {
  const auto& socket = check_socket(L);
  const std::size_t* option = find_http_option(socket->limits(), check_string(L, 2));
  if (option == nullptr) raise_bad_argument(L, 2);
  lua_pushnumber(L, static_cast<lua_Number>(*option));
  return 1;
}

enum Property : int { kReadState, kWriteState, kIsOpen, kNativeStream };

int get(lua_State* L, int id) {
  const auto& socket = check_socket(L);
  std::string_view text;
  switch (id) {
    case kReadState:
      text = name(socket->read_state());
      lua_pushlstring(L, text.data(), text.size());
      break;
    case kWriteState:
      text = name(socket->write_state());
      lua_pushlstring(L, text.data(), text.size());
      break;
    case kIsOpen: lua_pushboolean(L, socket->is_open()); break;
    default:
      if (socket->read_state() == ReadState::Empty) raise_errno(L, EINVAL);
      lua_pushboolean(L, socket->backend().native_stream());
      break;
  }
  return 1;
}

void set(lua_State* L, int) { raise_errno(L, EPERM); }

constexpr std::array<LuaFunction, 17> kMethods{{
    {"read_request", l_read_request, true},
    {"read_response", l_read_response, true},
    {"read_some", l_read_some, true},
    {"write_response_continue", l_write_continue, true},
    {"write_response", l_write_message<MessageKind::Response>, true},
    {"write_request", l_write_message<MessageKind::Request>, true},
    {"write_response_metadata", l_write_metadata<MessageKind::Response>, true},
    {"write_request_metadata", l_write_metadata<MessageKind::Request>, true},
    {"write", l_write_piece<HttpSocket::Piece::Body>, true},
    {"write_trailers", l_write_piece<HttpSocket::Piece::Trailers>, true},
    {"write_end_of_message", l_write_piece<HttpSocket::Piece::End>, true},
    {"close", l_close},
    {"upgrade", l_upgrade},
    {"lock_client_to_http10", l_lock_client_to_http10},
    {"set_option", l_set_option},
    {"get_option", l_get_option},
    {"cancel", l_close},
}};
constexpr std::array<LuaProperty, 4> kProperties{
    {{"read_state", kReadState},
     {"write_state", kWriteState},
     {"is_open", kIsOpen},
     {"is_write_response_native_stream", kNativeStream}}};

}  // namespace

const LuaClass& http_socket_class() {
  static constexpr LuaClass kClass{"perilune.http.socket",
                                   "http.socket",
                                   kMethods,
                                   kProperties,
                                   {},
                                   lua_index<get>,
                                   lua_newindex<set>,
                                   collect_object<HttpSocketPtr>};
  return kClass;
}

HttpSocketPtr push_http_socket(lua_State* L, std::unique_ptr<HttpBackend> backend) {
  auto& handle = push_object<HttpSocketPtr>(L, http_socket_class());
  handle.reset(new HttpSocket{std::move(backend), http_limits_of(Vm::of(L))});
  return handle;
}

int http_socket_new(lua_State* L) {
  Vm& vm = Vm::of(L);
  auto stream = take_stream(L, 1);
  if (stream == nullptr) raise_bad_argument(L, 1);
  if (auto connection = stream->take_gateway()) {
    push_http_socket(L, make_gateway_backend(std::move(connection)));
    return 1;
  }
  const MakeStreamBackend make = http_stream_backend_of(vm);
  if (make == nullptr) raise_errno(L, EOPNOTSUPP);
  push_http_socket(L, make(vm, std::move(stream)));
  return 1;
}

}  // namespace perilune::runtime
