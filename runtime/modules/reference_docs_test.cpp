#include <array>
#include <catch2/catch.hpp>
#include <string>

#include "runtime/fiber/condition_variable.hpp"
#include "runtime/fiber/coroutine.hpp"
#include "runtime/fiber/future.hpp"
#include "runtime/fiber/mutex.hpp"
#include "runtime/fiber/protected_calls.hpp"
#include "runtime/fiber/queue.hpp"
#include "runtime/fiber/recursive_mutex.hpp"
#include "runtime/fiber/scope.hpp"
#include "runtime/fiber/semaphore.hpp"
#include "runtime/fiber/sleep.hpp"
#include "runtime/fiber/spawn.hpp"
#include "runtime/fiber/steady_timer.hpp"
#include "runtime/fiber/this_fiber.hpp"
#include "runtime/fiber/time.hpp"
#include "runtime/modules/byte_span.hpp"
#include "runtime/modules/json.hpp"
#include "runtime/modules/regex.hpp"
#include "runtime/modules/stream.hpp"
#include "runtime/script/format.hpp"
#include "runtime/script/require_reference.hpp"
#include "tests/support/documented.hpp"
#include "tests/support/lua_reference.hpp"

namespace perilune::runtime {
namespace {

/// Every module that is documented from its tables: one row each.
constexpr std::array kPages{
    &kByteSpanReference,       &kConditionVariableReference,
    &kFutureReference,         &kFormatReference,
    &kMutexReference,          &kQueueReference,
    &kRecursiveMutexReference, &kRequireReference,
    &kSemaphoreReference,      &kSleepForReference,
    &kSpawnReference,          &kSteadyTimerReference,
    &kThisFiberReference,      &kTimeReference,
    &kRegexReference,          &kStreamReference,
    &kByteSpanReference,       &kConditionVariableReference,
    &kCoroutineReference,      &kFutureReference,
    &kFormatReference,         &kJsonReference,
    &kMutexReference,          &kProtectedCallsReference,
    &kQueueReference,          &kRecursiveMutexReference,
    &kScopeReference,          &kSemaphoreReference,
    &kSleepForReference,       &kSpawnReference,
    &kSteadyTimerReference,    &kThisFiberReference,
    &kTimeReference,           &kRegexReference,
    &kStreamReference,
};

TEST_CASE("docs/reference/lua-*.md say what the tables of the modules say", "[docs]") {
  for (const ModuleReference* module : kPages) {
    const std::string file = std::string{"lua-"} + module->name + ".md";
    INFO(file << ": renew it with PERILUNE_WRITE_DOCS=1");
    const std::string expected = test::lua_reference_page(*module);
    CHECK(test::reference_page(file, expected) == expected);
  }
}

TEST_CASE("every function of a documented module has a sentence", "[docs]") {
  const auto check = [](std::span<const LuaFunction> functions) {
    for (const LuaFunction& function : functions) {
      INFO(function.name);
      CHECK((*function.usage == '\0' || *function.help != '\0'));
    }
  };
  for (const ModuleReference* module : kPages) {
    INFO(module->name);
    CHECK(*module->summary != '\0');
    check(module->functions);
    for (const LuaClass* entry : module->classes) check(entry->methods);
  }
}

}  // namespace
}  // namespace perilune::runtime
