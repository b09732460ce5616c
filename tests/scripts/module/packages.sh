#!/bin/sh
# PERILUNE_PATH comes before EMILUA_PATH; empty entries and missing folders do no harm; never in hosted apps.
cd "$(dirname "$2")" || exit 1
run=$1
say() { echo "== $*"; }
say both; PERILUNE_PATH=packages/one EMILUA_PATH=packages/two/ "$run" run packages.lua
say one list; EMILUA_PATH=:/nonexistent::packages/one:packages/two: "$run" run --test packages.lua | head -3
say none; "$run" run packages.lua | head -2
say hosted; PERILUNE_PATH=packages/one "$run" run --hosted packages.lua | head -2
say many; PERILUNE_PATH=/a:/b:/c:/d:/e:/f "$run" run packages.lua | head -2
