#!/bin/sh
# Runs SCRIPT with the program RUN and holds what it prints (standard output, then standard error
# with addresses masked) against SCRIPT's .out file. A .sh file beside it runs instead, given RUN and SCRIPT.
set -eu
run=$1
script=$2
base=${script%.lua}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
if [ -x "$base.sh" ]; then
  "$base.sh" "$run" "$script" "$dir" >"$dir/actual" 2>&1
else
  status=0
  (cd "$(dirname "$script")" && "$run" run "$(basename "$script")" >"$dir/stdout" 2>"$dir/stderr") || status=$?
  {
    cat "$dir/stdout"
    grep -v '^	' "$dir/stderr" | grep -v '^stack traceback:' | sed 's/0x[0-9a-f]*/0x…/g' || true
    echo "exit status $status"
  } >"$dir/actual"
fi
# What a sanitizer says about itself is not the script's.
grep -v "ASan doesn't fully support makecontext" "$dir/actual" | diff -u "$base.out" -
