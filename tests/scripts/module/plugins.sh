#!/bin/sh
# Plugins lie in folders of PERILUNE_PATH; with the hosted library there are none.
cd "$(dirname "$2")" || exit 1
printf 'no library at all' >"$3/libno_elf.so"
: >"$3/libempty.so"
PERILUNE_PATH=$PERILUNE_TEST_PLUGINS:$3 "$1" run plugins.lua
echo "exit status $?"
PERILUNE_PATH=$PERILUNE_TEST_PLUGINS "$1" run --hosted plugins.lua 2>&1 | grep -v 'ASan does' | head -n 1 | sed 's/^Main fiber panicked/Main fiber/' | cut -c 1-120
cd "$(dirname "$2")/../../../docs/examples/plugin" && PERILUNE_PATH=$PERILUNE_TEST_PLUGINS "$1" run main.lua
