#!/usr/bin/env bash
# Builds LuaJIT from Debian's newest source package, twice, and caches the result:
#   CACHE/luajit/engine/libluajit.a   CHECKHOOK + LUA52COMPAT
#   CACHE/luajit/worker/libluajit.a   the same without FFI
# usage: luajit.sh [--force] [SUITE...]      default suites: sid trixie; the first that answers wins
# CACHE is $PERILUNE_CACHE or ~/.cache/perilune. Needs dpkg-dev, gcc and make; takes about 80 seconds once.
# Patches of ours in deploy/luajit/*.patch are applied; each says what it mends.
# apt reads a private configuration for this: nothing under /etc or /var is changed. The source index is
# verified against Debian's archive key, and each file against the index.
set -euo pipefail
patches=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/luajit
patched=$(cat "$patches"/*.patch | sha256sum | cut -c1-12)

force=no
if [ "${1:-}" = --force ]; then force=yes; shift; fi
suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(sid trixie)
out=${PERILUNE_CACHE:-$HOME/.cache/perilune}/luajit
if [ "$force" = no ] && grep -qs " patches $patched" "$out/version" && [ -f "$out/engine/libluajit.a" ] && [ -f "$out/worker/libluajit.a" ]; then
  echo "LuaJIT $(cat "$out/version") is in $out"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
key=/usr/share/keyrings/debian-archive-keyring.gpg

debian_mirror() {
  local uri
  uri=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
  [ -n "$uri" ] || uri=$(awk '$1 == "deb" && $2 !~ /security/ {for (i = 2; i <= NF; i++) if ($i ~ /^http/) {print $i; exit}}' \
    /etc/apt/sources.list 2>/dev/null || true)
  echo "$uri"
}

fetch() { # fetch SUITE: download the source package into $work/SUITE/src
  local dir=$work/$1
  mkdir -p "$dir/lists/partial" "$dir/src"
  printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$mirror" "$1" "$key" >"$dir/debian.sources"
  local apt=(-q -o Dir::Etc::sourcelist="$dir/debian.sources" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$dir/lists")
  (cd "$dir/src" && apt-get "${apt[@]}" update && apt-get "${apt[@]}" source --download-only luajit) >"$work/log" 2>&1
}

mirror=$(debian_mirror)
if [ -z "$mirror" ]; then
  echo "luajit.sh: no Debian mirror in apt's sources: add one, or build LuaJIT yourself and pass -DPERILUNE_LUAJIT_DIR to cmake" >&2
  exit 1
fi
chosen=
for suite in "${suites[@]}"; do
  if fetch "$suite"; then chosen=$suite; break; fi
  echo "luajit.sh: no LuaJIT source from $suite: $(tail -1 "$work/log")" >&2
done
if [ -z "$chosen" ]; then
  echo "luajit.sh: none of these suites has a LuaJIT source package: ${suites[*]}" >&2
  echo "luajit.sh: check the network and apt's proxy settings, name another suite, or build LuaJIT yourself" >&2
  echo "luajit.sh: (engine/ and worker/, see deploy/cmake/luajit.cmake) and pass -DPERILUNE_LUAJIT_DIR to cmake" >&2
  exit 1
fi

cd "$work/$chosen/src"
dpkg-source --no-check -x luajit_*.dsc tree >/dev/null
version=$(sed -n 's/^Version: //p' luajit_*.dsc | head -1)
for patch in "$patches"/*.patch; do
  patch -s -d tree -p1 <"$patch" || { echo "luajit.sh: $(basename "$patch") does not apply to LuaJIT $version" >&2; exit 1; }
done
for kind in engine worker; do
  flags="-DLUAJIT_ENABLE_CHECKHOOK -DLUAJIT_ENABLE_LUA52COMPAT"
  [ $kind = worker ] && flags="$flags -DLUAJIT_DISABLE_FFI"
  rm -rf build
  cp -r tree build
  make -s -C build -j"$(nproc)" amalg CFLAGS="-fPIC" XCFLAGS="$flags" Q= E=@: >"$work/$kind.log" 2>&1 || {
    tail -5 "$work/$kind.log" >&2
    exit 1
  }
  mkdir -p "$out/$kind"
  cp build/src/libluajit.a build/src/{lua.h,lauxlib.h,lualib.h,luaconf.h,luajit.h,lua.hpp} "$out/$kind/"
done
echo "$version ($chosen) patches $patched" >"$out/version"
echo "LuaJIT $version from $chosen is in $out"
