#!/bin/sh
# --limit, just under and just over.
"$1" run --limit fibers=21 "$2"
"$1" run --limit fibers=20 "$2"
"$1" run --hosted --limit fibers=5 "$2"
printf 'print(pcall(function() local t = {} for i = 1, 1e6 do t[i] = ("x"):rep(1000) .. i end end))' >"$3/memory.lua"
"$1" run --limit memory=4MiB "$3/memory.lua"
