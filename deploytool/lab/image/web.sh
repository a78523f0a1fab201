#!/bin/busybox sh
# The demo web server: says who it is, and goes at once when it is told to.
mkdir -p /www
echo "demo/web:$DEMO_VERSION on $(hostname)" >/www/index.html

# Process 1 gets no signal that it does not handle: without this, each stop would take its whole grace period.
trap 'kill "$server"; exit 0' TERM INT
httpd -f -p 8080 -h /www &
server=$!
wait "$server"
