#!/bin/sh
# Runs SCRIPT with the program RUN and holds what it prints (standard output, then standard error without tracebacks,
# addresses masked) against SCRIPT's .out file: as a program, without the JIT, and with a hosted app's library, all at once.
# Among its first lines a script may say
#   -- engine only     not with the hosted library
#   -- hosted only     with the hosted library only, with and without the JIT
#   -- run once        one run is enough, as a program
# A .sh file beside it runs instead, given RUN, SCRIPT, a folder for its files, and the options for `perilune run`.
# Without a script it runs once, unless its second line is `# every profile`.
set -eu
run=$(realpath "$1")
script=$(realpath -m "$2")
base=${script%.lua}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

one() { # one FOLDER [OPTIONS]: prints the difference, if there is one
  out=$1
  shift
  mkdir -p "$out"
  if [ -x "$base.sh" ]; then
    "$base.sh" "$run" "$script" "$out" "$*" >"$out/actual" 2>&1 || echo "exit status $? of $base.sh" >>"$out/actual"
  else
    status=0
    # shellcheck disable=SC2086
    (cd "$(dirname "$script")" && "$run" run "$@" "$(basename "$script")" >"$out/stdout" 2>"$out/stderr" </dev/null) || status=$?
    {
      cat "$out/stdout"
      # Hosted apps see no addresses.
      grep -av '^	' "$out/stderr" | grep -av '^stack traceback:' |
        sed -E -e 's/0x[0-9a-f]+/0x…/g' -e 's/^Main fiber panicked/Main fiber from VM 0x… panicked/' || true
      echo "exit status $status"
    } >"$out/actual"
  fi
  # What a sanitizer says about itself is not the script's.
  grep -av "ASan doesn't fully support makecontext" "$out/actual" | diff -u --label "$base.out" --label "run $*" "$base.out" - >"$out/diff" ||
    touch "$out/failed"
}

says() { [ -f "$script" ] && head -n 3 "$script" | grep -q "^-- $1"; }
alone() { [ ! -f "$script" ] && ! head -n 3 "$base.sh" | grep -q '^# every profile'; }

if says 'run once' || alone; then
  one "$dir/engine"
elif says 'engine only'; then
  one "$dir/engine" & one "$dir/nojit" --no-jit &
elif says 'hosted only'; then
  one "$dir/hosted" --hosted & one "$dir/nojit" --hosted --no-jit &
else
  one "$dir/engine" & one "$dir/nojit" --no-jit & one "$dir/hosted" --hosted &
fi
wait
cat "$dir"/*/diff
[ -z "$(find "$dir" -name failed)" ]
