#!/usr/bin/env bash
# Installs what Perilune needs from Debian 12, as root. usage: packages.sh [run|build|test]   (each includes those before)
set -euo pipefail

run=(libseccomp2 libssl3 libsqlite3-0 libsodium23 libarchive13 libprometheus-cpp-core1.0 ca-certificates)
build=(g++ cmake ninja-build ccache make gcc dpkg-dev pkg-config debian-archive-keyring
  libboost1.81-dev libboost-context1.81-dev libboost-json1.81-dev libboost-url1.81-dev
  libseccomp-dev libssl-dev libsqlite3-dev libsodium-dev prometheus-cpp-dev zlib1g-dev libre2-dev
  libarchive-dev libtomlplusplus-dev libcli11-dev libfmt-dev curl git)
test=(catch2 clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev prometheus python3 jq sqlite3 luajit)

case "${1:-build}" in
  run) wanted=("${run[@]}") ;;
  build) wanted=("${run[@]}" "${build[@]}") ;;
  test) wanted=("${run[@]}" "${build[@]}" "${test[@]}") ;;
  *) echo "usage: $0 [run|build|test]" >&2; exit 2 ;;
esac

missing=()
for package in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "packages: all ${#wanted[@]} are installed"
  exit 0
fi
if [ "$(id -u)" != 0 ]; then
  echo "packages.sh: run as root, or install these yourself: ${missing[*]}" >&2
  exit 1
fi
echo "packages: installing ${missing[*]}"
apt-get -q update >/dev/null
# RUNLEVEL=1: no service of a package (prometheus) is started.
DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}" >/dev/null
