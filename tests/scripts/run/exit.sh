#!/bin/sh
# Exit statuses.
t() {
  printf '%s' "$2" >"$dir/x.lua"
  "$p" run "$dir/x.lua" >"$dir/text" 2>"$dir/errors"
  echo "$1: $? $(tr '\n' ' ' <"$dir/text")| $(grep -v -e '^Aborted' -e 'ASan does' "$dir/errors" | head -n 1 | sed -E "s|$dir/||; s/0x[0-9a-f]+/0x…/")"
}
p=$1
dir=$3
t 'returns' 'print(1)'
t 'returns a value' 'return 5'
t 'dies' 'error("why")'
t 'dies of a table' 'error({})'
t 'dies of nil' 'error()'
t 'its death ends the program' 'spawn(function() require("sleep_for")(20) print("never") end):detach() error("why")'
t 'a detached fiber dies' 'spawn(function() error("why") end):detach()'
t 'waits for all fibers' 'spawn(function() require("sleep_for")(20) print("last") end):detach() print("first")'
t 'exit' 'require("system").exit() print("never")'
t 'exit 7' 'require("system").exit(7)'
t 'exit 256' 'require("system").exit(256)'
t 'exit -1' 'require("system").exit(-1)'
t 'exit before an error' 'spawn(function() require("system").exit(4) end):detach() this_fiber.yield() error("why")'
t 'exit in a fiber' 'spawn(function() require("system").exit(9) end):join() print("never")'
t 'exit in a coroutine' 'coroutine.wrap(function() require("system").exit(8) end)() print("never")'
t 'exit in pcall' 'pcall(require("system").exit, 6) print("never")'
t 'exit while others wait' 'spawn(function() require("sleep_for")(1e6) end) require("system").exit(2)'
t 'exit with a deep stack' 'local function f(n) if n == 0 then require("system").exit(3) end return 1 + f(n - 1) end f(1000)'
t 'exit with finalisers' 'local p = newproxy(true) getmetatable(p).__gc = function() io.write("collected") end require("system").exit(1)'
t 'force 0' 'require("system").exit(5, {force = 0})'
t 'force 2' 'io.write("flushed") require("system").exit(5, {force = 2})'
t 'force abort' 'require("system").exit(5, {force = "abort"})' 2>/dev/null
t 'force 1' 'require("system").exit(5, {force = 1})'
t 'force 3' 'require("system").exit(5, {force = 3})'
t 'force x' 'require("system").exit(5, {force = "x"})'
t 'options x' 'require("system").exit(5, "x")'
t 'code x' 'require("system").exit("x")'
t 'code inf' 'require("system").exit(1/0)'
t 'os.exit' 'os.exit(11)'
t 'cleanup does not run' 'pcall(function() scope(function() scope_cleanup_push(function() print("ran") end) require("system").exit(0) end) end)'
