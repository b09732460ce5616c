#!/usr/bin/env bash
# Installs, builds, runs every test. On a fresh Debian 12 machine, as root.
# usage: tests/run.sh [STAGE...]     stages: style dev asan tsan fuzz     default: all of them
# FUZZ_SECONDS (10): how long each fuzz target runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Clones in other folders share the compiler cache.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

stages=("$@")
[ ${#stages[@]} -gt 0 ] || stages=(style dev asan tsan fuzz)
failed=()
started=$SECONDS

say() { printf '\n==== %s (%d s)\n' "$*" $((SECONDS - started)); }

build() { # build PRESET
  cmake --preset "$1" >"build-$1.log" 2>&1 || { cat "build-$1.log"; rm -f "build-$1.log"; return 1; }
  rm -f "build-$1.log"
  cmake --build --preset "$1"
}

style() {
  python3 tests/style/check_style.py || return 1
  git ls-files '*.cpp' '*.hpp' | xargs clang-format-14 --dry-run --Werror
}

fuzz() {
  build fuzz || return 1
  local target name
  for target in build/fuzz/tests/fuzz_*; do
    [ -x "$target" ] && [ -f "$target" ] || continue
    name=$(basename "$target")
    echo "-- $name"
    mkdir -p "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name"
    "$target" -max_total_time="${FUZZ_SECONDS:-10}" -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=0 \
      "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" || return 1
  done
}

# Timing on a shared machine: what fails is run once more, and both runs are in the output.
run_tests() { ctest --preset "$1" --repeat until-pass:2; }

run_stage() {
  case "$1" in
    style) style ;;
    fuzz) fuzz ;;
    dev) build dev && run_tests dev ;;
    asan | tsan) build "$1" && PERILUNE_WORKER=$PWD/build/dev/perilune-worker run_tests "$1" ;;
    *) echo "no such stage: $1" >&2; return 2 ;;
  esac
}

say "packages and LuaJIT"
deploy/packages.sh test
deploy/luajit.sh
for stage in "${stages[@]}"; do
  say "$stage"
  run_stage "$stage" || failed+=("$stage")
done
say "done"
if [ ${#failed[@]} -gt 0 ]; then
  echo "FAILED: ${failed[*]}"
  exit 1
fi
echo "all stages passed: ${stages[*]}"
