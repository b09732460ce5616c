#include <array>
#include <cerrno>

#include "runtime/modules/ip_lua.hpp"
#include "runtime/modules/ip_module.hpp"
#include "runtime/modules/ip_operation.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

struct LuaAcceptor {
  LuaAcceptor() = default;
  LuaAcceptor(const LuaAcceptor&) = delete;
  LuaAcceptor& operator=(const LuaAcceptor&) = delete;
  std::shared_ptr<Acceptor> acceptor;  ///< shared with a pending accept: either may go first
  IoOperation* pending = nullptr;
  SocketCount count;
};

const LuaClass& acceptor_class();

LuaAcceptor& self(lua_State* L) { return check_object<LuaAcceptor>(L, 1, acceptor_class()); }

Acceptor& check_open(lua_State* L) {
  const auto& acceptor = self(L).acceptor;
  if (!acceptor || !acceptor->is_open()) raise_errno(L, EBADF);
  return *acceptor;
}

void check(lua_State* L, const IoError& error) {
  if (error) raise_io(L, error);
}

class AcceptOperation final : public IoOperation {
 public:
  AcceptOperation(std::shared_ptr<Acceptor> acceptor, IoOperation*& place)
      : IoOperation{"tcp.acceptor:accept", place}, acceptor_{std::move(acceptor)} {
    wait();
  }
  ~AcceptOperation() override { stop_waiting(); }
  std::string resource() const override { return to_string(acceptor_->local()); }

 private:
  bool attempt() override {
    stream_ = acceptor_->accept(error_);
    if (!error_.would_block()) return true;
    error_ = {};
    return false;
  }
  void wait() override { acceptor_->wait_acceptable(this); }
  void stop_waiting() noexcept override {
    if (acceptor_->is_open()) acceptor_->wait_acceptable(nullptr);
  }
  int push_result(lua_State* L) override {
    push_tcp_socket(L, std::move(stream_));
    return 1;
  }

  std::shared_ptr<Acceptor> acceptor_;
  std::unique_ptr<Stream> stream_;
};

int l_open(lua_State* L) {
  LuaAcceptor& acceptor = self(L);
  const bool v6 = check_family(L, 2);
  if (acceptor.acceptor && acceptor.acceptor->is_open())
    raise_io(L, misc_io_error(kMiscAlreadyOpen));
  Network& network = check_network(L);
  acceptor.count.take(L);
  IoError error;
  acceptor.acceptor = network.open_acceptor(Vm::of(L), v6, error);
  if (error) acceptor.count.release();
  check(L, error);
  return 0;
}

int l_set_option(lua_State* L) {
  check(L, check_open(L).set_option(check_string(L, 2), check_option_value(L, 3)));
  return 0;
}

int l_bind(lua_State* L) {
  Acceptor& acceptor = check_open(L);
  check(L, acceptor.bind({check_address(L, 2), check_port(L, 3)}));
  return 0;
}

int l_listen(lua_State* L) {
  Acceptor& acceptor = check_open(L);
  const auto backlog = lua_isnoneornil(L, 2) ? 4096 : check_integer(L, 2, 0, INT32_MAX);
  check(L, acceptor.listen(static_cast<int>(backlog)));
  return 0;
}

int l_accept(lua_State* L) {
  check_may_suspend(L, "tcp.acceptor:accept");
  LuaAcceptor& acceptor = self(L);
  check_open(L);
  if (acceptor.pending != nullptr) raise_errno(L, EBUSY);
  if (acceptor.acceptor->delivers_requests()) Vm::of(L).set_current_invocation(nullptr);
  IoError error;
  if (auto stream = acceptor.acceptor->accept(error)) {
    push_tcp_socket(L, std::move(stream));
    return 1;
  }
  if (!error.would_block()) check(L, error);
  return suspend(L, std::make_unique<AcceptOperation>(acceptor.acceptor, acceptor.pending));
}

int l_cancel(lua_State* L) {
  if (IoOperation* pending = self(L).pending) pending->abort();
  return 0;
}

int l_close(lua_State* L) {
  LuaAcceptor& acceptor = self(L);
  if (acceptor.pending != nullptr) acceptor.pending->abort();
  if (acceptor.acceptor) acceptor.acceptor->close();
  acceptor.acceptor.reset();
  acceptor.count.release();
  return 0;
}

enum Property : int { kIsOpen, kLocalAddress, kLocalPort };

int get(lua_State* L, int id) {
  if (id == kIsOpen) {
    const auto& acceptor = self(L).acceptor;
    lua_pushboolean(L, acceptor && acceptor->is_open());
    return 1;
  }
  const Endpoint local = check_open(L).local();
  if (id == kLocalAddress) {
    push_address(L, local.address);
  } else {
    lua_pushinteger(L, local.port);
  }
  return 1;
}

void set(lua_State* L, int) { raise_errno(L, EPERM); }

constexpr std::array<LuaFunction, 7> kMethods{{{"open", l_open},
                                               {"set_option", l_set_option},
                                               {"bind", l_bind},
                                               {"listen", l_listen},
                                               {"accept", l_accept, true},
                                               {"cancel", l_cancel},
                                               {"close", l_close}}};
constexpr std::array<LuaProperty, 3> kProperties{
    {{"is_open", kIsOpen}, {"local_address", kLocalAddress}, {"local_port", kLocalPort}}};

const LuaClass& acceptor_class() {
  static constexpr LuaClass kClass{"perilune.ip.tcp.acceptor",
                                   "ip.tcp.acceptor",
                                   kMethods,
                                   kProperties,
                                   {},
                                   lua_index<get>,
                                   lua_newindex<set>,
                                   collect_object<LuaAcceptor>};
  return kClass;
}

}  // namespace

int acceptor_new(lua_State* L) {
  push_object<LuaAcceptor>(L, acceptor_class());
  return 1;
}

}  // namespace perilune::runtime
