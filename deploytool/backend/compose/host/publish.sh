# Hands the joined parts to Envoy, and says whether it takes them. Part of endpoints. POSIX sh with local.

# Envoy has patience seconds, a word of all tasks, to take each of these.
publish() { # words: secrets, the clusters that use them, the routes that lead to these
  local clusters port version expected='' listeners why='' said='' cluster='' places='' file
  rm -rf "$next" "$edge/.before"
  mkdir "$next"
  cp -pR "$edge/xds" "$edge/.before"
  command -v curl >/dev/null 2>&1 || command -v perl >/dev/null 2>&1 || {
    refuse no-client "$@"
    return 1
  }
  join_secrets # Envoy refuses what names a file that is not there
  clusters=$(join_clusters)
  put cds.json
  await_all "cluster_manager.cds.version_text: \"$clusters\"" && await_warm || {
    take_back
    refuse endpoints "$@"
    return 1
  }
  for port in $(numbers_of routes); do
    version=$(join_routes "$port")
    put "rds-port-$port.json"
    # shellcheck disable=SC2089 # the quotes are Envoy's
    expected="$expected http.port-$port.rds.port-$port.version_text:_\"$version\""
  done
  listeners=$(join_listeners)
  put lds.json
  # shellcheck disable=SC2086,SC2090 # a word for each port, with Envoy's quotes in it
  await_all "listener_manager.lds.version_text: \"$listeners\"" $expected || {
    take_back
    refuse routes "$@"
    return 1
  }
  for file in "$edge"/xds/rds-port-*.json; do # of ports that there are no more
    [ ! -f "$file" ] || [ -f "$next/${file##*/}" ] || keep_or_remove "$file"
  done
  for file in "$edge"/xds/sds-*.json; do # keys that nothing shows any more
    [ ! -f "$file" ] || [ -f "$next/${file##*/}" ] || rm -f "$file"
  done
  rm -rf "$next" "$edge/.before"
  each task say_published "$@"
}

say_published() { # of a task
  ok "$task"
}

refuse() { # code, words
  local code="$1"
  shift
  each task say_refused "$@"
}

say_refused() { # of a task
  failed "$task" "$code" why "$why" said "$said" cluster "$cluster" places "$places"
}

keep_or_remove() { # a file of xds
  local port
  port=${1##*/rds-port-} port=${port%.json}
  case " $(numbers_of routes | tr '\n' ' ')" in *" $port "*) ;; *) rm -f "$1" ;; esac
}

put() { # file of $next, by rename; what is the same already stays
  cmp -s "$next/$1" "$edge/xds/$1" || { cp "$next/$1" "$edge/xds/.$1" && mv -f "$edge/xds/.$1" "$edge/xds/$1"; }
}

take_back() { # what Envoy refused must not be what it finds at its next start
  local file
  for file in "$edge"/.before/*.json; do
    cp -p "$file" "$edge/xds/.back" && mv -f "$edge/xds/.back" "$edge/xds/${file##*/}"
  done
  rm -rf "$next" "$edge/.before"
}

is_running() { # whether the host has a proxy, be it one that does not answer
  [ -n "$(proxies --quiet --filter status=running)" ]
}

await_all() { # lines, with _ for a space in all but the first: until every proxy says each of them
  local begun missing count socket stats line
  begun=$(date +%s) why=silent
  while :; do
    missing='' count=0
    for socket in $("$asked"); do
      count=$((count + 1))
      stats=$(admin "$socket" GET '/stats?filter=version_text')
      for line in "$@"; do
        printf '%s\n' "$stats" | grep -qxF "$(echo "$line" | sed 's/:_/: /')" || missing=$line
      done
    done
    [ "$count" -eq 0 ] || [ -n "$missing" ] || return 0
    # What goes has nobody to wait for where the proxy, which may go as well, is dead.
    [ "$count" -gt 0 ] || [ -z "$leaves" ] || is_running || return 0
    [ -z "$missing" ] || { why=refused && refusal; }
    [ "$(($(date +%s) - begun))" -lt "$patience" ] || return 1
    sleep 0.1 2>/dev/null || sleep 1
  done
}

refusal() { # sets said: Envoy's own words
  local id
  said=$(proxies --quiet | while read -r id; do docker logs --tail 40 "$id" 2>&1; done |
    grep -i -E 'reject|fail|error' | tail -n 1 | sed 's/^\[[^]]*\]*//')
}

await_warm() { # until every proxy has looked at the replicas of each cluster, and one of the project's is well
  local begun cold
  begun=$(date +%s)
  cat "$edge"/projects/*/state/live/* 2>/dev/null | names_in >"$edge/.names"
  while :; do
    cold=$(cold_clusters | sort | head -n 1)
    [ -n "$cold" ] || return 0
    [ "$(($(date +%s) - begun))" -lt "$patience" ] || break
    sleep 0.1 2>/dev/null || sleep 1
  done
  read -r why cluster places <<END
$cold
END
  return 1
}

cold_clusters() { # lines of unlooked or unwell, the cluster, and where its replicas are
  local socket
  for socket in $("$asked"); do
    admin "$socket" GET /clusters | awk -F '::' -v mine="$project/" '
      FILENAME != "-" { wanted[$1]; next } # also where there is no name at all
      $1 in wanted { looked[$1] }
      $3 == "health_flags" { places[$1] = places[$1] " " $2; if ($4 == "healthy") well[$1] }
      END {
        for (name in wanted) {
          label = substr(name, 1, index(name, "~") - 1)
          if (!(name in looked)) print "unlooked " label
          else if (index(name, mine) == 1 && (name in places) && !(name in well)) print "unwell " label places[name]
        }
      }' "$edge/.names" -
  done
}
