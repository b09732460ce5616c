#!/bin/sh
# Shows the traceback too, which run.sh leaves out.
cd "$(dirname "$2")" && "$1" run "$(basename "$2")" 2>&1 | sed 's/0x[0-9a-f]*/0x…/g'
