#include <cerrno>

#include "runtime/modules/http_lua.hpp"
#include "runtime/modules/net_errors.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

enum Property : int { kMethod, kTarget, kStatus, kReason, kHeaders, kTrailers, kBody };

void push_text(lua_State* L, std::string_view text) {
  lua_pushlstring(L, text.data(), text.size());
}

template <MessageKind Kind>
int get(lua_State* L, int id) {
  const MessagePtr& message = check_message(L, 1, Kind);
  check_unlocked(L, *message, false);
  switch (id) {
    case kMethod: push_text(L, message->method); break;
    case kTarget: push_text(L, message->target); break;
    case kStatus: lua_pushinteger(L, message->status); break;
    case kReason: push_text(L, message->reason); break;
    case kHeaders: push_headers(L, message, FieldTable::Headers); break;
    case kTrailers: push_headers(L, message, FieldTable::Trailers); break;
    default: push_text(L, message->body()); break;
  }
  return 1;
}

void set_body(lua_State* L, HttpMessage& message) {
  if (lua_isnil(L, 3)) {
    message.clear_body();
    return;
  }
  const std::string_view text = check_string(L, 3);
  const std::uint64_t limit = Vm::of(L).config().limits.raw(Limit::Body);
  if (text.size() > limit) raise_fault(L, HttpFault{HttpErrc::BodyTooLarge, {}, {}});
  if (!message.set_body(text)) raise_errno(L, ENOMEM);
}

/// What is set is checked when it is sent, but may not be longer than could ever be.
void set_text(lua_State* L, std::string& into) {
  const std::string_view text = lua_isnil(L, 3) ? std::string_view{} : check_string(L, 3);
  if (text.size() > Vm::of(L).config().limits.raw(Limit::Target)) raise_bad_argument(L, 3);
  into.assign(text);
}

template <MessageKind Kind>
void set(lua_State* L, int id) {
  HttpMessage& message = *check_message(L, 1, Kind);
  check_unlocked(L, message, true);
  switch (id) {
    case kMethod: set_text(L, message.method); break;
    case kTarget: set_text(L, message.target); break;
    case kStatus: message.status = static_cast<std::uint16_t>(check_integer(L, 3, 100, 599)); break;
    case kReason: set_text(L, message.reason); break;
    case kHeaders: assign_headers(L, 3, message, FieldTable::Headers); break;
    case kTrailers: assign_headers(L, 3, message, FieldTable::Trailers); break;
    default: set_body(L, message); return;
  }
  if (!message.account()) raise_errno(L, ENOMEM);
}

constexpr std::array<LuaProperty, 5> kRequestProperties{{{"method", kMethod},
                                                         {"target", kTarget},
                                                         {"headers", kHeaders},
                                                         {"trailers", kTrailers},
                                                         {"body", kBody}}};
constexpr std::array<LuaProperty, 5> kResponseProperties{{{"status", kStatus},
                                                          {"reason", kReason},
                                                          {"headers", kHeaders},
                                                          {"trailers", kTrailers},
                                                          {"body", kBody}}};

}  // namespace

const LuaClass& request_class() {
  static constexpr LuaClass kClass{"perilune.http.request",
                                   "http.request",
                                   {},
                                   kRequestProperties,
                                   kRequestProperties,
                                   lua_index<get<MessageKind::Request>>,
                                   lua_newindex<set<MessageKind::Request>>,
                                   collect_object<MessagePtr>};
  return kClass;
}

const LuaClass& response_class() {
  static constexpr LuaClass kClass{"perilune.http.response",
                                   "http.response",
                                   {},
                                   kResponseProperties,
                                   kResponseProperties,
                                   lua_index<get<MessageKind::Response>>,
                                   lua_newindex<set<MessageKind::Response>>,
                                   collect_object<MessagePtr>};
  return kClass;
}

MessagePtr push_message(lua_State* L, MessageKind kind) {
  const LuaClass& definition = kind == MessageKind::Request ? request_class() : response_class();
  auto& handle = push_object<MessagePtr>(L, definition);
  handle.reset(new HttpMessage{Vm::of(L), kind});
  if (!handle->account()) raise_errno(L, ENOMEM);
  return handle;
}

const MessagePtr& check_message(lua_State* L, int index, MessageKind kind) {
  return check_object<MessagePtr>(
      L, index, kind == MessageKind::Request ? request_class() : response_class());
}

const MessagePtr& check_any_message(lua_State* L, int index) {
  if (const auto* request = test_object<MessagePtr>(L, index, request_class())) return *request;
  return check_message(L, index, MessageKind::Response);
}

void check_unlocked(lua_State* L, const HttpMessage& message, bool change) {
  if (message.filling || (change && message.senders > 0)) raise_errno(L, EBUSY);
}

}  // namespace perilune::runtime
