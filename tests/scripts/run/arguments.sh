#!/bin/sh
# What belongs to the program, and options before it.
cd "$(dirname "$2")" || exit 1
p="$1 run"
$p arguments.lua
$p arguments.lua a b
$p arguments.lua -- a b
$p arguments.lua a -- b
$p arguments.lua -- -- a
$p arguments.lua --no-jit -h -
$p --no-jit arguments.lua x
$p --no-jit -- arguments.lua --test
$p --hosted --no-jit arguments.lua x y
$p --limit memory=64MiB --limit=fibers=10 arguments.lua ''
