#include "runtime/script/format.hpp"

#define FMT_HEADER_ONLY 1
#include <fmt/args.h>
#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <lua.hpp>
#include <string>
#include <string_view>
#include <variant>

#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

constexpr std::size_t kMaxFormat = 4096;
constexpr unsigned kMaxWidth = 4096;
constexpr std::size_t kMaxResult = std::size_t{1} << 20U;

/// One argument. Formatting charges its size to `produced`.
struct Argument {
  std::variant<bool, double, std::string_view> value;
  std::size_t* produced = nullptr;
};

}  // namespace
}  // namespace perilune::runtime

/// Keeps the field's specification as text and applies it to what the argument turns out to be.
template <>
struct fmt::formatter<perilune::runtime::Argument> {
  std::string_view spec;

  constexpr auto parse(format_parse_context& context) {
    const auto* at = context.begin();
    unsigned number = 0;
    while (at != context.end() && *at != '}') {
      if (*at == '{') throw format_error{"nested replacement fields are not supported"};
      number = *at >= '0' && *at <= '9' ? number * 10 + static_cast<unsigned>(*at - '0') : 0;
      if (number > perilune::runtime::kMaxWidth) throw format_error{"width over 4096"};
      ++at;
    }
    spec = {context.begin(), static_cast<std::size_t>(at - context.begin())};
    return at;
  }

  template <typename Context>
  auto format(const perilune::runtime::Argument& argument, Context& context) const {
    const std::string text =
        std::visit([this](auto value) { return this->render(value); }, argument.value);
    *argument.produced += text.size();
    if (*argument.produced > perilune::runtime::kMaxResult) throw format_error{"result over 1 MiB"};
    return std::copy(text.begin(), text.end(), context.out());
  }

 private:
  template <typename T>
  std::string render(const T& value) const {
    return fmt::vformat("{:" + std::string{spec} + "}", fmt::make_format_args(value));
  }
  /// A whole number is an integer to `{:d}` and `{:x}`, a floating-point number to `{:.2f}`.
  std::string render(double value) const {
    const bool wants_real = spec.find('.') != std::string_view::npos ||
                            (!spec.empty() && std::strchr("aAeEfFgG", spec.back()) != nullptr);
    if (!wants_real && value == std::floor(value) && std::abs(value) < 9007199254740992.0)
      return render(static_cast<long long>(value));
    return render<double>(value);
  }
};

namespace perilune::runtime {
namespace {

Argument check_argument(lua_State* L, int index, int argument, std::size_t* produced) {
  switch (lua_type(L, index)) {
    case LUA_TBOOLEAN: return {lua_toboolean(L, index) != 0, produced};
    case LUA_TNUMBER: return {lua_tonumber(L, index), produced};
    case LUA_TSTRING: {
      std::size_t size = 0;
      const char* data = lua_tolstring(L, index, &size);
      if (size > kMaxResult) raise_bad_argument(L, argument);
      return {std::string_view{data, size}, produced};
    }
    default: raise_bad_argument(L, argument);
  }
}

using Store = fmt::dynamic_format_arg_store<fmt::format_context>;

/// `{"name", value}` at `index`.
void push_named(lua_State* L, Store& store, int index, std::size_t* produced) {
  lua_rawgeti(L, index, 1);
  lua_rawgeti(L, index, 2);  // both stay on the stack: the store refers to their text
  if (lua_type(L, -2) != LUA_TSTRING) raise_bad_argument(L, index);
  store.push_back(fmt::arg(lua_tostring(L, -2), check_argument(L, -1, index, produced)));
}

/// Pushes the text, or false with libfmt's complaint pushed.
bool render(lua_State* L, std::string_view format, int top) {
  std::size_t produced = format.size();
  std::string complaint;
  try {
    Store store;
    for (int i = 2; i <= top; ++i) {
      if (lua_type(L, i) == LUA_TTABLE) {
        push_named(L, store, i, &produced);
      } else {
        store.push_back(check_argument(L, i, i, &produced));
      }
    }
    const std::string text = fmt::vformat(fmt::string_view{format.data(), format.size()}, store);
    lua_pushlstring(L, text.data(), text.size());
    return true;
  } catch (const fmt::format_error& error) {
    complaint = error.what();
  }
  lua_pushlstring(L, complaint.data(), complaint.size());
  return false;
}

}  // namespace

int format_text(lua_State* L) {
  std::size_t size = 0;
  const char* format = luaL_checklstring(L, 1, &size);
  if (size > kMaxFormat) raise_bad_argument(L, 1);
  const int top = lua_gettop(L);
  luaL_checkstack(L, 2 * top + 4, "too many arguments");
  if (render(L, {format, size}, top)) return 1;
  lua_pushfstring(L, "format: %s", lua_tostring(L, -1));
  raise_code(L, kGenericCategory, EINVAL, lua_tostring(L, -1));
}

}  // namespace perilune::runtime
