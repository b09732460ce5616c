#include "runtime/worker/syntax.hpp"

#include <charconv>
#include <lua.hpp>

#include "runtime/vm/vm.hpp"
#include "runtime/worker/manifest.hpp"

namespace perilune::worker {
namespace {

constexpr const char* kChunk = "=source";
constexpr std::string_view kPrefix = "source:";

Finding binary(const std::string& path, const char* code, const char* message) {
  Finding finding;
  finding.code = code;
  finding.file = path;
  finding.message = message;
  finding.help = "Upload Lua source text.";
  return finding;
}

/// What stands between "near '" and the message's last quote.
std::string_view near_token(std::string_view message) {
  constexpr std::string_view kNear = "near '";
  const std::size_t start = message.rfind(kNear);
  if (start == std::string_view::npos || !message.ends_with('\'')) return {};
  std::string_view token = message.substr(start + kNear.size());
  token.remove_suffix(1);
  return token == "<eof>" ? std::string_view{} : token;
}

/// The compiler's message "source:LINE: text" as a finding with line and excerpt.
Finding syntax_finding(const std::string& path, std::string_view source, std::string_view message) {
  Finding finding;
  finding.code = "syntax_error";
  finding.file = path;
  finding.message = message;
  finding.help = "Correct the source; nothing of the upload was run.";
  if (!message.starts_with(kPrefix)) return finding;
  message.remove_prefix(kPrefix.size());
  const auto [end, error] =
      std::from_chars(message.data(), message.data() + message.size(), finding.line);
  if (error != std::errc{}) return finding;
  message.remove_prefix(static_cast<std::size_t>(end - message.data()));
  if (message.starts_with(": ")) message.remove_prefix(2);
  finding.message = message;
  finding.excerpt = line_of(source, finding.line);
  return finding;
}

/// The compiler's message about `source`; empty if it compiles.
std::string compile(runtime::Vm& vm, std::string_view source) {
  std::string message;
  const auto done = vm.protect([&](lua_State* L) {
    if (luaL_loadbufferx(L, source.data(), source.size(), kChunk, "t") != 0) {
      const char* text = lua_tostring(L, -1);
      message = text == nullptr ? "does not compile" : text;
    }
    lua_pop(L, 1);
  });
  return done ? message : done.error().detail;
}

/// LuaJIT names the line and the token. Of several such tokens in the line it is the one at whose
/// end a shortened source fails in the same way.
std::uint32_t column_of(runtime::Vm& vm, std::string_view source, const Finding& finding,
                        std::string_view message) {
  constexpr int kMostTries = 16;
  const std::string_view token = near_token(message);
  const std::string_view line = line_of(source, finding.line);
  if (token.empty() || line.empty()) return 0;
  const auto start = static_cast<std::size_t>(line.data() - source.data());
  std::size_t at = line.find(token);
  for (int i = 0; i < kMostTries && at != std::string_view::npos; ++i) {
    if (compile(vm, source.substr(0, start + at + token.size())) == message)
      return static_cast<std::uint32_t>(at + 1);
    at = line.find(token, at + 1);
  }
  return 0;
}

}  // namespace

std::optional<Finding> check_syntax(runtime::Vm& vm, const std::string& path,
                                    std::string_view source) {
  if (source.starts_with('\x1b'))
    return binary(path, "bytecode_refused", "The file is compiled Lua, not source text.");
  if (source.find('\0') != std::string_view::npos)
    return binary(path, "binary_refused", "The file has NUL bytes: it is no source text.");
  const std::string message = compile(vm, source);
  if (message.empty()) return std::nullopt;
  Finding finding = syntax_finding(path, source, message);
  finding.column = column_of(vm, source, finding, message);
  return finding;
}

}  // namespace perilune::worker
