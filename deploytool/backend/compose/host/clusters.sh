# The clusters of a project, with the endpoints that there are now. Part of endpoints. POSIX sh with local.

resolve() {
  local running cluster here there all generation kind file
  [ -d "$part/state" ] || return 0
  cd "$part" || exit 1
  forget_idle
  running=$(docker ps --no-trunc --filter "label=com.docker.compose.project=$project" --filter status=running \
    --filter label=com.docker.compose.oneoff=False --filter label=deploytool.ingress.targets --format \
    '{{.ID}} {{.Names}} {{.Label "com.docker.compose.service"}} {{.Label "deploytool.ingress.targets"}} {{.Status}}' |
    grep -v 'health: starting' | sort -k 2)
  for cluster in clusters/*; do
    resolve_cluster "${cluster##*/}"
  done
  rm -f state/local.new state/cluster.new
  for kind in remote names generation live; do # of clusters that there are no more
    for file in state/"$kind"/*; do
      [ ! -f "$file" ] || [ -f "clusters/${file##*/}" ] || rm -f "$file"
    done
  done
  cd "$root/$project" || exit 1
}

resolve_cluster() { # name
  local name="$1" here there all container port host weight
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
  if [ ! -f "remote/$name/$(own_name "$name")" ]; then all=$here${here:+${there:+,}}$there; else all=$there; fi
  HERE=$here ALL=$all awk '
    function put(line, mark, text,   at) {
      at = index(line, mark)
      return at ? substr(line, 1, at - 1) text substr(line, at + length(mark)) : line
    }
    { print put(put($0, "\"@LOCAL@\"", ENVIRON["HERE"]), "\"@ALL@\"", ENVIRON["ALL"]) }
  ' "clusters/$name" >state/cluster.new
  keep_generation "$name"
}

keep_generation() { # name: endpoints that differ make a cluster of another name, beside the one of before
  local generation
  generation=$(sha256sum <state/cluster.new | cut -c 1-10)
  if [ "$generation" != "$(cat "state/generation/$1" 2>/dev/null)" ]; then
    [ ! -f "state/live/$1" ] || mv "state/live/$1" "state/old/$1.$(cat "state/generation/$1")"
    rm -f "state/old/$1.$generation" # it comes back
    echo "$generation" >"state/generation/$1"
  fi
  sed "s/@GEN@/@$generation/g" state/cluster.new >"state/live/$1"
}

forget_idle() { # older clusters with nothing under way, and all but the last few
  local socket busy file name kept=0
  set -- state/old/*
  [ -f "$1" ] || return 0
  busy=" $(for socket in $(sockets); do admin "$socket" GET /clusters; done | awk -F '::' '
    $3 == "rq_active" && $1 !~ /\.tcp(\.local)?@/ && $4 > 0 { print $1 }
    $3 == "cx_active" && $1 ~ /\.tcp(\.local)?@/ && $4 > 0 { print $1 }' | tr '\n' ' ') "
  # shellcheck disable=SC2045 # names of services and hexadecimal digits, the newest first
  for file in $(ls -t state/old); do
    kept=$((kept + 1))
    for name in $(names_in <"state/old/$file"); do
      case $busy in *" $name "*) [ "$kept" -gt 12 ] || continue 2 ;; esac
    done
    rm -f "state/old/$file"
  done
}

own_name() { # cluster: this host's own name, where its endpoint is among those of the others
  cat "self/$1" 2>/dev/null || echo .
}
