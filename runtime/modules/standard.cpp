#include "runtime/modules/standard.hpp"

#include <array>
#include <lua.hpp>

#include "runtime/modules/json.hpp"
#include "runtime/modules/perilune.hpp"
#include "runtime/modules/regex.hpp"
#include "runtime/modules/stream.hpp"
#include "runtime/modules/system.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

int open_global(lua_State* L, const char* name) {
  lua_getglobal(L, name);
  return 1;
}

constexpr std::array<NativeModule, 10> kModules{{
    {"asio_error", open_asio_error},
    {"bit", [](lua_State* L) { return open_global(L, "bit"); }},
    {"byte_span", [](lua_State* L) { return open_global(L, "byte_span"); }},
    {"generic_error", open_generic_error},
    {"json", open_json},
    {"log", [](lua_State* L) { return open_global(L, "log"); }},
    {"perilune", open_perilune},
    {"regex", open_regex},
    {"stream", open_stream},
    {"system", open_system},
}};

}  // namespace

std::span<const NativeModule> standard_modules() noexcept { return kModules; }

}  // namespace perilune::runtime
