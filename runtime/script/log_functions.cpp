#include "runtime/script/log_functions.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <lua.hpp>
#include <string_view>

#include "runtime/base/log.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/traceback.hpp"
#include "runtime/vm/invocation.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

constexpr int kMaxDepth = 8;
constexpr std::string_view kCut = "… (cut)";

/// A table as JSON, up to a size. What does not fit is left out, and `truncated` says so.
class Fields {
 public:
  Fields(lua_State* L, std::size_t limit) : state_{L}, limit_{limit} {}

  /// The table at absolute `index` as an object; `skip` is the key of the message.
  void object(int index, std::string_view skip, int depth) {
    text_ += '{';
    bool first = true;
    lua_pushnil(state_);
    while (lua_next(state_, index) != 0) {
      const std::size_t before = text_.size();
      if (member(index, skip, first, depth)) first = false;
      if (text_.size() > limit_) {
        text_.resize(before);
        first = text_.back() == '{';
        lua_pop(state_, 2);
        text_ += first ? R"("truncated":true)" : R"(,"truncated":true)";
        break;
      }
      lua_pop(state_, 1);
    }
    text_ += '}';
  }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  /// Key at -2, value at -1. False if nothing was written.
  bool member(int, std::string_view skip, bool first, int depth) {
    std::array<char, 32> number{};
    std::string_view key;
    if (lua_type(state_, -2) == LUA_TSTRING) {
      std::size_t size = 0;
      const char* data = lua_tolstring(state_, -2, &size);
      key = {data, size};
      if (!skip.empty() && key == skip) return false;
    } else if (lua_type(state_, -2) == LUA_TNUMBER) {
      (void)std::snprintf(number.data(), number.size(), "%.14g", lua_tonumber(state_, -2));
      key = number.data();
    } else {
      return false;
    }
    if (!first) text_ += ',';
    log::append_json_string(text_, key.substr(0, limit_));
    text_ += ':';
    value(lua_gettop(state_), depth);
    return true;
  }

  void value(int index, int depth) {
    std::array<char, 32> number{};
    switch (lua_type(state_, index)) {
      case LUA_TNIL: text_ += "null"; return;
      case LUA_TBOOLEAN: text_ += lua_toboolean(state_, index) != 0 ? "true" : "false"; return;
      case LUA_TNUMBER:
        (void)std::snprintf(number.data(), number.size(), "%.14g", lua_tonumber(state_, index));
        text_ += std::isfinite(lua_tonumber(state_, index)) ? number.data() : "null";
        return;
      case LUA_TSTRING: {
        std::size_t size = 0;
        const char* data = lua_tolstring(state_, index, &size);
        log::append_json_string(text_, std::string_view{data, size}.substr(0, limit_));
        return;
      }
      case LUA_TTABLE:
        if (depth < kMaxDepth && lua_checkstack(state_, 8) != 0) {
          object(index, {}, depth + 1);
          return;
        }
        [[fallthrough]];
      default: log::append_json_string(text_, lua_typename(state_, lua_type(state_, index)));
    }
  }

  lua_State* state_;
  std::size_t limit_;
  std::string text_;
};

/// False if the invocation has logged all that it may; says so once. The background has no end: its
/// lines are bounded by their rate.
bool admit(Vm& vm, Invocation* invocation, std::size_t bytes) {
  if (invocation == nullptr || invocation->config().work == Invocation::Work::Background)
    return true;
  const auto limit = vm.config().limits.raw(Limit::LogInvocation);
  const bool was_over = invocation->logged() > limit;
  if (!was_over) invocation->add_logged(bytes);
  if (invocation->logged() <= limit) return true;
  if (!was_over) {
    LogLine line;
    line.severity = LogSeverity::Warn;
    line.message = "log_invocation reached: further lines of this invocation are dropped";
    line.invocation = invocation;
    vm.host().log(line);
  }
  return false;
}

void emit(lua_State* L, LogSeverity severity, std::string_view message, std::string_view fields) {
  Vm& vm = Vm::of(L);
  Invocation* invocation = vm.current_invocation();
  if (!admit(vm, invocation, message.size() + fields.size())) return;
  push_position(L, 1);
  const auto limit = vm.config().limits.raw(Limit::LogLine);
  std::string cut;
  if (message.size() > limit) {
    cut.assign(message.substr(0, limit)).append(kCut);
    message = cut;
  }
  LogLine line;
  line.severity = severity;
  line.message = message;
  std::size_t size = 0;
  const char* source = lua_tolstring(L, -1, &size);
  line.source = {source, size};
  line.fields = fields;
  line.invocation = invocation;
  if (const Fiber* fiber = Scheduler::of(L).current()) line.fiber = fiber->id;
  vm.host().log(line);
  lua_pop(L, 1);
}

/// The text of the value at `index` without metamethods.
std::string_view plain_text(lua_State* L, int index) {
  const int type = lua_type(L, index);
  if (type != LUA_TSTRING && type != LUA_TNUMBER) return lua_typename(L, type);
  std::size_t size = 0;
  const char* data = lua_tolstring(L, index, &size);
  return {data, size};
}

/// Upvalue: the severity.
int log_line(lua_State* L) {
  const auto severity = static_cast<LogSeverity>(lua_tointeger(L, lua_upvalueindex(1)));
  luaL_checkany(L, 1);
  lua_settop(L, 2);
  int table = 0;
  std::string_view message;
  std::string_view skip;
  if (lua_type(L, 1) == LUA_TTABLE) {
    table = 1;
    skip = "msg";
    lua_pushliteral(L, "msg");
    lua_rawget(L, 1);
    if (!lua_isnil(L, 3)) message = plain_text(L, 3);
  } else {
    message = plain_text(L, 1);
    if (!lua_isnil(L, 2)) {
      luaL_checktype(L, 2, LUA_TTABLE);
      table = 2;
    }
  }
  const auto limit = Vm::of(L).config().limits.raw(Limit::LogLine);
  Fields fields{L, limit};
  if (table != 0) fields.object(table, skip, 1);
  emit(L, severity, message, fields.text() == "{}" ? std::string_view{} : fields.text());
  return 0;
}

}  // namespace

int write_line(lua_State* L) {
  std::size_t size = 0;
  const char* text = lua_tolstring(L, 1, &size);
  if (Vm::of(L).config().profile == Profile::Hosted) {
    emit(L, LogSeverity::Info, {text, size}, {});
  } else {
    (void)std::fwrite(text, 1, size, stdout);
    (void)std::fputc('\n', stdout);
  }
  return 0;
}

int report_line(lua_State* L) {
  emit(L, LogSeverity::Error, plain_text(L, 1), {});
  return 0;
}

int open_log(lua_State* L) {
  constexpr std::array<const char*, 4> kNames{"debug", "info", "warn", "error"};
  lua_createtable(L, 0, 4);
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    lua_pushinteger(L, static_cast<lua_Integer>(i));
    lua_pushcclosure(L, log_line, 1);
    lua_setfield(L, -2, kNames[i]);
  }
  return 1;
}

}  // namespace perilune::runtime
