# What every target of ours is compiled with. Third-party headers come in as SYSTEM.
add_library(perilune_options INTERFACE)
target_include_directories(perilune_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(perilune_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wsign-conversion -Wold-style-cast -Woverloaded-virtual -Wformat=2 -Wextra-semi -Wundef
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond;-Wduplicated-branches;-Wlogical-op;-Wuseless-cast;-Wsuggest-override>)
target_compile_definitions(perilune_options INTERFACE BOOST_ASIO_NO_DEPRECATED
  BOOST_ASIO_DISABLE_BOOST_COROUTINE PERILUNE_VERSION="${PROJECT_VERSION}")
if(PERILUNE_FAULT_INJECTION)
  target_compile_definitions(perilune_options INTERFACE PERILUNE_FAULT_INJECTION=1)
endif()
if(PERILUNE_SANITIZE STREQUAL "address")
  target_compile_options(perilune_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(perilune_options INTERFACE -fsanitize=address,undefined)
  target_compile_definitions(perilune_options INTERFACE BOOST_USE_UCONTEXT BOOST_USE_ASAN PERILUNE_SANITIZED=1)
elseif(PERILUNE_SANITIZE STREQUAL "thread")
  target_compile_options(perilune_options INTERFACE -fsanitize=thread -Wno-tsan)
  target_link_options(perilune_options INTERFACE -fsanitize=thread)
  target_compile_definitions(perilune_options INTERFACE BOOST_USE_UCONTEXT BOOST_USE_TSAN PERILUNE_SANITIZED=1)
endif()
if(PERILUNE_FUZZ)
  # The code under test reports its coverage to the fuzzer; the targets alone link its main().
  target_compile_options(perilune_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
