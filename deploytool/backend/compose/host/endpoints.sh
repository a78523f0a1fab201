# The verbs endpoints and republish: which requests go where. POSIX sh with local.
#
# Each project's part becomes clusters with the endpoints that there are now. The folders are told in proxies.sh.

do_endpoints() { # words; stdin: a tar with the project's part
  local task='' service='' leaving='' remotes='' patience='' gone='' leaves=''
  local edge="$root/$ingress" asked=answering
  local part="$edge/projects/$project" arriving="$edge/.arriving" next="$edge/.next"
  lease_keep
  lock_published
  each task note_leaving "$@"
  receive
  each task note_task "$@"
  resolve
  if publish "$@"; then finish; fi
}

do_republish() { # words: the proxies themselves have changed, and no part
  local task='' patience='' leaves='' asked=running edge="$root/$ingress"
  local next="$edge/.next"
  each task : "$@"
  lease_keep
  lock_published
  publish "$@"
}

lock_published() {
  exec 8>"$edge/.xds.lock"
  flock -w 60 8 || exit 78
}

note_leaving() { # of a task
  gone=$gone$leaving
}

receive() { # a part that was not sent again keeps its state, and has no digest until Envoy took it
  rm -rf "$arriving"
  mkdir "$arriving" && tar -xpf - -C "$arriving" || {
    (cd "$edge" && failed_to_write 0 ingress-files)
    exit 0
  }
  keep_secrets
  # Without offers.json the project offers nothing here any more, but only when its last replicas were let go.
  [ -f "$arriving/offers.json" ] || leaves=yes
  if [ -n "$leaves" ] && [ -n "$gone" ]; then
    rm -rf "$arriving"
    unfinished "$part"
    return
  fi
  [ ! -d "$part/state" ] || mv "$part/state" "$arriving/state"
  rm -rf "$part"
  if [ -z "$leaves" ]; then
    mkdir -p "$arriving/state/remote" "$arriving/state/names" "$arriving/state/generation" \
      "$arriving/state/live" "$arriving/state/old"
    unfinished "$arriving"
  else # nothing of it but that it has to go
    echo '[]' >"$arriving/offers.json"
    echo unfinished >"$arriving/digest"
  fi
  mv "$arriving" "$part"
}

keep_secrets() { # a release that is gone back to brings none
  local secret
  [ -d "$part/secrets" ] && [ -d "$arriving/chains" ] || return 0
  mkdir -p "$arriving/secrets"
  for secret in "$part"/secrets/*; do
    [ -f "$secret" ] && [ ! -f "$arriving/secrets/${secret##*/}" ] || continue
    ! grep -qsF "/sds-${secret##*/}.json" "$arriving"/chains/* || cp -p "$secret" "$arriving/secrets/"
  done
}

unfinished() { # folder of a part: a run that is killed here, or that Envoy refuses, must not look done
  [ ! -f "$1/digest" ] || {
    [ -f "$1/due" ] || cp -p "$1/digest" "$1/due"
    echo unfinished >"$1/digest"
  }
}

finish() {
  if [ -f "$part/due" ]; then mv -f "$part/due" "$part/digest"; else rm -rf "$part"; fi
}

note_task() { # of a task, into the state
  local id pair cluster
  [ -d "$part/state" ] || return 0
  touch "$part/state/leaving"
  for id in $leaving; do echo "$id" >>"$part/state/leaving"; done
  for pair in $remotes; do
    for cluster in "$part/clusters/$service"~*; do
      [ ! -f "$cluster" ] || weigh "$part/state/remote/${cluster##*/}" "${pair%=*}" "${pair##*=}"
    done
  done
}

weigh() { # file, host, weight: 0 takes the host out
  touch "$1"
  awk -v host="$2" '$1 != host' "$1" >"$1.new"
  [ "$3" = 0 ] || echo "$2 $3" >>"$1.new"
  sort -o "$1" "$1.new" && rm "$1.new"
}
