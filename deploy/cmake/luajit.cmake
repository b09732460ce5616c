# The two static LuaJIT builds that deploy/luajit.sh makes from Debian's source package.
# engine: with FFI, for `perilune run`. worker: without FFI, for hosted apps.
set(_luajit "${PERILUNE_LUAJIT_DIR}")
if(NOT _luajit)
  if(DEFINED ENV{PERILUNE_CACHE})
    set(_luajit "$ENV{PERILUNE_CACHE}/luajit")
  else()
    set(_luajit "$ENV{HOME}/.cache/perilune/luajit")
  endif()
endif()
foreach(_kind engine worker)
  if(NOT EXISTS "${_luajit}/${_kind}/libluajit.a")
    message(FATAL_ERROR "No LuaJIT at ${_luajit}/${_kind}/libluajit.a. Run deploy/luajit.sh (it builds "
      "LuaJIT from Debian's newest source package and caches it there), or point -DPERILUNE_LUAJIT_DIR "
      "at a folder that holds engine/ and worker/, each with libluajit.a and lua.hpp, built with "
      "-DLUAJIT_ENABLE_CHECKHOOK -DLUAJIT_ENABLE_LUA52COMPAT (worker: also -DLUAJIT_DISABLE_FFI).")
  endif()
  add_library(luajit_${_kind} STATIC IMPORTED)
  set_target_properties(luajit_${_kind} PROPERTIES
    IMPORTED_LOCATION "${_luajit}/${_kind}/libluajit.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_luajit}/${_kind}"
    INTERFACE_LINK_LIBRARIES "m;dl")
endforeach()
# Both builds have the same headers; code that compiles against LuaJIT names these, programs link one build.
add_library(luajit_headers INTERFACE)
target_include_directories(luajit_headers SYSTEM INTERFACE "${_luajit}/worker")
file(STRINGS "${_luajit}/version" PERILUNE_LUAJIT_VERSION LIMIT_COUNT 1)
message(STATUS "LuaJIT ${PERILUNE_LUAJIT_VERSION} from ${_luajit}")
