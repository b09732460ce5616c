#include "host/cli/run_command.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "runtime/engine/dump_signal.hpp"

namespace perilune::host {
namespace {

constexpr std::string_view kUsage = "perilune run [OPTIONS] FILE|DIR [-- ARGS...]";
constexpr int kBadUsage = 2;

struct Parsed {
  runtime::EngineOptions options;
  std::vector<std::pair<const LimitSpec*, std::uint64_t>> limits;
  bool help = false;
};

struct Row {
  RunOption option;
  Result<void> (*apply)(Parsed& parsed, std::string_view value);
};

Result<void> set_limit(Parsed& parsed, std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos)
    return Failure{"bad_usage", "--limit: write KEY=VALUE, like --limit memory=64MiB"};
  const LimitSpec* row = find_limit(text.substr(0, equals));
  if (row == nullptr) {
    return Failure{"bad_usage", "--limit: no limit is called '" +
                                    std::string{text.substr(0, equals)} +
                                    "' (docs/reference/limits.md has the list)"};
  }
  const auto value = parse_limit(*row, text.substr(equals + 1));
  if (!value) return Failure{"bad_usage", "--limit: " + value.error().detail};
  if (*value < row->minimum || *value > row->maximum) {
    return Failure{"bad_usage", "--limit: " + std::string{row->key} + " goes from " +
                                    format_limit(*row, row->minimum) + " to " +
                                    format_limit(*row, row->maximum)};
  }
  parsed.limits.emplace_back(row, *value);
  return {};
}

Result<void> set_dump_signal(Parsed& parsed, std::string_view name) {
  parsed.options.dump_on = runtime::dump_signal(name);
  if (parsed.options.dump_on != 0) return {};
  return Failure{"bad_usage", "--dump-on takes SIGUSR1, SIGUSR2, SIGQUIT or SIGHUP"};
}

constexpr std::array<Row, 6> kRows{{
    {{"--no-jit", "", "Interpret only: what an app of class `strict` runs as."},
     [](Parsed& parsed, std::string_view) -> Result<void> {
       parsed.options.jit = false;
       return {};
     }},
    {{"--test", "",
      "`_CONTEXT` is \"test\" in the program and in what it imports by `./`, `../` and `/`."},
     [](Parsed& parsed, std::string_view) -> Result<void> {
       parsed.options.test = true;
       return {};
     }},
    {{"--hosted", "",
      "With the library and the limits that an app has in a host; `ip` and `http` are still on "
      "this machine's sockets."},
     [](Parsed& parsed, std::string_view) -> Result<void> {
       parsed.options.hosted = true;
       return {};
     }},
    {{"--limit", "KEY=VALUE",
      "A limit of the VM (docs/reference/limits.md), like `memory=64MiB` or `fibers=1000`; may be "
      "given several times."},
     set_limit},
    {{"--dump-on", "SIGNAL",
      "Each time SIGUSR1, SIGUSR2, SIGQUIT or SIGHUP (name one) comes, all fibers are written to "
      "standard error, with tracebacks; the program goes on."},
     set_dump_signal},
    {{"--help", "", "Print this help."},
     [](Parsed& parsed, std::string_view) -> Result<void> {
       parsed.help = true;
       return {};
     }},
}};

constexpr auto kOptions = [] {
  std::array<RunOption, kRows.size()> options{};
  for (std::size_t i = 0; i < options.size(); ++i) options[i] = kRows[i].option;
  return options;
}();

std::size_t common_prefix(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                                  a.begin());
}

Failure unknown_option(std::string_view word) {
  const auto same = [&](const RunOption& option) { return common_prefix(word, option.flag); };
  const auto best =
      std::max_element(kOptions.begin(), kOptions.end(),
                       [&](const auto& a, const auto& b) { return same(a) < same(b); });
  std::string text = "unknown option " + std::string{word};
  if (same(*best) >= 4) text += "; did you mean " + std::string{best->flag} + "?";
  return {"bad_usage", text};
}

Result<void> apply_option(Parsed& parsed, std::span<const std::string_view> words,
                          std::size_t& at) {
  std::string_view word = words[at];
  if (word == "-h") word = "--help";
  const auto equals = word.find('=');
  const std::string_view flag = word.substr(0, equals);
  const auto row = std::find_if(kRows.begin(), kRows.end(),
                                [&](const Row& entry) { return entry.option.flag == flag; });
  if (row == kRows.end()) return unknown_option(flag);
  std::string_view value;
  if (row->option.value.empty()) {
    if (equals != std::string_view::npos)
      return Failure{"bad_usage", std::string{flag} + " takes no value"};
  } else if (equals != std::string_view::npos) {
    value = word.substr(equals + 1);
  } else if (at + 1 < words.size()) {
    value = words[++at];
  } else {
    return Failure{"bad_usage",
                   std::string{flag} + " needs a value: " + std::string{row->option.value}};
  }
  return row->apply(parsed, value);
}

Result<runtime::EngineOptions> finish(Parsed parsed) {
  if (parsed.options.hosted) parsed.options.limits = Limits{};
  for (const auto& [row, value] : parsed.limits) parsed.options.limits.set(row->limit, value);
  return std::move(parsed.options);
}

}  // namespace

std::span<const RunOption> run_options() noexcept { return kOptions; }

std::string run_help() {
  std::string text =
      "Run a Lua program here, without a host.\nUsage: " + std::string{kUsage} + "\n\nOptions:\n";
  for (const RunOption& option : kOptions) {
    std::string left = "  " + std::string{option.flag};
    if (!option.value.empty()) left += " " + std::string{option.value};
    left.resize(std::max<std::size_t>(left.size() + 1, 22), ' ');
    std::string doc{option.doc};
    std::erase(doc, '`');
    text += left + doc + "\n";
  }
  return text + "\nPERILUNE_PATH and EMILUA_PATH name folders of packages and native plugins.\n";
}

Result<runtime::EngineOptions> parse_run(std::span<const std::string_view> words) {
  Parsed parsed;
  std::size_t at = 0;
  for (; at < words.size() && words[at].starts_with('-') && words[at].size() > 1; ++at) {
    if (words[at] == "--") {
      ++at;
      break;
    }
    if (auto applied = apply_option(parsed, words, at); !applied) return applied.error();
    if (parsed.help) return finish(std::move(parsed));
  }
  if (at == words.size())
    return Failure{"bad_usage", "name a Lua file or a folder with an init.lua"};
  if (words[at] == "-") {
    return Failure{"bad_usage",
                   "standard input is no program: a module is a file, and its folder is its root"};
  }
  if (words[at].empty()) return Failure{"bad_usage", "the file's name is empty"};
  parsed.options.file = words[at++];
  if (at < words.size() && words[at] == "--") ++at;
  for (; at < words.size(); ++at) parsed.options.arguments.emplace_back(words[at]);
  return finish(std::move(parsed));
}

int run_command(std::string_view program, std::span<const std::string_view> words) {
  auto options = parse_run(words);
  if (!options) {
    std::fprintf(stderr, "perilune run: %s\nUsage: %s (see perilune run --help)\n",
                 options.error().detail.c_str(), std::string{kUsage}.c_str());
    return kBadUsage;
  }
  if (options->file.empty()) {
    std::fputs(run_help().c_str(), stdout);
    return 0;
  }
  options->program = program;
  options->package_path = runtime::package_path_of_environment();
  return runtime::run_engine(*options);
}

}  // namespace perilune::host
