# The parts of all projects become what Envoy watches, and Envoy says whether it takes them. POSIX sh.
# The folders are told in proxies.sh.

# --- joining the parts -----------------------------------------------------------------------------------

join() { # file, "before", "after": the lines of stdin with commas between, and a version that names them
  printf '%s' "$2" >"$1.body"
  paste -s -d , | tr -d '\n' >>"$1.body"
  printf '%s\n' "$3" >>"$1.body"
  version=$(sha256sum <"$1.body" | cut -c 1-12)
  { printf '{"version_info":"%s","resources":[' "$version"; tr -d '\n' <"$1.body"; echo ']}'; } >"$1"
  rm "$1.body"
  echo "$version"
}

of_parts() { # the files of this path in all parts
  for found in "$edge"/projects/*/$1; do
    [ ! -f "$found" ] || echo "$found"
  done
}

resolved() { # files of one project each, on stdin: their lines, with the generations of its clusters
  while read -r file; do
    at=${file#"$edge/projects/"}
    at=$edge/projects/${at%%/*}
    : >"$edge/.sed"
    for generation in "$at"/state/generation/*; do
      [ -f "$generation" ] || continue
      name=${generation##*/}
      for kind in '' .local .tcp .tcp.local; do
        printf 's|/%s%s@GEN@|/%s%s@%s|g\n' "$name" "$kind" "$name" "$kind" "$(cat "$generation")" >>"$edge/.sed"
      done
    done
    sed -f "$edge/.sed" "$file"
  done
  rm -f "$edge/.sed"
}

numbers_of() { # heads or routes: the ports
  for found in "$edge"/projects/*/"$1"/*; do
    [ ! -e "$found" ] || echo "${found##*/}"
  done | sort -nu
}

join_clusters() {
  { of_parts 'state/live/*'; of_parts 'state/old/*'; } | while read -r file; do cat "$file"; done |
    join "$next/cds.json" '' ''
}

join_routes() { # port
  for found in "$edge"/projects/*/routes/"$1"/*; do
    [ ! -f "$found" ] || echo "${found##*/}"
  done | sort -u | while read -r domain; do
    name=$(echo "$domain" | sed 's/_/*/')
    routes=$(of_parts "routes/$1/$domain" | resolved | sort -r | cut -f 2 | paste -s -d ,)
    printf '{"name":"%s","domains":["%s"],"routes":[%s]}\n' "$name" "$name" "$routes"
  done | join "$next/rds-port-$1.json" "$(routes_head "$1")" ']}'
}

routes_head() {
  printf '{"@type":"type.googleapis.com/envoy.config.route.v3.RouteConfiguration","name":"port-%s",' "$1"
  printf '"validate_clusters":false,"ignore_port_in_host_matching":true,"virtual_hosts":['
}

join_listeners() {
  numbers_of heads | while read -r port; do
    head=$(of_parts "heads/$port" | head -n 1)
    chains=$(of_parts "chains/$port" | resolved | sort -u | paste -s -d ,)
    printf '%s,"filter_chains":[%s]}\n' "$(sed 's/}$//' "$head")" "$chains"
  done | join "$next/lds.json" '' ''
}

# --- handing it to Envoy ---------------------------------------------------------------------------------

publish() { # groups as do_endpoints': secrets, the clusters that use them, the routes that lead to these
  next=$edge/.next
  rm -rf "$next" "$edge/.before"
  mkdir "$next"
  cp -pR "$edge/xds" "$edge/.before"
  command -v curl >/dev/null 2>&1 || command -v perl >/dev/null 2>&1 || {
    say_failed 'neither curl nor perl is on the host, and Envoy is asked with one of them' "$@"
    return 1
  }
  join_secrets # Envoy refuses what names a file that is not there
  clusters=$(join_clusters)
  put cds.json
  await_all "cluster_manager.cds.version_text: \"$clusters\"" && await_warm || {
    take_back
    say_failed "Envoy does not take the new endpoints: $why" "$@"
    return 1
  }
  expected=''
  for port in $(numbers_of routes); do
    version=$(join_routes "$port")
    put "rds-port-$port.json"
    expected="$expected http.port-$port.rds.port-$port.version_text:_\"$version\""
  done
  listeners=$(join_listeners)
  put lds.json
  await_all "listener_manager.lds.version_text: \"$listeners\"" $expected || {
    take_back
    say_failed "Envoy does not take the new routes: $why" "$@"
    return 1
  }
  for file in "$edge"/xds/rds-port-*.json; do # of ports that there are no more
    [ ! -f "$file" ] || [ -f "$next/${file##*/}" ] || keep_or_remove "$file"
  done
  for file in "$edge"/xds/sds-*.json; do # keys that nothing shows any more
    [ ! -f "$file" ] || [ -f "$next/${file##*/}" ] || rm -f "$file"
  done
  rm -rf "$next" "$edge/.before"
  while [ $# -ge 4 ]; do
    echo "ok $1"
    shift 4
  done
}

keep_or_remove() { # a file of xds
  port=${1##*/rds-port-} port=${port%.json}
  case " $(numbers_of routes | tr '\n' ' ')" in *" $port "*) ;; *) rm -f "$1" ;; esac
}

join_secrets() {
  of_parts 'secrets/*' | while read -r file; do
    join "$next/sds-${file##*/}.json" '' '' <"$file" >/dev/null
    put "sds-${file##*/}.json"
  done
}

put() { # file of $next, by rename; what is the same already stays
  cmp -s "$next/$1" "$edge/xds/$1" || { cp "$next/$1" "$edge/xds/.$1" && mv -f "$edge/xds/.$1" "$edge/xds/$1"; }
}

take_back() { # what Envoy refused must not be what it finds at its next start
  for file in "$edge"/.before/*.json; do
    cp -p "$file" "$edge/xds/.back" && mv -f "$edge/xds/.back" "$edge/xds/${file##*/}"
  done
  rm -rf "$next" "$edge/.before"
}

say_failed() { # sentence, groups as do_endpoints'
  sentence=$1
  shift
  while [ $# -ge 4 ]; do
    fail "$1" "$sentence"
    shift 4
  done
}

runs() { # whether the host has a proxy, be it one that does not answer
  [ -n "$(proxies --quiet --filter status=running)" ]
}

await_all() { # lines, with _ for a space in all but the first: until every proxy says each of them
  begun=$(date +%s) why='its admin socket does not answer'
  while :; do
    missing='' count=0
    for socket in $(serving); do
      count=$((count + 1))
      said=$(admin "$socket" GET '/stats?filter=version_text')
      for line in "$@"; do
        printf '%s\n' "$said" | grep -qxF "$(echo "$line" | sed 's/:_/: /')" || missing=$line
      done
    done
    [ "$count" -eq 0 ] || [ -n "$missing" ] || return 0
    # What goes has nobody to wait for where the proxy, which may go as well, is dead.
    [ "$count" -gt 0 ] || [ -z "${leaves-}" ] || runs || return 0
    [ -z "$missing" ] || why=$(refusal)
    [ "$(($(date +%s) - begun))" -lt 20 ] || return 1
    sleep 0.1 2>/dev/null || sleep 1
  done
}

refusal() { # Envoy's own words
  found=$(proxies --quiet | while read -r id; do docker logs --tail 40 "$id" 2>&1; done |
    grep -i -E 'reject|fail|error' | tail -n 1 | sed 's/^\[[^]]*\]*//')
  echo "${found:-it does not say why}"
}

await_warm() { # until every proxy has looked at the replicas of each cluster, and one of the project's is well
  begun=$(date +%s)
  cat "$edge"/projects/*/state/live/* 2>/dev/null | names_in >"$edge/.names"
  while :; do
    why=$(for socket in $(serving); do
      admin "$socket" GET /clusters | awk -F '::' -v mine="$project/" '
        FILENAME != "-" { wanted[$1]; next } # also where there is no name at all
        $1 in wanted { looked[$1] }
        $3 == "health_flags" { places[$1] = places[$1] " " $2; if ($4 == "healthy") well[$1] }
        END {
          for (name in wanted) {
            label = substr(name, 1, index(name, "~") - 1)
            if (!(name in looked)) print label " has not been looked at"
            else if (index(name, mine) == 1 && (name in places) && !(name in well))
              print "no replica of " label " is well as this host sees it:" places[name]
          }
        }' "$edge/.names" -
    done | sort | head -n 1)
    [ -n "$why" ] || return 0
    [ "$(($(date +%s) - begun))" -lt 20 ] || return 1
    sleep 0.1 2>/dev/null || sleep 1
  done
}
