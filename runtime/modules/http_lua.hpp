#pragma once

/// @file
/// The Lua classes of the `http` module, shared by the files that make it up.

#include "runtime/modules/http_message.hpp"
#include "runtime/modules/http_socket.hpp"
#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

[[nodiscard]] const LuaClass& request_class();
[[nodiscard]] const LuaClass& response_class();
[[nodiscard]] const LuaClass& headers_class();
[[nodiscard]] const LuaClass& http_socket_class();

/// Pushes a new message; raises ENOMEM (category system) if the VM has no memory for it.
MessagePtr push_message(lua_State* L, MessageKind kind);
/// The message at `index`; raises a bad argument if it is none of that kind.
[[nodiscard]] const MessagePtr& check_message(lua_State* L, int index, MessageKind kind);
/// The request or response at `index`.
[[nodiscard]] const MessagePtr& check_any_message(lua_State* L, int index);
/// Raises EBUSY while the message is read into, or (`change`) written from.
void check_unlocked(lua_State* L, const HttpMessage& message, bool change);

enum class FieldTable : std::uint8_t { Headers, Trailers };

/// Pushes a handle to the message's headers or trailers.
void push_headers(lua_State* L, const MessagePtr& message, FieldTable which);
/// Replaces the fields by the value at `index`: nil, a table `{name = value | {values}}` or another
/// message's headers.
void assign_headers(lua_State* L, int index, HttpMessage& message, FieldTable which);

/// Pushes a socket over `backend`, with the VM's limits.
HttpSocketPtr push_http_socket(lua_State* L, std::unique_ptr<HttpBackend> backend);

/// `http.socket.new(stream)`.
int http_socket_new(lua_State* L);

}  // namespace perilune::runtime
