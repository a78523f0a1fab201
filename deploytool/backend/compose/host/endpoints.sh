# Which requests go where: each project's part becomes clusters with the endpoints that there are now. POSIX sh.
# The folders are told in proxies.sh.

do_endpoints() { # stdin: a tar with the project's part; groups of task, service, "leaving ids", "host=weight…"
  lease_keep
  places
  exec 8>"$edge/.xds.lock"
  flock -w 60 8 || exit 78
  if [ "$project" != deploytool-ingress ]; then
    receive "$3"
    tasks "$@"
    resolve
  fi
  ! publish "$@" || finished
}

receive() { # "leaving ids"; a part that was not sent again keeps its state, and has no digest until Envoy took it
  rm -rf "$arriving"
  mkdir "$arriving" && tar -xpf - -C "$arriving" || {
    fail 0 "the proxy's files cannot be written: $(df -P "$edge" | awk 'NR == 2 { print $4 " KiB are free on " $6 }')"
    exit 0
  }
  if [ -d "$part/secrets" ] && [ -d "$arriving/chains" ]; then # a release that is gone back to brings none
    mkdir -p "$arriving/secrets"
    for secret in "$part"/secrets/*; do
      [ -f "$secret" ] && [ ! -f "$arriving/secrets/${secret##*/}" ] || continue
      ! grep -qsF "/sds-${secret##*/}.json" "$arriving"/chains/* || cp -p "$secret" "$arriving/secrets/"
    done
  fi
  # Without offers.json the project offers nothing here any more, but only when its last replicas were let go.
  leaves=$([ -f "$arriving/offers.json" ] || echo yes)
  if [ -n "$leaves" ] && [ -n "$1" ]; then
    rm -rf "$arriving"
    unfinished "$part"
    return
  fi
  [ ! -d "$part/state" ] || mv "$part/state" "$arriving/state"
  rm -rf "$part"
  if [ -f "$arriving/offers.json" ]; then
    mkdir -p "$arriving/state/remote" "$arriving/state/names" "$arriving/state/generation" \
      "$arriving/state/live" "$arriving/state/old"
    unfinished "$arriving"
    mv "$arriving" "$part"
  else # nothing of it but that it has to go
    echo '[]' >"$arriving/offers.json"
    echo unfinished >"$arriving/digest"
    mv "$arriving" "$part"
  fi
}

unfinished() { # folder of a part: a run that is killed here, or that Envoy refuses, must not look done
  [ ! -f "$1/digest" ] || {
    [ -f "$1/due" ] || cp -p "$1/digest" "$1/due"
    echo unfinished >"$1/digest"
  }
}

finished() {
  if [ -f "$part/due" ]; then mv -f "$part/due" "$part/digest"; else rm -rf "$part"; fi
}

tasks() { # groups of do_endpoints, into the state
  [ -d "$part/state" ] || return 0
  cd "$part/state" || exit 1
  touch leaving
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
  [ -d "$part/state" ] || return 0
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
