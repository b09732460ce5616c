#include "runtime/engine/system_engine.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <lua.hpp>
#include <string_view>
#include <vector>

#include "runtime/engine/engine_loop.hpp"
#include "runtime/modules/system.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

/// The option `force` of the table at index 2: 0 none, 2 quick, 3 abort.
int check_force(lua_State* L) {
  if (lua_isnoneornil(L, 2)) return 0;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_pushliteral(L, "force");
  lua_rawget(L, 2);
  if (lua_isnil(L, -1)) return 0;
  if (lua_type(L, -1) == LUA_TSTRING && std::string_view{lua_tostring(L, -1)} == "abort") return 3;
  if (lua_type(L, -1) != LUA_TNUMBER) raise_bad_argument(L, 2);
  const lua_Number number = lua_tonumber(L, -1);
  if (number == 1) raise_errno(L, ENOTSUP);
  if (number != 0 && number != 2) raise_bad_argument(L, 2);
  return static_cast<int>(number);
}

int l_exit(lua_State* L) {
  const int code =
      lua_isnoneornil(L, 1) ? 0 : static_cast<int>(check_integer(L, 1, INT_MIN, INT_MAX));
  const int force = check_force(L);
  if (force == 3) std::abort();
  if (force == 2) {
    std::fflush(stdout);
    std::quick_exit(code);
  }
  Vm& vm = Vm::of(L);
  vm.slot<EngineLoop>().exit_status = code;
  vm.end(Outcome::Canceled, "system.exit");
  return 0;
}

template <pid_t (*Get)()>
int l_number(lua_State* L) {
  lua_pushinteger(L, Get());
  return 1;
}

/// pid (0 or nothing: this process) -> what the kernel knows of it.
template <pid_t (*Get)(pid_t)>
int l_number_of(lua_State* L) {
  const auto pid = lua_isnoneornil(L, 1) ? 0 : check_integer(L, 1, 0, INT_MAX);
  const pid_t found = Get(static_cast<pid_t>(pid));
  if (found < 0) raise_system(L, errno);
  lua_pushinteger(L, found);
  return 1;
}

template <typename Id, int (*Get)(Id*, Id*, Id*)>
int l_ids(lua_State* L) {
  Id real = 0;
  Id effective = 0;
  Id saved = 0;
  if (Get(&real, &effective, &saved) != 0) raise_system(L, errno);
  for (const Id id : {real, effective, saved}) lua_pushnumber(L, id);
  return 3;
}

int l_groups(lua_State* L) {
  const int count = ::getgroups(0, nullptr);
  if (count < 0) raise_system(L, errno);
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  const int got = ::getgroups(count, groups.data());
  if (got < 0) raise_system(L, errno);
  lua_createtable(L, got, 0);
  for (int i = 0; i < got; ++i) {
    lua_pushnumber(L, groups[static_cast<std::size_t>(i)]);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

constexpr std::array<LuaFunction, 10> kFunctions{{
    // Registered by open_system, for hosted apps too.
    {"set_uncaught_hook", nullptr, false, "system.set_uncaught_hook(function | nil)",
     "From now on `f(error, traceback, fiber_id)` is called, in a fiber of its own, for each error "
     "that "
     "ended a fiber and that nobody can hear of, because its handle was detached or collected. "
     "nil: such "
     "errors are told on standard error (in a hosted app: logged) again. If the hook fails, both "
     "errors are."},
    {"exit", l_exit, false, "system.exit([code [, {force=…}]])",
     "Ends the program with this exit status (0). Nothing unwinds: no fiber's cleanup handler "
     "runs, "
     "and no other fiber runs on. `force = 2` ends the process without finalisers, `force = "
     "'abort'` by SIGABRT; 1 is ENOTSUP, anything else EINVAL. Only under `perilune run`."},
    {"getpid", l_number<::getpid>, false, "system.getpid() -> number",
     "The process's number. Like all that follow only under `perilune run`."},
    {"getppid", l_number<::getppid>, false, "system.getppid() -> number", "Its parent's."},
    {"getpgrp", l_number<::getpgrp>, false, "system.getpgrp() -> number", "Its process group."},
    {"getpgid", l_number_of<::getpgid>, false, "system.getpgid([pid]) -> number",
     "The process group of `pid` (0: this process). ESRCH if there is no such process."},
    {"getsid", l_number_of<::getsid>, false, "system.getsid([pid]) -> number",
     "The session of `pid` (0: this process). ESRCH if there is no such process."},
    {"getresuid", l_ids<uid_t, ::getresuid>, false, "system.getresuid() -> real, effective, saved",
     "User numbers of the process."},
    {"getresgid", l_ids<gid_t, ::getresgid>, false, "system.getresgid() -> real, effective, saved",
     "Group numbers of the process."},
    {"getgroups", l_groups, false, "system.getgroups() -> table",
     "A list of its supplementary groups."},
}};
constexpr std::array kClasses{&kInputStream, &kOutputStream};

}  // namespace

const ModuleReference kSystemReference{
    .name = "system",
    .summary =
        "The process that runs the program.\n\n"
        " * `system.arguments`: a list. Under `perilune run` the program's name, the script, then "
        "what followed it on the command line; empty in a hosted app.\n"
        " * `system.environment`: a table of texts. Under `perilune run` the process's "
        "environment; "
        "in a hosted app what its manifest and operator set.\n"
        " * `system.in_`, `system.out`, `system.err` (only under `perilune run`): the standard "
        "streams. Their descriptors stay blocking, since other processes share them; only the "
        "calling fiber waits.\n",
    .functions = kFunctions,
    .classes = kClasses,
};

int open_engine_system(lua_State* L) {
  open_system(L);
  set_functions(L, kFunctions);
  set_standard_streams(L);
  return 1;
}

}  // namespace perilune::runtime
