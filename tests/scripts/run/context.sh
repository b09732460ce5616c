#!/bin/sh
# --test is seen by the program and what it imports from its own folder (packages: module/packages.sh).
cd "$(dirname "$2")" || exit 1
"$1" run context.lua
"$1" run --test context.lua
"$1" run --hosted --test context.lua
