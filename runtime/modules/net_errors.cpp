#include "runtime/modules/net_errors.hpp"

#include <cerrno>

#include "runtime/script/errors.hpp"

extern "C" {
#include <lua.h>
}

namespace perilune::runtime {

void raise_io(lua_State* L, const IoError& error) {
  switch (error.category) {
    case IoError::Category::Misc: raise_code(L, kAsioMiscCategory, error.code);
    case IoError::Category::Policy:
      lua_pushstring(L, error.detail.c_str());
      raise_code(L, kPeriluneCategory, static_cast<int>(PeriluneError::NotAllowed),
                 lua_tostring(L, -1));
    case IoError::Category::None:
    case IoError::Category::System: break;
  }
  raise_system(L, error.code == 0 ? EINVAL : error.code);
}

void raise_fault(lua_State* L, const HttpFault& fault) {
  if (fault.http == HttpErrc{}) raise_io(L, fault.io);
  const auto text = sentence(fault.http);
  lua_pushlstring(L, text.data(), text.size());
  if (!fault.detail.empty()) {
    lua_pushliteral(L, ": ");
    lua_pushlstring(L, fault.detail.data(), fault.detail.size());
    lua_concat(L, 3);
  }
  raise_code(L, kHttpCategory, static_cast<int>(fault.http), lua_tostring(L, -1));
}

}  // namespace perilune::runtime
