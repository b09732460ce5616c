#!/bin/sh
# Bad options: exit status 2, a sentence, the usage.
cd "$(dirname "$2")" || exit 1
p=$1
dir=$3
t() {
  echo "== $*" | sed "s|$dir|DIR|g"
  "$p" run "$@" >"$dir/text" 2>&1 </dev/null
  status=$?
  sed "s|$dir|DIR|g" "$dir/text" | grep -v '^Usage: perilune run'
  echo "status $status"
}
t
t -
t ''
t --
t --nojit arguments.lua
t --no-jitt arguments.lua
t --bogus arguments.lua
t -x arguments.lua
t --no-jit=1 arguments.lua
t --limit
t --limit memory arguments.lua
t --limit nothing=1 arguments.lua
t --limit memory=lots arguments.lua
t --limit memory=1KiB arguments.lua
t --limit fibers=1 arguments.lua
t --limit fibers=99999999999999999999 arguments.lua
t missing.lua
t nothing
t arguments.lua/x.lua
echo text >"$dir/unreadable.lua" && chmod 0 "$dir/unreadable.lua"
[ "$(id -u)" = 0 ] || "$p" run "$dir/unreadable.lua"
printf 'x = = 1' >"$dir/syntax.lua"
t "$dir/syntax.lua"
printf '\033LJ' >"$dir/bytecode.lua"
t "$dir/bytecode.lua"
: >"$dir/empty.lua"
t "$dir/empty.lua"
t folder
t folder/ a
t folder/init.lua
"$p" run --help | head -n 2
