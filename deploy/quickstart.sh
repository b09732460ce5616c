#!/usr/bin/env bash
# From a fresh Debian 12 machine to an app that answers. Run as root; a second run takes seconds.
#   1 installs Debian packages          (deploy/packages.sh build)
#   2 builds LuaJIT from Debian's source (deploy/luajit.sh, cached)
#   3 builds perilune and perilune-worker (cmake preset release)
#   4 serves on loopback with the embedded store
#   5 deploys docs/examples/hello as demo/hello and prints the curl line
# Environment: PERILUNE_DATA_DIR (/var/lib/perilune), PERILUNE_GATEWAY (127.0.0.1:8080), PERILUNE_ADMIN (127.0.0.1:8081),
# PERILUNE_METRICS (127.0.0.1:8082). Stop the server with: deploy/quickstart.sh stop
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Clones in other folders share the compiler cache.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

data=${PERILUNE_DATA_DIR:-/var/lib/perilune}
gateway=${PERILUNE_GATEWAY:-127.0.0.1:8080}
admin=${PERILUNE_ADMIN:-127.0.0.1:8081}
metrics=${PERILUNE_METRICS:-127.0.0.1:8082}
pid_file=$data/perilune.pid
binary=build/release/perilune

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'quickstart: %s\n' "$*" >&2; exit 1; }
running() { [ -s "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null; }

stop() {
  running || { echo "not running"; return 0; }
  kill -TERM "$(cat "$pid_file")"
  for _ in $(seq 300); do running || { rm -f "$pid_file"; echo "stopped"; return 0; }; sleep 0.1; done
  fail "process $(cat "$pid_file") does not stop; see $data/serve.log"
}

[ "$(id -u)" = 0 ] || fail "run me as root (the sandbox's full level needs it; 'perilune doctor' explains)"
if [ "${1:-}" = stop ]; then stop; exit 0; fi

say "1/5 packages"
deploy/packages.sh build

say "2/5 LuaJIT"
deploy/luajit.sh

say "3/5 build (some minutes the first time)"
[ -f build/release/build.ninja ] || cmake --preset release -DBUILD_TESTING=OFF >/dev/null
before=$(stat -c %Y "$binary" 2>/dev/null || echo 0)
cmake --build --preset release --target perilune perilune-worker | tail -1
after=$(stat -c %Y "$binary")

say "4/5 serve"
# The strongest level that this machine offers; what is missing is said, never silently accepted.
level=full
if ! "$binary" doctor >"/tmp/perilune-doctor.$$" 2>&1; then
  cat "/tmp/perilune-doctor.$$"
  level=$(sed -n 's/^Isolation level: *\([a-z]*\).*/\1/p' "/tmp/perilune-doctor.$$" | head -1)
  rm -f "/tmp/perilune-doctor.$$"
  case "$level" in strong | jail | filter) echo "This machine offers level '$level', not 'full': continuing with --require-sandbox $level." ;;
    *) fail "this machine lacks what every level needs; see the table above" ;; esac
fi
rm -f "/tmp/perilune-doctor.$$"
if running && [ "$before" != "$after" ]; then echo "the program is new: restarting"; stop; fi
if ! running; then
  mkdir -p "$data"
  setsid "$binary" serve --data-dir "$data" --gateway "$gateway" --admin "$admin" --metrics "$metrics" \
    --require-sandbox "$level" >>"$data/serve.log" 2>&1 </dev/null &
  echo $! >"$pid_file"
fi
for _ in $(seq 100); do
  curl -fsS -m 2 -o /dev/null "http://$metrics/readyz" 2>/dev/null && break
  running || { tail -5 "$data/serve.log" >&2; fail "serve ended; its log is $data/serve.log"; }
  sleep 0.1
done
curl -fsS -m 2 -o /dev/null "http://$metrics/readyz" || fail "serve is not ready; its log is $data/serve.log"
echo "serving, process $(cat "$pid_file"), log $data/serve.log"

say "5/5 deploy the example app"
PERILUNE_URL=http://$admin PERILUNE_TOKEN=$(cat "$data/admin.token") "$binary" deploy docs/examples/hello --app demo/hello

port=${gateway##*:}
cat <<EOF

The operator's token is in $data/admin.token. Try:

    curl http://hello.demo.localhost:$port/
    curl http://$metrics/metrics
    deploy/quickstart.sh stop
EOF
curl -fsS -m 5 -H "Host: hello.demo.localhost" "http://$gateway/"
