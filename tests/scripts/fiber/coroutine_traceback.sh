#!/bin/sh
# The whole standard error of a fiber that died inside coroutines: the traceback goes through them.
cd "$(dirname "$2")" && "$1" run "$(basename "$2")" 2>&1 | sed 's/0x[0-9a-f]*/0x…/g'
