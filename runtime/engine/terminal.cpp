#include "runtime/engine/terminal.hpp"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace perilune::runtime {
namespace {

constexpr int kPanicLevel = 3;

bool is_set(const char* text) noexcept { return text != nullptr && *text != '\0'; }

/// The level of whatever has no entry of its own: the first one without a domain.
int default_level(std::string_view levels) noexcept {
  int level = kPanicLevel;
  while (!levels.empty()) {
    const std::string_view entry = levels.substr(0, levels.find(','));
    levels.remove_prefix(entry.size() < levels.size() ? entry.size() + 1 : entry.size());
    int number = 0;
    const char* const end = entry.data() + entry.size();
    const auto read = std::from_chars(entry.data(), end, number);
    if (read.ec == std::errc{} && read.ptr == end) return number;
  }
  return level;
}

}  // namespace

Terminal Terminal::from(const char* emilua_colors, const char* no_color, const char* log_levels,
                        bool is_terminal) {
  Terminal terminal;
  terminal.colors = is_terminal && !is_set(no_color);
  const std::string_view wish = is_set(emilua_colors) ? emilua_colors : "";
  if (wish == "1" || wish == "0") {
    terminal.colors = wish == "1";
  } else if (!wish.empty()) {
    terminal.warning = "<4>Ignoring unrecognized value for EMILUA_COLORS";
  }
  if (is_set(log_levels)) terminal.panics = default_level(log_levels) >= kPanicLevel;
  return terminal;
}

Terminal Terminal::from_environment() {
  const char* const term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view{term} == "dumb";
  return from(std::getenv("EMILUA_COLORS"), std::getenv("NO_COLOR"),
              std::getenv("EMILUA_LOG_LEVELS"), ::isatty(STDERR_FILENO) != 0 && !dumb);
}

std::string Terminal::show(const Panic& panic) const {
  if (!colors) return panic.text() + "\n";
  std::string text =
      "\033[1;31m" + panic.who + " panicked\033[0m: '\033[4m" + panic.message + "\033[0m'\n";
  if (!panic.traceback.empty()) text += "\033[2m" + panic.traceback + "\033[0m\n";
  return text;
}

}  // namespace perilune::runtime
