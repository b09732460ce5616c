#!/bin/sh
# A pipe that has something now and then, a file, a closed descriptor, and a reader that is interrupted.
(sleep 0.2; printf 'hello '; sleep 0.1; printf 'world') | "$1" run "$2"
printf 'from a file' >"$3/file"
"$1" run "$2" <"$3/file"
printf 'print(pcall(require("system").in_.read_some, require("system").in_, byte_span.new(1)))' >"$3/closed.lua"
"$1" run "$3/closed.lua" <&-
cat >"$3/interrupt.lua" <<'LUA'
local system = require 'system'
local span = byte_span.new(10)
local reader = spawn(function() system.in_:read_some(span) end)
this_fiber.yield()
reader:interrupt()
reader:join()
print(reader.interruption_caught)
-- The program waits for its fibers, and input is something that can come.
print(system.in_:read_some(span))
LUA
(sleep 0.3; echo abc) | "$1" run "$3/interrupt.lua"
# A reader that is slow: the writing fiber waits, the others run.
cat >"$3/write.lua" <<'LUA'
local system = require 'system'
local turns, sent = 0, 0
local ticker = spawn(function() while true do require('sleep_for')(10) turns = turns + 1 end end)
local text = ('x'):rep(65536)
while sent < 300000 do sent = sent + system.out:write_some(text) end
system.err:write_some((turns >= 5 and 'the others ran' or turns) .. ' ' .. (sent >= 300000 and 'all sent' or sent) .. '\n')
ticker:interrupt()
LUA
"$1" run "$3/write.lua" | (sleep 0.3; wc -c | sed 's/^3[0-9]*$/3…/')
