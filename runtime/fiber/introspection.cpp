#include "runtime/fiber/introspection.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <lua.hpp>
#include <utility>

#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/prelude.hpp"
#include "runtime/vm/invocation.hpp"

namespace perilune::runtime {
namespace {

/// Of names and files in one line of a traceback.
constexpr std::size_t kLongestName = 200;

bool is_ours(const lua_Debug& frame) { return std::strcmp(frame.source, kPreludeChunk) == 0; }

std::string function_text(const lua_Debug& frame) {
  return "<" + std::string{frame.short_src} + ":" + std::to_string(frame.linedefined) + ">";
}

std::string frame_text(const lua_Debug& frame) {
  std::string text = frame.short_src;
  text += ':';
  if (frame.currentline > 0) text += std::to_string(frame.currentline) + ":";
  if (*frame.namewhat != '\0' && *frame.name != '\0')
    text += " in function '" + std::string{frame.name}.substr(0, kLongestName) + "'";
  else if (*frame.what == 'm')
    text += " in main chunk";
  else if (*frame.what == 'C')
    text += " in a built-in function";
  else
    text += " in function " + function_text(frame);
  return text;
}

/// The coroutines of a fiber, innermost first.
std::vector<lua_State*> coroutines_of(const Fiber& fiber, lua_State* running_in) {
  const Scheduler& scheduler = *fiber.scheduler;
  std::vector<lua_State*> all;
  if (fiber.state == Fiber::State::Running) {
    if (running_in == nullptr && scheduler.nesting.resumer == nullptr) running_in = fiber.L;
    if (running_in != nullptr) all.push_back(running_in);
    for (const auto* level = &scheduler.nesting; level != nullptr && level->resumer != nullptr;
         level = level->outer) {
      all.push_back(level->resumer);
    }
    return all;
  }
  lua_State* one = fiber.suspended_in != nullptr ? fiber.suspended_in : fiber.L;
  for (; one != fiber.L && all.size() < Scheduler::kDeepestCoroutine;) {
    all.push_back(one);
    const auto outer = scheduler.busy.find(one);
    if (outer == scheduler.busy.end()) break;
    one = outer->second;
  }
  all.push_back(fiber.L);
  return all;
}

void shorten(std::vector<std::string>& frames) {
  constexpr int kMost = kTracebackFirst + kTracebackLast;
  if (frames.size() <= kMost + 1) return;
  frames.erase(frames.begin() + kTracebackFirst, frames.end() - kTracebackLast);
  frames.insert(frames.begin() + kTracebackFirst, "...");
}

/// Calls of one coroutine. Deep ones are walked, but only what is shown is put into words.
void add_frames(lua_State* L, std::vector<std::string>& frames) {
  lua_Debug frame{};
  int total = 0;
  while (lua_getstack(L, total, &frame) != 0) ++total;
  for (int level = 0; level < total; ++level) {
    if (level == kTracebackFirst * 2 && total - level > kTracebackLast * 2) {
      frames.emplace_back("...");
      level = total - kTracebackLast * 2;
    }
    if (lua_getstack(L, level, &frame) == 0 || lua_getinfo(L, "Snl", &frame) == 0) continue;
    if (!is_ours(frame)) frames.push_back(frame_text(frame));
  }
}

/// The function that a fiber which has not run yet will call.
std::string first_function(const Fiber& fiber) {
  lua_State* L = fiber.L;
  lua_Debug frame{};
  const int function = lua_gettop(L) - fiber.arguments;
  if (function < 1 || !lua_isfunction(L, function)) return "?";
  lua_pushvalue(L, function);
  if (lua_getinfo(L, ">S", &frame) == 0 || frame.linedefined < 0) return "?";
  return std::string{frame.short_src} + ":" + std::to_string(frame.linedefined);
}

std::string place_in(lua_State* L) {
  lua_Debug frame{};
  for (int level = 0; lua_getstack(L, level, &frame) != 0; ++level) {
    if (lua_getinfo(L, "Sl", &frame) == 0 || frame.currentline <= 0 || is_ours(frame)) continue;
    return std::string{frame.short_src} + ":" + std::to_string(frame.currentline);
  }
  return {};
}

std::string place_among(const Fiber& fiber, const std::vector<lua_State*>& coroutines) {
  if (fiber.state == Fiber::State::Done) return "?";
  for (lua_State* one : coroutines) {
    if (std::string place = place_in(one); !place.empty()) return place;
  }
  return first_function(fiber);
}

void describe_wait(const Fiber& fiber, FiberRecord& record) {
  const Operation* operation = fiber.operation.get();
  if (operation == nullptr || fiber.state != Fiber::State::Suspended) return;
  record.operation = operation->name();
  record.resource = operation->resource();
  record.inside = operation->internal();
  if (const Fiber* holder = operation->holder()) record.holder = holder->id;
  record.age = std::chrono::steady_clock::now() - operation->since();
}

}  // namespace

FiberRecord inspect(const Fiber& fiber, lua_State* running_in) {
  FiberRecord record;
  record.id = fiber.id;
  record.state = fiber.state;
  record.main = fiber.is_main;
  record.detached = fiber.handle == nullptr;
  record.interrupted = fiber.interrupted;
  describe_wait(fiber, record);
  const auto coroutines = coroutines_of(fiber, running_in);
  record.where = place_among(fiber, coroutines);
  for (lua_State* one : coroutines) add_frames(one, record.traceback);
  // The wrapper of a function that suspends knows it by another name.
  if (!record.operation.empty() && !record.traceback.empty() &&
      record.traceback.front().starts_with("[C]:"))
    record.traceback.front() = "[C]: in function '" + record.operation + "'";
  shorten(record.traceback);
  if (const Invocation* invocation = fiber.invocation) {
    const auto& config = invocation->config();
    record.cpu = invocation->cpu();
    if (config.id_low != 0 || config.id_high != 0) {
      std::array<char, 33> text{};
      (void)std::snprintf(text.data(), text.size(), "%016llx%016llx",
                          static_cast<unsigned long long>(config.id_high),
                          static_cast<unsigned long long>(config.id_low));
      record.request_id = text.data();
    }
  }
  return record;
}

std::string place_of(const Fiber& fiber) {
  return place_among(fiber, coroutines_of(fiber, nullptr));
}

std::string fiber_id_text(std::uint32_t id) {
  std::array<char, 16> text{};
  (void)std::snprintf(text.data(), text.size(), "0x%x", id);
  return text.data();
}

const char* state_name(Fiber::State state) noexcept {
  switch (state) {
    case Fiber::State::Ready: return "ready";
    case Fiber::State::Running: return "running";
    case Fiber::State::Suspended: return "suspended";
    case Fiber::State::Done: return "done";
  }
  return "?";
}

}  // namespace perilune::runtime
