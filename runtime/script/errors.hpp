#pragma once

/// @file
/// How C++ code raises an error that a script can look into: tables `{code, category, …}`.
///
/// A script sees `e.code` (number), `e.category` (`tostring(e.category)` is its name,
/// `e.category:message(code)` its text), `tostring(e)`, `e1 == e2` (code and category),
/// `e:togeneric()`, and extra fields (`arg`, `limit`, …). `getmetatable(e)` is "error_code".

#include <cstdint>
#include <string>

#include "runtime/limits.hpp"

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Category names; what they contain is in error_table.cpp. A literal that is not one of these is
/// taken as a category without messages.
inline constexpr const char* kSystemCategory = "system";    ///< errno
inline constexpr const char* kGenericCategory = "generic";  ///< errno, portable meaning
inline constexpr const char* kCoreCategory = "emilua.core";
inline constexpr const char* kAsioMiscCategory = "asio.misc";
inline constexpr const char* kNetdbCategory = "asio.netdb";
inline constexpr const char* kAddrinfoCategory = "asio.addrinfo";
inline constexpr const char* kHttpCategory = "http";
inline constexpr const char* kJsonLexerCategory = "trial.protocol.json";
inline constexpr const char* kJsonDomCategory = "emilua.json.dom";
inline constexpr const char* kPeriluneCategory = "perilune";

/// Codes of `emilua.core`; the numbers are the ones that Emilua programs know.
enum class CoreError : std::uint8_t {
  InvalidModuleName = 1,
  ModuleNotFound = 2,
  RootCannotImportParent = 3,
  CyclicImport = 4,
  LeafCannotImportChild = 5,
  OnlyMainFiberMayImport = 6,
  BadRootContext = 7,
  BadIndex = 8,
  BadCoroutine = 9,
  SuspensionAlreadyAllowed = 10,
  InterruptionAlreadyAllowed = 11,
  ForbidSuspendBlock = 12,
  Interrupted = 13,
  UnmatchedScopeCleanup = 14,
  ChannelClosed = 15,
  NoSenders = 16,
  InternalModule = 17,
  RaiseError = 18,
  BadRdf = 19,
  BadRdfModule = 20,
  BadRdfErrorCategory = 21,
  PromiseAlreadySatisfied = 22,
  BrokenPromise = 23,
  CurrentModuleNotKnown = 24,
};

/// Codes of `asio.misc`.
enum class AsioMiscError : std::uint8_t { AlreadyOpen = 1, Eof = 2, NotFound = 3, FdSet = 4 };

/// Codes of `perilune`: limits and rules that only this runtime has.
/// The first ones are numbered like `Outcome`.
enum class PeriluneError : std::uint8_t {
  CpuLimit = 2,
  MemoryLimit = 3,
  WallLimit = 4,
  SubrequestLimit = 5,
  Deadlock = 6,
  Canceled = 7,
  FiberLimit = 16,
  TimerLimit = 17,
  SocketLimit = 18,
  VmLimit = 19,
  BodyLimit = 20,
  HeaderLimit = 21,
  MessageLimit = 22,
  NotAllowed = 23,
  OtherLimit = 24,
};

/// Pushes the category's object, of which there is one in a VM. May raise `not enough memory`.
void push_category(lua_State* L, const char* name);
/// Pushes a new error. `message` (optional) replaces the category's text for this code.
/// May raise `not enough memory`. Needs 4 free stack slots, which it claims itself.
void push_code(lua_State* L, const char* category, int code, const char* message = nullptr);
/// Raises it.
[[noreturn]] void raise_code(lua_State* L, const char* category, int code,
                             const char* message = nullptr);

/// Raises errno `number` as category `generic`: what the runtime itself refuses.
[[noreturn]] void raise_errno(lua_State* L, int number);
/// Raises errno `number` as category `system`: what the kernel said.
[[noreturn]] void raise_system(lua_State* L, int number);
/// Raises EINVAL (category `generic`) with the field `arg`: the number of the argument at fault.
[[noreturn]] void raise_bad_argument(lua_State* L, int argument);
/// Raises bad_index with the field `index`: the key at stack index `key`, which an object has not.
[[noreturn]] void raise_bad_index(lua_State* L, int key);
/// Raises Lua's sentence "FILE:LINE: bad argument #N to 'F' (EXPECTED expected, got TYPE)". Unlike
/// luaL_check… it finds F and the line also for a function that may suspend.
[[noreturn]] void raise_type(lua_State* L, int argument, const char* expected);
[[noreturn]] void raise_core(lua_State* L, CoreError code, const char* message = nullptr);

/// Pushes "fibers: 101 in use, limit 100": an error of category `perilune` with the fields `limit`,
/// `used` and `unit` ("bytes", "ms", "count", "1/s"), so that a script may react to the numbers.
void push_limit(lua_State* L, Limit limit, std::uint64_t used, std::uint64_t allowed);
[[noreturn]] void raise_limit(lua_State* L, Limit limit, std::uint64_t used, std::uint64_t allowed);

/// What to print for the error value at `index`, without calling anything of the script's. Only
/// inside a protected call.
[[nodiscard]] std::string error_text(lua_State* L, int index);

/// True if the value at `index` is an error made here with this category and code.
[[nodiscard]] bool is_code(lua_State* L, int index, const char* category, int code);

/// `require 'generic_error'` and `require 'asio_error'` (NativeModule::open).
int open_generic_error(lua_State* L);
int open_asio_error(lua_State* L);

}  // namespace perilune::runtime
