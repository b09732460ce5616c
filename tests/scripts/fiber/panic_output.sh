#!/bin/sh
# What the environment says about panics: colours, levels, and settings that make no sense.
cd "$(dirname "$2")" || exit 1
show() {
  echo "-- $*"
  env -u NO_COLOR -u EMILUA_COLORS -u EMILUA_LOG_LEVELS "$@" 2>&1 | sed 's/0x[0-9a-f]*/0x…/g' | tr '\033' '^'
}
file=$(basename "$2")
show "$1" run "$file" | sed "s|^-- .* run|-- perilune run|"
for setting in EMILUA_COLORS=1 EMILUA_COLORS=0 EMILUA_COLORS=yes EMILUA_COLORS= NO_COLOR=1 \
  EMILUA_LOG_LEVELS=3 EMILUA_LOG_LEVELS=2 EMILUA_LOG_LEVELS=core:2 EMILUA_LOG_LEVELS=core:7,1 EMILUA_LOG_LEVELS=x; do
  show "$setting" "$1" run "$file" | sed "s|^-- \([^ ]*\) .*|-- \1|"
done
echo '-- EMILUA_COLORS=1 NO_COLOR=1'
EMILUA_COLORS=1 NO_COLOR=1 "$1" run "$file" 2>&1 | sed 's/0x[0-9a-f]*/0x…/g' | tr '\033' '^'
