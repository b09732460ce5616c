#!/bin/sh
# every profile
# docs/examples/countdown (the seed's complete server), asked by curl: streamed to HTTP/1.1, whole to HTTP/1.0.
run=$1
script=$(dirname "$2")/../../docs/examples/countdown/init.lua
dir=$3
"$run" run $4 "$script" >"$dir/log" 2>"$dir/errors" &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  port=$(sed -n 's/^Listening on 127.0.0.1://p' "$dir/log")
  [ -n "$port" ] && break
  sleep 0.2
done
url="http://127.0.0.1:$port"
curl -sS -i --max-time 10 "$url/streamed" | tr -d '\r' &
streamed=$!
curl -sS --max-time 10 -0 --data-binary "@$script" "$url/whole"
wait $streamed
printf 'GET /two HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n' | timeout 5 curl -sS --max-time 5 "telnet://127.0.0.1:$port" | tr -d '\r'
echo
kill -TERM $server
wait $server
echo "exit status $?"
sed "s/:$port\$/:PORT/" "$dir/log" | sort
sed -n "s/^Fiber [0-9a-fx]* panicked: //p" "$dir/errors" | sort
