#include "runtime/script/error_table.hpp"

#include <catch2/catch.hpp>
#include <cerrno>
#include <lua.hpp>
#include <set>
#include <string>

#include "runtime/script/errors.hpp"
#include "tests/support/documented.hpp"
#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

constexpr const char* kHead = R"(# Errors in scripts

What a function of the runtime raises is an *error code*: a table with the metatable name `"error_code"`.

| expression | what it is |
|---|---|
| `e.code` | number |
| `e.category` | `tostring(e.category)` is the category's name, `e.category:message(code)` the text of a code in it; two categories are equal if they have the same name |
| `tostring(e)` | the message; `"saving: " .. e` works too |
| `e1 == e2` | the same code **and** the same category; other fields do not matter. Each access such as `generic_error.EINVAL` is a new error, so compare by `==`, not as keys of a table |
| `e:togeneric()` | the error of category `generic` that means the same, if there is one; else `e` |
| `e.arg` | of EINVAL, EDOM and others: the number (or name) of the argument at fault |
| `e.index` | of `bad_index`: the key that is not there |
| `e.limit`, `e.used`, `e.unit` | of a limit: its value, what was asked for, `"bytes"`, `"ms"`, `"count"` or `"1/s"` |
| `e.message` | a sentence that says more than the category's; may be absent |

Error codes are plain tables: a program may add fields to them, and `pcall`, `fiber:join` and `coroutine.resume` pass the very table on.
What Lua itself raises (a wrong type, an index of nil, `error 'text'`) is a string, as ever.

`require 'generic_error'` and `require 'asio_error'` make errors to compare with or to raise: `error(generic_error.EINVAL)`.
An unknown name raises `bad_index`, an assignment EPERM.
)";

/// Messages of errnos are the C library's.
std::string page() {
  std::string text = kHead;
  for (const ErrorCategory& category : error_categories()) {
    text += std::string{"\n## Category `"} + category.name + "`\n\n" + category.what;
    if (category.module != nullptr)
      text += std::string{" In scripts: `"} + category.module + ".NAME`.";
    text += "\n\n| code | name | message | `togeneric` |\n|---|---|---|---|\n";
    for (const ErrorRow& row : category.rows) {
      const int generic = generic_code(category.name, row.code);
      std::string other = "itself";
      for (const ErrorRow& candidate : error_categories().front().rows) {
        if (generic != 0 && candidate.code == generic && category.name != std::string{"generic"})
          other = std::string{"`"} + candidate.name + "`";
      }
      text += "| " + std::to_string(row.code) + " | `" + row.name + "` | " +
              error_message(category.name, row.code) + " | " + other + " |\n";
    }
  }
  return text;
}

TEST_CASE("docs/reference/lua-errors.md says what the table of errors says", "[docs]") {
  INFO("renew it with PERILUNE_WRITE_DOCS=1");
  const std::string expected = page();
  CHECK(test::reference_page("lua-errors.md", expected) == expected);
}

TEST_CASE("every error has a name, a number of its own and a message") {
  for (const ErrorCategory& category : error_categories()) {
    INFO(category.name);
    const bool errnos = category.rows.front().message == nullptr;
    std::set<int> codes;
    std::set<std::string> names;
    for (const ErrorRow& row : category.rows) {
      INFO(row.name);
      CHECK((codes.insert(row.code).second || errnos));  // EAGAIN is EWOULDBLOCK
      CHECK(names.insert(row.name).second);
      CHECK(std::string{error_message(category.name, row.code)} != "Unknown error");
      CHECK(find_error(category.name, row.code) != nullptr);
      if (category.module != nullptr) CHECK(find_error(category, row.name) == &row);
      CHECK((row.generic == 0 || generic_code("generic", row.generic) == row.generic));
    }
    CHECK(find_error(category.name, 100'000) == nullptr);
    CHECK(std::string{error_message(category.name, 100'000)} == "Unknown error");
    CHECK(std::string{error_message(category.name, 0)} != "");
    CHECK(std::string{error_message(category.name, -1)} == "Unknown error");
    CHECK(generic_code(category.name, -1) == 0);
  }
  CHECK(find_error("nonsense", 1) == nullptr);
  CHECK(std::string{error_message("nonsense", 1)} == "Unknown error");
}

TEST_CASE("a script can make every error that has a module, and it is what the table says") {
  std::string script = "local g, a = require 'generic_error', require 'asio_error'\n";
  std::string expected;
  for (const ErrorCategory& category : error_categories()) {
    if (category.module == nullptr) continue;
    const std::string module = category.module;
    const std::string from = module == "generic_error" ? "g" : "a" + module.substr(10);
    for (const ErrorRow& row : category.rows) {
      script += "do local e = " + from + "." + row.name +
                " print(e.code, tostring(e.category), e, e == " + from + "." + row.name + ") end\n";
      expected += std::to_string(row.code) + "\t" + category.name + "\t" +
                  error_message(category.name, row.code) + "\ttrue\n";
    }
  }
  CHECK(test::run_script(script) == expected);
}

TEST_CASE("errors of C++ code that map to POSIX say so") {
  test::ScriptVm vm;
  const auto done = vm.vm().protect([](lua_State* L) {
    struct Case {
      const char* category;
      int code;
      const char* becomes;
      int number;
    };
    constexpr Case kCases[] = {
        {kSystemCategory, ECONNREFUSED, kGenericCategory, ECONNREFUSED},
        {kSystemCategory, ESHUTDOWN, kSystemCategory, ESHUTDOWN},  // Linux has it, POSIX has not
        {kGenericCategory, EPERM, kGenericCategory, EPERM},
        {kCoreCategory, 13, kCoreCategory, 13},
        {kAsioMiscCategory, 2, kAsioMiscCategory, 2},
        {kHttpCategory, 6, kGenericCategory, EMSGSIZE},
        {kHttpCategory, 1, kHttpCategory, 1},
        {kPeriluneCategory, 23, kGenericCategory, EACCES},
        {"nonsense", 1, "nonsense", 1},
    };
    for (const Case& one : kCases) {
      INFO(one.category << " " << one.code);
      push_code(L, one.category, one.code);
      lua_getfield(L, -1, "togeneric");
      lua_insert(L, -2);
      lua_call(L, 1, 1);
      CHECK(is_code(L, -1, one.becomes, one.number));
      lua_settop(L, 0);
    }
  });
  CHECK(done.has_value());
}

}  // namespace
}  // namespace perilune::runtime
