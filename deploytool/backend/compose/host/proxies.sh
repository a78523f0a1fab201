# The proxies of this host, and where they are asked. POSIX sh with local.
#
# The folder of the ingress project:
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

proxies() { # options of docker ps
  docker ps --filter "label=com.docker.compose.project=$ingress" \
    --filter label=com.docker.compose.service=envoy "$@"
}

sockets() { # the admin sockets of the proxies that answer, also of those that were let go
  local socket
  for socket in "$edge"/run/*.sock; do
    if [ -S "$socket" ] && admin "$socket" GET /server_info >/dev/null 2>&1; then echo "$socket"; fi
  done
}

answering() { # the admin sockets of the proxies that take connections
  local socket
  for socket in $(sockets); do [ -f "${socket%.sock}.until" ] || echo "$socket"; done
}

running() { # as answering, and those of proxies that run and do not answer yet
  local id socket
  proxies --no-trunc --filter status=running --format '{{.ID}} {{.Label "deploytool.ingress.admin"}}' |
    while read -r id socket; do [ -f "$(own "$id").until" ] || echo "$edge/$socket"; done
}

own() { # id: what the files of a proxy that was let go begin with
  printf '%s/run/%.12s\n' "$edge" "$1"
}
