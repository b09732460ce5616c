#include "host/cli/run_command.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/documented.hpp"

namespace perilune::host {
namespace {

Result<runtime::EngineOptions> parse(std::vector<std::string_view> words) {
  return parse_run(words);
}

std::string refusal(std::vector<std::string_view> words) {
  const auto parsed = parse(std::move(words));
  return parsed ? "accepted" : parsed.error().detail;
}

TEST_CASE("options of run come before the file, what follows is the program's") {
  const auto parsed = parse({"--no-jit", "--test", "x.lua", "--hosted", "--", "-a"}).value();
  CHECK(parsed.file == "x.lua");
  CHECK_FALSE(parsed.jit);
  CHECK(parsed.test);
  CHECK_FALSE(parsed.hosted);
  CHECK(parsed.arguments == std::vector<std::string>{"--hosted", "--", "-a"});
  CHECK(parse({"x.lua", "--", "a"}).value().arguments == std::vector<std::string>{"a"});
  CHECK(parse({"--", "--odd.lua"}).value().file == "--odd.lua");
  CHECK(parse({"--help", "x.lua"}).value().file.empty());
}

TEST_CASE("limits of run are those of the table, the hosted ones an app's") {
  const auto engine = parse({"--limit", "fibers=7", "x.lua"}).value();
  CHECK(engine.limits.count(Limit::Fibers) == 7);
  CHECK(engine.limits.raw(Limit::Memory) == spec(Limit::Memory).maximum);
  const auto hosted = parse({"--limit=memory=2MiB", "--hosted", "x.lua"}).value();
  CHECK(hosted.limits.raw(Limit::Memory) == 2 * 1024 * 1024);
  CHECK(hosted.limits.raw(Limit::Fibers) == spec(Limit::Fibers).value);
}

TEST_CASE("what run does not know it refuses with a hint") {
  CHECK(refusal({"--nojit", "x.lua"}) == "unknown option --nojit; did you mean --no-jit?");
  CHECK(refusal({"-q", "x.lua"}) == "unknown option -q");
  CHECK(refusal({"--no-jit=yes", "x.lua"}) == "--no-jit takes no value");
  CHECK(refusal({"--limit"}) == "--limit needs a value: KEY=VALUE");
  CHECK(refusal({}) == "name a Lua file or a folder with an init.lua");
  CHECK(refusal({""}) == "the file's name is empty");
  CHECK(refusal({"-"}).find("standard input") == 0);
}

std::string page() {
  std::string text = R"(# `perilune run`

    perilune run [OPTIONS] FILE|DIR [-- ARGS...]

Runs a Lua program here, without a host: FILE, or the `init.lua` of a folder. Its folder is the root of its modules. Standard input is no
program. What follows FILE belongs to the program (`system.arguments`); a `--` directly after FILE is left out.

| option | what it does |
|---|---|
)";
  for (const RunOption& option : run_options()) {
    text += "| `" + std::string{option.flag} +
            (option.value.empty() ? "" : " " + std::string{option.value}) + "` | " +
            std::string{option.doc} + " |\n";
  }
  return text + R"(
Without `--limit` a program has the most that the table of limits allows of memory, fibers, timers, sockets and log lines, and no limit of CPU
time; with `--hosted` what an app has by default.

| variable | what it does |
|---|---|
| `PERILUNE_PATH`, `EMILUA_PATH` | folders of external packages and native plugins, separated by colons; PERILUNE_PATH comes first |
| `EMILUA_COLORS`, `NO_COLOR` | `EMILUA_COLORS=1` colours panics on standard error, `0` does not; without it NO_COLOR forbids it, and a terminal gets it |
| `EMILUA_LOG_LEVELS` | a number below 3 hides panics |

| exit status | when |
|---|---|
| 0 | the program is over: no fiber is left |
| 1 | the file can't be read or compiled, the main fiber died of an error, or the VM died |
| 2 | bad options |
| N | `system.exit(N)` |

A program ends when its last fiber has ended. SIGINT and SIGTERM interrupt all its fibers, so that their cleanup runs; a second one ends the
process at once. SIGPIPE is ignored: writing to what nobody reads is an error of the write. Signals that were blocked are unblocked, and if
one of the descriptors 0 to 2 is closed it becomes /dev/null.
)";
}

TEST_CASE("docs/reference/run.md says what the table of options says", "[docs]") {
  const std::string expected = page();
  INFO("renew it with PERILUNE_WRITE_DOCS=1");
  CHECK(test::reference_page("run.md", expected) == expected);
}

}  // namespace
}  // namespace perilune::host
