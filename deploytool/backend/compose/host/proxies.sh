# The proxies of this host: where they are asked, and how one is let go. Verbs of act.sh, POSIX sh.
#
# deploytool-ingress/
#   xds/             what Envoy watches: cds.json, lds.json, rds-port-N.json, sds-NAME.json
#   run/             Envoy's admin sockets, where nobody but the SSH user and root may enter: TOKEN.sock, and of a
#                    proxy that was let go ID.sock with ID.until, the time until which it may keep connections
#   projects/NAME/   each project's part (see backend/compose/envoy/parts.py); due is its digest while Envoy
#                    has not taken it, and in state/ is what this host adds:
#     leaving                 the containers that the plan under way lets go
#     remote/SERVICE~N        lines of HOST WEIGHT
#     names/SERVICE~N         the containers in the endpoints, one line
#     generation/SERVICE~N    the name of the endpoints; live/ are its clusters
#     old/SERVICE~N.NAME      clusters of before, in which requests may be under way

places() {
  edge=$root/deploytool-ingress
  part=$edge/projects/$project arriving=$edge/.arriving
}

proxies() { # options of docker ps
  docker ps --filter label=com.docker.compose.project=deploytool-ingress \
    --filter label=com.docker.compose.service=envoy "$@"
}

sockets() { # the admin sockets of the proxies that answer, also of those that were let go
  for found in "$edge"/run/*.sock; do
    if [ -S "$found" ] && admin "$found" GET /server_info >/dev/null 2>&1; then echo "$found"; fi
  done
}

serving() { # the admin sockets of the proxies that take connections
  if [ "$project" = deploytool-ingress ]; then # each that runs counts, also one that does not answer yet
    proxies --no-trunc --filter status=running --format '{{.ID}} {{.Label "deploytool.ingress.admin"}}' |
      while read -r id socket; do [ -f "$(own "$id").until" ] || echo "$edge/$socket"; done
  else
    for socket in $(sockets); do [ -f "${socket%.sock}.until" ] || echo "$socket"; done
  fi
}

own() { # id: what the files of a proxy that was let go begin with
  printf '%s/run/%.12s\n' "$edge" "$1"
}

# --- waiting until nothing is under way ------------------------------------------------------------------

do_drain() { # groups of task, grace, "ids", "names"
  lease_keep
  places
  flock -u 9 # waiting changes nothing: what else is to be done here goes on meanwhile
  while [ $# -ge 4 ]; do
    begun=$(date +%s) patience=$2 what='requests were still under way'
    if [ "$project" = deploytool-ingress ]; then
      let_go "$3" "$2"
      # Most connections end soon; the proxy may keep the others when the run is over.
      [ "$patience" -lt 10 ] || patience=10
      what='connections stay with the proxy that was replaced'
    fi
    while :; do
      left=$(under_way "$3" "$4")
      [ "$left" -gt 0 ] && [ "$(($(date +%s) - begun))" -lt "$patience" ] || break
      sleep 0.2 2>/dev/null || sleep 1
    done
    [ "$left" -eq 0 ] || echo "log $1 $left $what after $patience s"
    echo "ok $1"
    shift 4
  done
}

under_way() { # "ids", "names": requests to these containers, or, of a proxy, connections
  if [ "$project" = deploytool-ingress ]; then
    for id in $(words "$1"); do connections "$(own "$id").sock"; done | awk '{ sum += $1 } END { print sum + 0 }'
  else
    for socket in $(sockets); do admin "$socket" GET /clusters; done | awk -F '::' -v names="$(words "$2")" '
      BEGIN { count = split(names, list, " "); for (i = 1; i <= count; i++) wanted[list[i]] }
      $3 == "rq_active" && $1 !~ /\.tcp(\.local)?@/ { active[$1, $2] = $4 }
      $3 == "cx_active" && $1 ~ /\.tcp(\.local)?@/ { active[$1, $2] = $4 }
      $3 == "hostname" && ($4 in wanted) { sum += active[$1, $2] }
      END { print sum + 0 }'
  fi
}

let_go() { # "ids" of proxies, seconds: no new connection, and each answer is the last of its connection
  for id in $(words "$1"); do
    at=$(own "$id")
    # A file that names its container: one that is made anew by then from the same definition has another socket.
    token=$(docker inspect --type container --format '{{index .Config.Labels "deploytool.ingress.admin"}}' "$id")
    [ -S "$at.sock" ] || mv "$edge/$token" "$at.sock" 2>/dev/null || continue
    [ -f "$at.until" ] || echo "$(($(date +%s) + $2))" >"$at.until"
    docker update --restart no "$id" >/dev/null 2>&1 # else it would come back with the engine, and listen again
    admin "$at.sock" POST /healthcheck/fail >/dev/null
    admin "$at.sock" POST /drain_listeners >/dev/null
  done
}

do_dismiss() { # groups as do_stop's, of the edge: a proxy that was let go stays while it has reason to
  places
  count=$#
  while [ "$count" -gt 0 ]; do
    going=$(for id in $(words "$3"); do lingers "$(own "$id")" || printf '%s,' "$id"; done)
    set -- "$@" "$1" "$2" "${going%,}"
    shift 3
    count=$((count - 3))
  done
  do_stop "$@"
  for file in "$edge"/run/*.until; do
    [ -f "$file" ] || continue
    id=${file##*/} id=${id%.until}
    docker inspect --type container "$id" >/dev/null 2>&1 || rm -f "$file" "${file%.until}.sock"
  done
}
