// require 'generic_error' and require 'asio_error': tables whose fields are made on access.

#include <netdb.h>

#include <array>
#include <cerrno>
#include <lua.hpp>
#include <span>
#include <string_view>

#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

struct Name {
  std::string_view name;
  int code;
};

// The POSIX names that std::errc has.
constexpr std::array<Name, 78> kGeneric{{
    {"E2BIG", E2BIG},
    {"EACCES", EACCES},
    {"EADDRINUSE", EADDRINUSE},
    {"EADDRNOTAVAIL", EADDRNOTAVAIL},
    {"EAFNOSUPPORT", EAFNOSUPPORT},
    {"EAGAIN", EAGAIN},
    {"EALREADY", EALREADY},
    {"EBADF", EBADF},
    {"EBADMSG", EBADMSG},
    {"EBUSY", EBUSY},
    {"ECANCELED", ECANCELED},
    {"ECHILD", ECHILD},
    {"ECONNABORTED", ECONNABORTED},
    {"ECONNREFUSED", ECONNREFUSED},
    {"ECONNRESET", ECONNRESET},
    {"EDEADLK", EDEADLK},
    {"EDESTADDRREQ", EDESTADDRREQ},
    {"EDOM", EDOM},
    {"EEXIST", EEXIST},
    {"EFAULT", EFAULT},
    {"EFBIG", EFBIG},
    {"EHOSTUNREACH", EHOSTUNREACH},
    {"EIDRM", EIDRM},
    {"EILSEQ", EILSEQ},
    {"EINPROGRESS", EINPROGRESS},
    {"EINTR", EINTR},
    {"EINVAL", EINVAL},
    {"EIO", EIO},
    {"EISCONN", EISCONN},
    {"EISDIR", EISDIR},
    {"ELOOP", ELOOP},
    {"EMFILE", EMFILE},
    {"EMLINK", EMLINK},
    {"EMSGSIZE", EMSGSIZE},
    {"ENAMETOOLONG", ENAMETOOLONG},
    {"ENETDOWN", ENETDOWN},
    {"ENETRESET", ENETRESET},
    {"ENETUNREACH", ENETUNREACH},
    {"ENFILE", ENFILE},
    {"ENOBUFS", ENOBUFS},
    {"ENODATA", ENODATA},
    {"ENODEV", ENODEV},
    {"ENOENT", ENOENT},
    {"ENOEXEC", ENOEXEC},
    {"ENOLCK", ENOLCK},
    {"ENOLINK", ENOLINK},
    {"ENOMEM", ENOMEM},
    {"ENOMSG", ENOMSG},
    {"ENOPROTOOPT", ENOPROTOOPT},
    {"ENOSPC", ENOSPC},
    {"ENOSR", ENOSR},
    {"ENOSTR", ENOSTR},
    {"ENOSYS", ENOSYS},
    {"ENOTCONN", ENOTCONN},
    {"ENOTDIR", ENOTDIR},
    {"ENOTEMPTY", ENOTEMPTY},
    {"ENOTRECOVERABLE", ENOTRECOVERABLE},
    {"ENOTSOCK", ENOTSOCK},
    {"ENOTSUP", ENOTSUP},
    {"ENOTTY", ENOTTY},
    {"ENXIO", ENXIO},
    {"EOPNOTSUPP", EOPNOTSUPP},
    {"EOVERFLOW", EOVERFLOW},
    {"EOWNERDEAD", EOWNERDEAD},
    {"EPERM", EPERM},
    {"EPIPE", EPIPE},
    {"EPROTO", EPROTO},
    {"EPROTONOSUPPORT", EPROTONOSUPPORT},
    {"EPROTOTYPE", EPROTOTYPE},
    {"ERANGE", ERANGE},
    {"EROFS", EROFS},
    {"ESPIPE", ESPIPE},
    {"ESRCH", ESRCH},
    {"ETIME", ETIME},
    {"ETIMEDOUT", ETIMEDOUT},
    {"ETXTBSY", ETXTBSY},
    {"EWOULDBLOCK", EWOULDBLOCK},
    {"EXDEV", EXDEV},
}};

constexpr std::array<Name, 34> kBasic{{
    {"access_denied", EACCES},
    {"address_family_not_supported", EAFNOSUPPORT},
    {"address_in_use", EADDRINUSE},
    {"already_connected", EISCONN},
    {"already_started", EALREADY},
    {"broken_pipe", EPIPE},
    {"connection_aborted", ECONNABORTED},
    {"connection_refused", ECONNREFUSED},
    {"connection_reset", ECONNRESET},
    {"bad_descriptor", EBADF},
    {"fault", EFAULT},
    {"host_unreachable", EHOSTUNREACH},
    {"in_progress", EINPROGRESS},
    {"interrupted", EINTR},
    {"invalid_argument", EINVAL},
    {"message_size", EMSGSIZE},
    {"name_too_long", ENAMETOOLONG},
    {"network_down", ENETDOWN},
    {"network_reset", ENETRESET},
    {"network_unreachable", ENETUNREACH},
    {"no_descriptors", EMFILE},
    {"no_buffer_space", ENOBUFS},
    {"no_memory", ENOMEM},
    {"no_permission", EPERM},
    {"no_protocol_option", ENOPROTOOPT},
    {"no_such_device", ENODEV},
    {"not_connected", ENOTCONN},
    {"not_socket", ENOTSOCK},
    {"operation_aborted", ECANCELED},
    {"operation_not_supported", EOPNOTSUPP},
    {"shut_down", ESHUTDOWN},
    {"timed_out", ETIMEDOUT},
    {"try_again", EAGAIN},
    {"would_block", EWOULDBLOCK},
}};

constexpr std::array<Name, 4> kNetdb{{{"host_not_found", HOST_NOT_FOUND},
                                      {"host_not_found_try_again", TRY_AGAIN},
                                      {"no_data", NO_DATA},
                                      {"no_recovery", NO_RECOVERY}}};

constexpr std::array<Name, 2> kAddrinfo{
    {{"service_not_found", EAI_SERVICE}, {"socket_type_not_supported", EAI_SOCKTYPE}}};

constexpr std::array<Name, 4> kMisc{
    {{"already_open", 1}, {"eof", 2}, {"not_found", 3}, {"fd_set_failure", 4}}};

struct Group {
  const char* name;
  const char* category;
  std::span<const Name> rows;
};

constexpr Group kGenericGroup{"generic_error", kGenericCategory, kGeneric};
constexpr std::array<Group, 4> kAsioGroups{{{"basic", kSystemCategory, kBasic},
                                            {"netdb", kNetdbCategory, kNetdb},
                                            {"addrinfo", kAddrinfoCategory, kAddrinfo},
                                            {"misc", kAsioMiscCategory, kMisc}}};

/// `group.NAME`: a new error each time, so that nobody else's fields are in it.
int group_index(lua_State* L) {
  const auto* group = static_cast<const Group*>(lua_touserdata(L, lua_upvalueindex(1)));
  std::size_t size = 0;
  const char* key = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &size) : "";
  for (const Name& row : group->rows) {
    if (row.name == std::string_view{key, size}) {
      push_code(L, group->category, row.code);
      return 1;
    }
  }
  push_code(L, kCoreCategory, static_cast<int>(CoreError::BadIndex));
  lua_pushvalue(L, 2);
  lua_setfield(L, -2, "index");
  return lua_error(L);
}

int read_only(lua_State* L) { raise_code(L, kGenericCategory, EPERM); }

/// An empty table with a metatable that makes the errors.
void push_group(lua_State* L, const Group& group) {
  lua_newtable(L);
  lua_createtable(L, 0, 3);
  lua_pushlightuserdata(L, const_cast<Group*>(&group));
  lua_pushcclosure(L, group_index, 1);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, read_only);
  lua_setfield(L, -2, "__newindex");
  lua_pushstring(L, group.name);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
}

}  // namespace

int open_generic_error(lua_State* L) {
  push_group(L, kGenericGroup);
  return 1;
}

int open_asio_error(lua_State* L) {
  lua_createtable(L, 0, static_cast<int>(kAsioGroups.size()));
  for (const Group& group : kAsioGroups) {
    push_group(L, group);
    lua_setfield(L, -2, group.name);
  }
  return 1;
}

}  // namespace perilune::runtime
