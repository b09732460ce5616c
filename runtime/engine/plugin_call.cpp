// A call of a plugin's function, from the script's to its result, and the table of host functions.
#include <array>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <lua.hpp>
#include <memory>
#include <mutex>
#include <new>

#include "runtime/engine/engine_loop.hpp"
#include "runtime/engine/plugin_value.hpp"
#include "runtime/modules/byte_span.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/vm/operation.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

class PluginWait;

/// Where other threads leave what happened, until the VM's loop is gone. A slot holds one.
struct PluginInbox {
  std::mutex mutex;
  boost::asio::io_context* io = nullptr;
};

struct PluginSlot {
  explicit PluginSlot(Vm& vm) { inbox->io = vm.slot<EngineLoop>().io; }
  ~PluginSlot() {
    const std::lock_guard lock{inbox->mutex};
    inbox->io = nullptr;
  }
  PluginSlot(const PluginSlot&) = delete;
  PluginSlot& operator=(const PluginSlot&) = delete;
  std::shared_ptr<PluginInbox> inbox = std::make_shared<PluginInbox>();
};

/// What a token and the fiber's operation share. The token's owner writes `outcome`, then hands it
/// over; everything else is the VM's thread's.
struct PluginCompletion {
  PluginOutcome outcome;
  PluginWait* wait = nullptr;
  const char* what = "";
  /// Orders `cancel` and the handing over; recursive, since `cancel` may complete.
  std::recursive_mutex mutex;
  bool handed_over = false;
  void (*cancel)(void*) = nullptr;
  void* data = nullptr;
};

class PluginWait final : public Operation {
 public:
  PluginWait(lua_State* L, std::shared_ptr<PluginCompletion> completion)
      : loop_{Vm::of(L).slot<EngineLoop>()}, completion_{std::move(completion)} {
    completion_->wait = this;
    ++loop_.waiting;
  }
  ~PluginWait() override {
    --loop_.waiting;
    completion_->wait = nullptr;
    tell();
  }
  PluginWait(const PluginWait&) = delete;
  PluginWait& operator=(const PluginWait&) = delete;

  [[nodiscard]] const char* name() const noexcept override { return completion_->what; }
  [[nodiscard]] std::string resource() const override { return "a native plugin"; }
  void cancel() noexcept override {
    if (completed()) return;
    tell();
    complete_cancelled();
  }
  int finish(lua_State* L) override { return completion_->outcome.push(L); }
  void arrived() noexcept { complete(); }

 private:
  /// Nobody waits any more; the plugin's `data` is there until it has completed.
  void tell() noexcept {
    const std::lock_guard lock{completion_->mutex};
    if (completion_->handed_over) return;
    const auto cancel = std::exchange(completion_->cancel, nullptr);
    if (cancel != nullptr) cancel(completion_->data);
  }

  EngineLoop& loop_;
  std::shared_ptr<PluginCompletion> completion_;
};

}  // namespace
}  // namespace perilune::runtime

struct perilune_token {
  std::shared_ptr<perilune::runtime::PluginInbox> inbox;
  std::shared_ptr<perilune::runtime::PluginCompletion> completion;
};

struct perilune_call {
  lua_State* L;
  const char* name;
  int arguments;
  bool may_suspend;
  perilune::runtime::PluginOutcome outcome;
  std::shared_ptr<perilune::runtime::PluginCompletion> suspension;
};

namespace perilune::runtime {
namespace {

/// Hands the outcome over to the VM's loop and frees the token.
void deliver(perilune_token* token) noexcept {
  const std::unique_ptr<perilune_token> owned{token};
  {
    const std::lock_guard lock{owned->completion->mutex};
    owned->completion->handed_over = true;
  }
  const std::lock_guard lock{owned->inbox->mutex};
  if (owned->inbox->io == nullptr) return;
  boost::asio::post(*owned->inbox->io, [completion = owned->completion] {
    if (completion->wait != nullptr) completion->wait->arrived();
  });
}

int host_argument_count(perilune_call* call) { return call->arguments; }

perilune_value host_argument(perilune_call* call, int index) {
  perilune_value value{};
  if (index < 1 || index > call->arguments) return value;
  lua_State* L = call->L;
  switch (lua_type(L, index)) {
    case LUA_TNIL: break;
    case LUA_TBOOLEAN:
      value.type = PERILUNE_BOOLEAN;
      value.as.boolean = lua_toboolean(L, index);
      break;
    case LUA_TNUMBER:
      value.type = PERILUNE_NUMBER;
      value.as.number = lua_tonumber(L, index);
      break;
    case LUA_TSTRING:
      value.type = PERILUNE_STRING;
      value.as.string.data = lua_tolstring(L, index, &value.as.string.size);
      break;
    default:
      value.type = PERILUNE_OTHER;
      if (const ByteSpan* span = test_byte_span(L, index)) {
        value.type = PERILUNE_SPAN;
        value.as.span.data = span->data;
        value.as.span.size = span->size;
      } else if (const perilune_class* of = plugin_object(L, index, value.as.object.data)) {
        value.type = PERILUNE_OBJECT;
        value.as.object.of = of;
      }
  }
  return value;
}

void* host_object(perilune_call* call, int index, const perilune_class* of) {
  if (index < 1 || index > call->arguments) return nullptr;
  void* data = nullptr;
  return plugin_object(call->L, index, data) == of ? data : nullptr;
}

int host_result(perilune_call* call, const perilune_value* value) {
  call->outcome.add(value, 1);
  return call->outcome.error ? PERILUNE_FAILED : PERILUNE_OK;
}

int host_fail(perilune_call* call, const char* category, int code, const char* message) {
  call->outcome.fail(category, code, message);
  return PERILUNE_FAILED;
}

int host_fail_argument(perilune_call* call, int index, const char* expected) {
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(), "bad argument #%d to '%s' (%s)", index, call->name,
                expected == nullptr ? "wrong value" : expected);
  call->outcome.fail(kGenericCategory, EINVAL, text.data());
  call->outcome.error->argument = index;
  return PERILUNE_FAILED;
}

perilune_token* host_suspend(perilune_call* call, const char* what, void (*cancel)(void*),
                             void* data) {
  if (!call->may_suspend || call->suspension != nullptr) {
    host_fail(call, kGenericCategory, EPERM,
              call->may_suspend ? "the plugin suspends twice in one call"
                                : "the plugin suspends in a function that may not");
    return nullptr;
  }
  try {
    auto completion = std::make_shared<PluginCompletion>();
    completion->what = what;
    completion->cancel = cancel;
    completion->data = data;
    auto token = std::make_unique<perilune_token>(
        perilune_token{Vm::of(call->L).slot<PluginSlot>().inbox, completion});
    call->suspension = std::move(completion);
    return token.release();
  } catch (const std::bad_alloc&) {
    host_fail(call, kGenericCategory, ENOMEM, nullptr);
    return nullptr;
  }
}

void host_complete(perilune_token* token, const perilune_value* results, std::size_t count) {
  token->completion->outcome.add(results, count);
  deliver(token);
}

void host_complete_error(perilune_token* token, const char* category, int code,
                         const char* message) {
  token->completion->outcome.fail(category, code, message);
  deliver(token);
}

void host_abandon(perilune_token* token) {
  host_complete_error(token, kSystemCategory, ECANCELED, nullptr);
}

Vm* vm_of(perilune_vm* vm) { return static_cast<Vm*>(static_cast<void*>(vm)); }

constexpr perilune_host kHost{
    .abi = PERILUNE_PLUGIN_ABI,
    .size = sizeof(perilune_host),
    .argument_count = host_argument_count,
    .argument = host_argument,
    .object = host_object,
    .result = host_result,
    .fail = host_fail,
    .fail_argument = host_fail_argument,
    .suspend = host_suspend,
    .complete = host_complete,
    .complete_error = host_complete_error,
    .abandon = host_abandon,
    .vm =
        [](perilune_call* call) {
          return static_cast<perilune_vm*>(static_cast<void*>(&Vm::of(call->L)));
        },
    .charge = [](perilune_vm* vm,
                 std::size_t bytes) { return vm_of(vm)->charge_memory(bytes) ? 1 : 0; },
    .release = [](perilune_vm* vm, std::size_t bytes) { vm_of(vm)->release_memory(bytes); },
};

/// Upvalue: the entry.
int call_plugin(lua_State* L) {
  const auto& entry = *static_cast<const perilune_entry*>(lua_touserdata(L, lua_upvalueindex(1)));
  if (entry.suspends != 0) check_may_suspend(L, entry.name);
  luaL_checkstack(L, 8, "call of a plugin");
  perilune_call call{L, entry.name, lua_gettop(L), entry.suspends != 0, {}, {}};
  const int status = entry.function(&kHost, &call, entry.data);
  if (status == PERILUNE_SUSPENDED && call.suspension != nullptr) {
    lua_settop(L, 0);
    return suspend(L, std::make_unique<PluginWait>(L, std::move(call.suspension)));
  }
  const bool known = status == PERILUNE_OK || (status == PERILUNE_FAILED && call.outcome.error);
  if (!known) call.outcome.fail(kGenericCategory, EPROTO, "the plugin's function gave no outcome");
  return call.outcome.push(L);
}

}  // namespace

const perilune_host& plugin_host() noexcept { return kHost; }

void push_plugin_function(lua_State* L, const perilune_entry& entry) {
  lua_pushlightuserdata(L, const_cast<perilune_entry*>(&entry));
  if (entry.suspends != 0) {
    push_suspending(L, call_plugin, 1);
  } else {
    lua_pushcclosure(L, call_plugin, 1);
  }
}

}  // namespace perilune::runtime
