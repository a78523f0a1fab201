# The verbs that wait until nothing is under way any more: drain and let_go. POSIX sh with local.

do_drain() { # words: requests to replicas
  local task='' grace='' names='' edge="$root/$ingress"
  lease_keep
  flock -u 9 # waiting changes nothing: what else is to be done here goes on meanwhile
  each task drain_requests "$@"
}

drain_requests() { # of a task
  wait_until_none requests_left "$grace"
}

requests_left() { # to the containers in names
  local socket
  for socket in $(sockets); do admin "$socket" GET /clusters; done | awk -F '::' -v names="$names" '
    BEGIN { count = split(names, list, " "); for (i = 1; i <= count; i++) wanted[list[i]] }
    $3 == "rq_active" && $1 !~ /\.tcp(\.local)?@/ { active[$1, $2] = $4 }
    $3 == "cx_active" && $1 ~ /\.tcp(\.local)?@/ { active[$1, $2] = $4 }
    $3 == "hostname" && ($4 in wanted) { sum += active[$1, $2] }
    END { print sum + 0 }'
}

do_let_go() { # words: connections of proxies, which may keep some when the run is over
  local task='' grace='' patience='' containers='' edge="$root/$ingress"
  lease_keep
  flock -u 9
  each task drain_connections "$@"
}

drain_connections() { # of a task
  tell_to_end
  wait_until_none connections_left "$patience"
}

tell_to_end() { # containers: no new connection, and each answer is the last of its connection
  local id at token
  for id in $containers; do
    at=$(own "$id")
    # A file that names its container: one that is made anew by then from the same definition has another socket.
    token=$(docker inspect --type container --format '{{index .Config.Labels "deploytool.ingress.admin"}}' "$id")
    [ -S "$at.sock" ] || mv "$edge/$token" "$at.sock" 2>/dev/null || continue
    [ -f "$at.until" ] || echo "$(($(date +%s) + grace))" >"$at.until"
    docker update --restart no "$id" >/dev/null 2>&1 # else it would come back with the engine, and listen again
    admin "$at.sock" POST /healthcheck/fail >/dev/null
    admin "$at.sock" POST /drain_listeners >/dev/null
  done
}

connections_left() {
  local id
  for id in $containers; do connections "$(own "$id").sock"; done | awk '{ sum += $1 } END { print sum + 0 }'
}

wait_until_none() { # what counts them, seconds; when the time is over, it is told how many are left
  local begun left
  begun=$(date +%s)
  while :; do
    left=$("$1")
    [ "$left" -gt 0 ] && [ "$(($(date +%s) - begun))" -lt "$2" ] || break
    sleep 0.2 2>/dev/null || sleep 1
  done
  [ "$left" -eq 0 ] || say task: "$task" "$1:" "$left" after_s: "$2"
  ok "$task"
}
