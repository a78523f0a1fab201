# What the proxies of a host were told, and what they think. Part of a look; the files are told in proxies.sh.
# POSIX sh with local.

served() { # the folder of the projects' parts
  local part of file service
  for part in "$1"/*/; do
    [ -f "$part/digest" ] || continue
    of=${part%/} of=${of##*/}
    say ingress "$of" digest@ "$part/digest" offers@ "$part/offers.json"
    for file in "$part"/state/names/*~0; do
      [ -f "$file" ] || continue
      service=${file##*/}
      say ingress "$of" service "${service%~0}" local@ "$file" remote@ "$part/state/remote/$service"
    done
  done
}

believes() { # the ingress folder: what its proxies think of the endpoints that there are now
  local names socket
  names=$(cat "$1"/projects/*/state/live/* 2>/dev/null | names_in)
  [ -n "$names" ] || return 0
  for socket in "$1"/run/*.sock; do
    [ -S "$socket" ] && [ ! -f "${socket%.sock}.until" ] || continue
    admin "$socket" GET /clusters 2>/dev/null | awk -F '::' -v names="$names" '
      BEGIN { count = split(names, list, "\n"); for (i = 1; i <= count; i++) if (list[i] !~ /\.local@/) wanted[list[i]] }
      !($1 in wanted) { next }
      $3 == "rq_active" { active[$1, $2] = $4 }
      $3 == "hostname" { name[$1, $2] = $4 }
      # These are names that came as JSON without an escape in it.
      $3 == "health_flags" {
        printf "{\"believes\":\"%s\",\"endpoint\":\"%s\",\"active\":%d,\"health\":\"%s\"}\n",
          substr($1, 1, index($1, "~") - 1), name[$1, $2], active[$1, $2], $4
      }'
  done
}

let_go_of() { # the ingress folder: proxies that were told to end, and whether they have reason to linger
  local file id lingering
  for file in "$1"/run/*.until; do
    [ -f "$file" ] || continue
    id=${file##*/} id=${id%.until}
    if lingers "${file%.until}"; then lingering=true; else lingering=false; fi
    say let_go "$id" lingers: "$lingering"
  done
}
