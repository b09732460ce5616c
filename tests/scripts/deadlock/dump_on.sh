#!/bin/sh
# --dump-on: fibers that wait, and one in the middle of a busy loop; the program goes on.
set -eu
run=$1
script=$2
dir=$3
wait_for() { # FILE TEXT
  for _ in $(seq 200); do
    if grep -q "$2" "$1" 2>/dev/null; then return; fi
    sleep 0.05
  done
  echo "never came: $2"
  exit 1
}
shown() { sed -e 's/0x[0-9a-f]*/0x…/g' -e 's/for [0-9.]* ms/for … ms/'; }

cd "$(dirname "$script")"
"$run" run --dump-on SIGUSR1 "$(basename "$script")" >"$dir/out" 2>"$dir/err" &
pid=$!
wait_for "$dir/out" ready
sleep 0.1
kill -USR1 $pid
wait_for "$dir/err" '^fiber 0x3'
sleep 0.1
shown <"$dir/err"
kill -TERM $pid
wait $pid || echo "exit status $?"

cat >"$dir/busy.lua" <<'L'
print 'ready'
local t = os.clock()
local function spin() while os.clock() - t < 2 do for _ = 1, 1000 do end end end
pcall(coroutine.wrap(function() spin() end))
print 'went on'
L
cd "$dir"
"$run" run --dump-on SIGHUP busy.lua >"$dir/out" 2>"$dir/err" &
pid=$!
wait_for "$dir/out" ready
sleep 0.2
kill -HUP $pid
wait_for "$dir/err" '^main fiber'
grep -c 'went on' "$dir/out" || true
wait $pid
grep '^main fiber' "$dir/err" | shown
grep -c spin "$dir/err"
cat "$dir/out"
"$run" run --dump-on SIGKILL busy.lua 2>/dev/null || echo "exit status $?"
