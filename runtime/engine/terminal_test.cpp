#include "runtime/engine/terminal.hpp"

#include <catch2/catch.hpp>

using namespace perilune::runtime;

TEST_CASE("EMILUA_COLORS decides, NO_COLOR forbids, a terminal gets colours") {
  const auto colors = [](const char* emilua, const char* none, bool terminal) {
    return Terminal::from(emilua, none, nullptr, terminal).colors;
  };
  CHECK(colors(nullptr, nullptr, true));
  CHECK_FALSE(colors(nullptr, nullptr, false));
  CHECK_FALSE(colors(nullptr, "1", true));
  CHECK(colors(nullptr, "", true));
  CHECK(colors("1", "1", false));
  CHECK_FALSE(colors("0", nullptr, true));
  CHECK(colors("", nullptr, true));
  CHECK(Terminal::from("", nullptr, nullptr, true).warning.empty());
  CHECK(Terminal::from("1", nullptr, nullptr, true).warning.empty());
  const Terminal odd = Terminal::from("always", nullptr, nullptr, true);
  CHECK(odd.colors);
  CHECK(odd.warning == "<4>Ignoring unrecognized value for EMILUA_COLORS");
}

TEST_CASE("panics are shown from the default level 3 on") {
  const auto shown = [](const char* levels) {
    return Terminal::from(nullptr, nullptr, levels, false).panics;
  };
  CHECK(shown(nullptr));
  CHECK(shown(""));
  CHECK(shown("3"));
  CHECK(shown("7"));
  CHECK_FALSE(shown("2"));
  CHECK_FALSE(shown("0"));
  CHECK_FALSE(shown("-1"));
  CHECK_FALSE(shown("2,net:7"));
  CHECK_FALSE(shown("net:7,2"));
  CHECK(shown("net:2"));
  CHECK(shown("3,"));
  CHECK(shown(",,3"));
  CHECK(shown("x"));
  CHECK(shown("99999999999999"));
}

TEST_CASE("a panic is one line, and the traceback after it") {
  const Panic panic{"Fiber 0x2", "a.lua:1: no", "stack traceback:\n\ta.lua:1: in main chunk"};
  Terminal terminal;
  CHECK(terminal.show(panic) ==
        "Fiber 0x2 panicked: 'a.lua:1: no'\nstack traceback:\n\ta.lua:1: in main chunk\n");
  terminal.colors = true;
  const std::string shown = terminal.show(panic);
  CHECK(shown.find("\033[1;31mFiber 0x2 panicked\033[0m: '") == 0);
  CHECK(shown.find("\033[2mstack traceback:") != std::string::npos);
  CHECK(terminal.show({"Fiber 0x2", "not enough memory", {}}).find("stack") == std::string::npos);
}
