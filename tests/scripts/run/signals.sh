#!/bin/sh
# SIGPIPE is no end; SIGINT and SIGTERM interrupt every fiber; blocked signals are unblocked.
dir=$3
cat >"$dir/pipe.lua" <<'LUA'
local system = require 'system'
require('sleep_for')(100)
local ok, e
for i = 1, 100 do ok, e = pcall(system.out.write_some, system.out, ('x'):rep(4096)) if not ok then break end end
system.err:write_some(tostring(e) .. ' ' .. tostring(e.category) .. '\n')
print 'nobody reads'
LUA
("$1" run "$dir/pipe.lua" 2>"$dir/errors"; echo "status $?" >>"$dir/errors") | true
for _ in 1 2 3 4 5 6 7 8 9 10; do grep -q status "$dir/errors" && break; sleep 0.1; done
cat "$dir/errors"
cat >"$dir/wait.lua" <<'LUA'
local f = spawn(function() require('sleep_for')(1e6) end)
print 'ready'
pcall(f.join, f)
print('interrupted')
LUA
for signal in TERM INT; do
  rm -f "$dir/text"
  "$1" run "$dir/wait.lua" >"$dir/text" &
  pid=$!
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do grep -qs ready "$dir/text" && break; sleep 0.1; done
  kill -s $signal $pid
  wait $pid
  echo "$signal: status $?, $(tr '\n' ' ' <"$dir/text")"
done
rm -f "$dir/text"
env --block-signal=TERM "$1" run "$dir/wait.lua" >"$dir/text" &
pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do grep -qs ready "$dir/text" && break; sleep 0.1; done
kill -s TERM $pid
wait $pid
echo "blocked TERM: status $?"
