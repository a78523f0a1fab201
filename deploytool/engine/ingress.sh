# The proxy of this host: which requests go where. Verbs of act.sh, POSIX sh.
#
# deploytool-ingress/
#   xds/             what Envoy watches: cds.json, lds.json, rds-port-N.json, sds-NAME.json
#   run/             Envoy's admin sockets; nobody but the SSH user and root may enter
#   projects/NAME/   each project's part (see render/ingress/parts.py) and, in state/, what this host adds:
#     owner, leaving          the run that is at work, and the containers that it lets go
#     remote/SERVICE~N        lines of HOST WEIGHT
#     names/SERVICE~N         the containers in the endpoints, one line
#     generation/SERVICE~N    the name of the endpoints; live/ are its clusters
#     old/SERVICE~N.NAME      clusters of before, in which requests may be under way

places() {
  edge=$root/deploytool-ingress
  part=$edge/projects/$project arriving=$edge/.arriving
}

do_endpoints() { # stdin: a tar with the project's part; groups of task, service, "leaving ids", "host=weight…"
  lease_keep
  places
  exec 8>"$edge/.xds.lock"
  flock -w 60 8 || exit 78
  if [ "$project" != deploytool-ingress ]; then
    receive
    tasks "$@"
    resolve
  fi
  publish "$@"
}

receive() { # a part that was not sent again keeps its state; without offers.json the project offers nothing
  rm -rf "$arriving"
  mkdir "$arriving" && tar -xpf - -C "$arriving" || {
    fail 0 "the proxy's files cannot be written: $(df -P "$edge" | awk 'NR == 2 { print $4 " KiB are free on " $6 }')"
    exit 0
  }
  if [ -d "$part/secrets" ] && [ -d "$arriving/chains" ]; then # a release that is gone back to brings none
    mkdir -p "$arriving/secrets"
    for secret in "$part"/secrets/*; do
      [ ! -f "$secret" ] || [ -f "$arriving/secrets/${secret##*/}" ] || cp -p "$secret" "$arriving/secrets/"
    done
  fi
  [ ! -d "$part/state" ] || mv "$part/state" "$arriving/state"
  rm -rf "$part"
  if [ -f "$arriving/offers.json" ]; then
    mkdir -p "$arriving/state/remote" "$arriving/state/names" "$arriving/state/generation" \
      "$arriving/state/live" "$arriving/state/old"
    mv "$arriving" "$part"
  else
    rm -rf "$arriving"
  fi
}

tasks() { # groups of do_endpoints, into the state
  [ -d "$part" ] || return 0
  cd "$part/state" || exit 1
  [ "$(cat owner 2>/dev/null)" = "$owner" ] || : >leaving
  echo "$owner" >owner
  while [ $# -ge 4 ]; do
    for id in $(words "$3"); do echo "$id" >>leaving; done
    for pair in $(words "$4"); do
      for cluster in ../clusters/"$2"~*; do
        [ -f "$cluster" ] || continue
        weigh "remote/${cluster##*/}" "${pair%=*}" "${pair##*=}"
      done
    done
    shift 4
  done
  cd "$root/$project" || exit 1
}

weigh() { # file, host, weight: 0 takes the host out
  touch "$1"
  awk -v host="$2" '$1 != host' "$1" >"$1.new"
  [ "$3" = 0 ] || echo "$2 $3" >>"$1.new"
  sort -o "$1" "$1.new" && rm "$1.new"
}

resolve() { # the clusters of the project, with the endpoints that there are now
  [ -d "$part" ] || return 0
  cd "$part" || exit 1
  forget_idle
  running=$(docker ps --no-trunc --filter "label=com.docker.compose.project=$project" --filter status=running \
    --filter label=com.docker.compose.oneoff=False --filter label=deploytool.ingress.targets --format \
    '{{.ID}} {{.Names}} {{.Label "com.docker.compose.service"}} {{.Label "deploytool.ingress.targets"}} {{.Status}}' |
    grep -v 'health: starting' | sort -k 2)
  for cluster in clusters/*; do
    name=${cluster##*/}
    printf '%s\n' "$running" | awk -v service="${name%~*}" -v index_="${name##*~}" '
      FILENAME == "state/leaving" { leaving[$1]; next }
      $3 == service && !($1 in leaving) { split($4, ports, ","); if (ports[index_ + 1]) print $2, ports[index_ + 1] }
    ' state/leaving - >state/local.new
    awk '{ printf "%s%s", (NR > 1 ? " " : ""), $1 } END { print "" }' state/local.new >"state/names/$name"
    touch "state/remote/$name"
    here=$(while read -r container port; do
      sed "s/@NAME@/$container/g; s/\"@PORT@\"/$port/" "local/$name"
    done <state/local.new | paste -s -d ,)
    there=$(while read -r host weight; do
      [ ! -f "remote/$name/$host" ] || sed "s/\"@WEIGHT@\"/$weight/" "remote/$name/$host"
    done <"state/remote/$name" | paste -s -d ,)
    all=$here
    # Where this host is among the others, it is reached as they are.
    if [ ! -f "remote/$name/$(self "$name")" ]; then all=$here${here:+${there:+,}}$there; else all=$there; fi
    HERE=$here ALL=$all awk '
      function put(line, mark, text,   at) {
        at = index(line, mark)
        return at ? substr(line, 1, at - 1) text substr(line, at + length(mark)) : line
      }
      { print put(put($0, "\"@LOCAL@\"", ENVIRON["HERE"]), "\"@ALL@\"", ENVIRON["ALL"]) }
    ' "$cluster" >state/cluster.new
    generation=$(sha256sum <state/cluster.new | cut -c 1-10)
    if [ "$generation" != "$(cat "state/generation/$name" 2>/dev/null)" ]; then
      [ ! -f "state/live/$name" ] || mv "state/live/$name" "state/old/$name.$(cat "state/generation/$name")"
      rm -f "state/old/$name.$generation" # it comes back
      echo "$generation" >"state/generation/$name"
    fi
    sed "s/@GEN@/@$generation/g" state/cluster.new >"state/live/$name"
  done
  rm -f state/local.new state/cluster.new
  for kind in remote names generation live; do # of clusters that there are no more
    for file in state/"$kind"/*; do
      [ ! -f "$file" ] || [ -f "clusters/${file##*/}" ] || rm -f "$file"
    done
  done
  cd "$root/$project" || exit 1
}

forget_idle() { # older clusters with nothing under way, and all but the last few
  set -- state/old/*
  [ -f "$1" ] || return 0
  busy=" $(for socket in $(sockets); do admin "$socket" GET /clusters; done | awk -F '::' '
    $3 == "rq_active" && $1 !~ /\.tcp(\.local)?@/ && $4 > 0 { print $1 }
    $3 == "cx_active" && $1 ~ /\.tcp(\.local)?@/ && $4 > 0 { print $1 }' | tr '\n' ' ') "
  for file in $(ls -t state/old); do
    kept=$((${kept:-0} + 1))
    for name in $(names_in <"state/old/$file"); do
      case $busy in *" $name "*) [ "$kept" -gt 12 ] || continue 2 ;; esac
    done
    rm -f "state/old/$file"
  done
  kept=0
}

self() { # cluster: this host's own name, where its endpoint is among those of the others
  cat "self/$1" 2>/dev/null || echo .
}

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

sockets() { # the admin sockets of the proxies that answer
  for found in "$edge"/run/*.sock; do
    [ -S "$found" ] || continue
    if admin "$found" GET /ready >/dev/null 2>&1; then echo "$found"; elif [ "${1:-}" = clean ]; then rm -f "$found"; fi
  done
}

publish() { # groups as do_endpoints': secrets, the clusters that use them, the routes that lead to these
  next=$edge/.next
  rm -rf "$next" "$edge/.before"
  mkdir "$next"
  cp -pR "$edge/xds" "$edge/.before"
  command -v curl >/dev/null 2>&1 || command -v perl >/dev/null 2>&1 || {
    say_failed 'neither curl nor perl is on the host, and Envoy is asked with one of them' "$@"
    return
  }
  join_secrets # Envoy refuses what names a file that is not there
  clusters=$(join_clusters)
  put cds.json
  await_all "cluster_manager.cds.version_text: \"$clusters\"" && await_warm || {
    take_back
    say_failed "Envoy does not take the new endpoints: $why" "$@"
    return
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
    return
  }
  for file in "$edge"/xds/rds-port-*.json; do # of ports that there are no more
    [ ! -f "$file" ] || [ -f "$next/${file##*/}" ] || keep_or_remove "$file"
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

await_all() { # lines, with _ for a space in all but the first: until every proxy says each of them
  begun=$(date +%s) why='its admin socket does not answer'
  while :; do
    missing='' count=0
    for socket in $(sockets clean); do
      count=$((count + 1))
      said=$(admin "$socket" GET '/stats?filter=version_text')
      for line in "$@"; do
        printf '%s\n' "$said" | grep -qxF "$(echo "$line" | sed 's/:_/: /')" || missing=$line
      done
    done
    [ "$count" -eq 0 ] || [ -n "$missing" ] || return 0
    [ -z "$missing" ] || why=$(refusal)
    [ "$(($(date +%s) - begun))" -lt 20 ] || return 1
    sleep 0.1 2>/dev/null || sleep 1
  done
}

refusal() { # Envoy's own words
  found=$(docker ps --quiet --filter label=com.docker.compose.project=deploytool-ingress \
    --filter label=com.docker.compose.service=envoy | while read -r id; do docker logs --tail 40 "$id" 2>&1; done |
    grep -i -E 'reject|fail|error' | tail -n 1 | sed 's/^\[[^]]*\]*//')
  echo "${found:-it does not say why}"
}

await_warm() { # until every proxy has looked at the replicas of each cluster, and one of the project's is well
  begun=$(date +%s)
  cat "$edge"/projects/*/state/live/* 2>/dev/null | names_in >"$edge/.names"
  while :; do
    why=$(for socket in $(sockets); do
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

# --- waiting until nothing is under way ------------------------------------------------------------------

do_drain() { # groups of task, grace, "ids", "names"
  lease_keep
  places
  flock -u 9 # waiting changes nothing: what else is to be done here goes on meanwhile
  while [ $# -ge 4 ]; do
    begun=$(date +%s)
    [ "$project" != deploytool-ingress ] || let_go "$3"
    while :; do
      left=$(under_way "$3" "$4")
      [ "$left" -gt 0 ] && [ "$(($(date +%s) - begun))" -lt "$2" ] || break
      sleep 0.2 2>/dev/null || sleep 1
    done
    [ "$left" -eq 0 ] || echo "log $1 $left requests were still under way after $2 s"
    echo "ok $1"
    shift 4
  done
}

under_way() { # "ids", "names": requests to these containers, or, of a proxy, connections
  if [ "$project" = deploytool-ingress ]; then
    for socket in $(of_proxies "$1"); do
      admin "$socket" GET '/stats?filter=^http\..*downstream_cx_active|^tcp\..*downstream_cx_active' | grep -v '^http.admin'
    done | awk '{ sum += $2 } END { print sum + 0 }'
  else
    for socket in $(sockets); do admin "$socket" GET /clusters; done | awk -F '::' -v names="$(words "$2")" '
      BEGIN { count = split(names, list, " "); for (i = 1; i <= count; i++) wanted[list[i]] }
      $3 == "rq_active" && $1 !~ /\.tcp(\.local)?@/ { active[$1, $2] = $4 }
      $3 == "cx_active" && $1 ~ /\.tcp(\.local)?@/ { active[$1, $2] = $4 }
      $3 == "hostname" && ($4 in wanted) { sum += active[$1, $2] }
      END { print sum + 0 }'
  fi
}

of_proxies() { # "ids": their admin sockets
  for id in $(words "$1"); do
    at=$(docker inspect --type container --format '{{index .Config.Labels "deploytool.ingress.admin"}}' "$id" 2>/dev/null)
    [ -z "$at" ] || [ ! -S "$edge/$at" ] || echo "$edge/$at"
  done
}

let_go() { # "ids" of proxies: no new connection, and each answer is the last of its connection
  for socket in $(of_proxies "$1"); do
    admin "$socket" POST /healthcheck/fail >/dev/null
    admin "$socket" POST /drain_listeners >/dev/null
  done
}
