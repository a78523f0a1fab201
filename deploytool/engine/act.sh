# Does one verb for one project on this host, under the project's flock and lease. POSIX sh.
# $1 verb, $2 deploytool's folder, $3 project, $4 lease owner, $5 lease seconds, $6 the lease for people
# (JSON), $7 the owner of a dead run whose lease may be taken, or "-"; then the verb's own arguments.
# Prints "ok I", "failed I SENTENCE" and "log I LINE" for task number I; exits 75 when another run holds
# the lease, 76 when ours is lost, 77 when the host is not as it was planned, 78 when the flock is taken.
LC_ALL=C COMPOSE_IGNORE_ORPHANS=1 COMPOSE_PROGRESS=plain COMPOSE_ANSI=never DOCKER_CLI_HINTS=false
export LC_ALL COMPOSE_IGNORE_ORPHANS COMPOSE_PROGRESS COMPOSE_ANSI DOCKER_CLI_HINTS
unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES COMPOSE_REMOVE_ORPHANS
umask 077

fail() { # task, sentence…
  task=$1
  shift
  printf 'failed %s %s\n' "$task" "$(printf '%s ' "$@" | tr '\n\r\t' '   ' | cut -c 1-600)"
}

# --- the lease: three lines, owner, expiry by this host's clock, and JSON for people --------------------

lease_read() {
  held_by='' held_until=0 held_text='{}'
  [ ! -f lease ] || { read -r held_by && read -r held_until && read -r held_text; } <lease || :
}

lease_write() { # seconds from now
  printf '%s\n%s\n%s\n' "$owner" "$(($(date +%s) + $1))" "$text" >lease.new && mv -f lease.new lease
}

lease_take() {
  lease_read
  case $held_by in
    '' | "$owner" | "$dead") ;;
    *)
      [ "$held_until" -le "$(date +%s)" ] || {
        printf 'held %s %s %s\n' "$held_by" "$held_until" "$held_text"
        exit 75
      }
      ;;
  esac
  lease_write "$ttl"
}

lease_keep() { # a run that lost its lease stops before its next step
  lease_read
  [ "$held_by" = "$owner" ] || {
    printf 'held %s %s %s\n' "$held_by" "$held_until" "$held_text"
    exit 76
  }
  lease_write "$ttl"
}

# --- the definition ------------------------------------------------------------------------------------

stage() { # stdin: a tar with compose.yaml (not where nothing is to run), files/ and maybe release.json
  rm -rf .stage
  mkdir .stage && tar -xpf - -C .stage || {
    fail 0 "the files cannot be written: $(df -P . | awk 'NR == 2 { print $4 " KiB are free on " $6 }')"
    exit 0
  }
  if [ -f .stage/compose.yaml ]; then
    refusal=$(docker compose -p "$project" -f .stage/compose.yaml config -q 2>&1) || {
      rm -rf .stage
      fail 0 "Docker Compose refuses the rendered file: $refusal"
      exit 0
    }
  fi
  mkdir -p files
  for found in .stage/files/*; do
    [ -e "$found" ] || continue
    [ -e "files/${found##*/}" ] || mv "$found" files/ || exit 1
  done
}

activate() { # the staged definition becomes the current one, by rename
  if [ -f .stage/compose.yaml ]; then mv -f .stage/compose.yaml compose.yaml; fi
}

pull() { # task, policy and image…; an image that is there is not asked for again, unless the policy says so
  while [ $# -ge 2 ]; do
    if [ "$1" = always ] || ! docker image inspect "$2" >/dev/null 2>&1; then
      if [ "$1" = never ]; then
        fail 0 "image $2 is not on the host, and pull_policy is never"
        exit 0
      fi
      refusal=$(docker pull -q "$2" 2>&1) || {
        fail 0 "image $2 cannot be pulled: $refusal"
        exit 0
      }
    fi
    shift 2
  done
}

replicas_of() { # service
  docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$project" \
    --filter "label=com.docker.compose.service=$1" --filter label=com.docker.compose.oneoff=False
}

scale_up() { # pairs of service and total; starts what is missing and leaves the rest alone
  args='' names=''
  while [ $# -ge 2 ]; do
    [ "$(replicas_of "$1" | wc -l)" -le "$2" ] || {
      printf 'changed there are more containers of %s than planned\n' "$1"
      exit 77
    }
    args="$args --scale $1=$2" names="$names $1"
    shift 2
  done
  # The words hold service names and numbers only: both are checked before they come here.
  docker compose -p "$project" -f compose.yaml up -d --no-deps --no-recreate --no-build --pull never \
    --quiet-pull $args $names 2>&1
}

# --- waiting until a replica does its work ---------------------------------------------------------------

verdict_of() { # until, monitor seconds, start, ids…: prints "", "wait" or why it failed
  until=$1 monitor=$2 begun=$3 verdict=''
  shift 3
  [ $# -gt 0 ] || {
    echo 'no container was started'
    return
  }
  for id in "$@"; do
    set -- $(docker inspect --type container --format "$pulse" "$id" 2>/dev/null)
    [ $# -eq 6 ] || {
      echo "its container is gone"
      return
    }
    why=''
    case $until/$1/$2 in
      none/*/*) ;; # it was started; what becomes of it is watched elsewhere
      completed/exited/*) [ "$3" = 0 ] || why="exited with $3" ;;
      completed/*) verdict=wait ;;
      again/running/unhealthy) verdict=wait ;; # from before: the next check may say otherwise
      */running/unhealthy) why="is unhealthy" ;;
      */running/healthy) ;;
      */running/starting) verdict=wait ;;
      */running/*)
        if [ "$4" -gt 0 ]; then why="was restarted $4 times"  # its exit code is gone with the new start
        elif [ "$(($(date +%s) - begun))" -lt "$monitor" ]; then verdict=wait; fi
        ;;
      */created/*) verdict=wait ;;
      *) why="is $1, exit code $3" ;;
    esac
    [ "$5" != true ] || why="ran out of memory"
    [ -z "$why" ] || {
      echo "$6 $why"
      return
    }
  done
  echo "$verdict"
}
pulse='{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.State.ExitCode}} {{.RestartCount}} {{.State.OOMKilled}} {{.Name}}'

report_failure() { # task, sentence; where it starts with a container's /name, that one's last words follow
  fail "$1" "${2#/}"
  case $2 in
    /*) name=${2%% *} name=${name#/} ;;
    *) return ;;
  esac
  docker inspect --type container --format "$health_log" "$name" 2>/dev/null |
    grep -v '^ *$' | tail -n 2 | sed "s/^/log $1 health check: /"
  docker logs --tail 10 "$name" 2>&1 | sed "s/^/log $1 /"
}
health_log='{{if .State.Health}}{{range .State.Health.Log}}{{if .ExitCode}}{{.Output}}{{println}}{{end}}{{end}}{{end}}'

await() { # groups of task, until, deadline, monitor, "ids" (one word, commas)
  begun=$(date +%s)
  while [ $# -ge 5 ]; do
    while :; do
      ids=$(words "$5")
      verdict=$(verdict_of "$2" "$4" "$begun" $ids)
      if [ "$verdict" = wait ] && [ "$(($(date +%s) - begun))" -ge "$3" ]; then
        verdict="$(waited_for "$2" $ids) is not ready after $3 s"
      fi
      case $verdict in
        '') echo "ok $1" ;;
        wait)
          sleep 0.25 2>/dev/null || sleep 1
          continue
          ;;
        *) report_failure "$1" "$verdict" ;;
      esac
      break
    done
    shift 5
  done
}

waited_for() { # until, ids…: the first container that is not ready
  until=$1
  shift
  for id in "$@"; do
    [ -z "$(verdict_of "$until" 0 0 "$id")" ] || {
      docker inspect --type container --format '{{.Name}}' "$id" 2>/dev/null
      return
    }
  done
  docker inspect --type container --format '{{.Name}}' "$1" 2>/dev/null
}

words() { # "a,b" → a b
  echo "$1" | tr ',' ' '
}

ids_with() { # service, spec: its containers of that spec, with commas
  docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$project" \
    --filter "label=com.docker.compose.service=$1" --filter label=com.docker.compose.oneoff=False \
    --filter "label=deploytool.spec=$2" | tr '\n' ',' | sed 's/,$//'
}

newer() { # "ids" after, ids before…: those that are new; all of them where none is
  after=$1
  shift
  new=$(for id in $(words "$after"); do
    case " $* " in *" $id "*) ;; *) printf '%s,' "$id" ;; esac
  done)
  echo "${new:-$after}"
}

# --- verbs -----------------------------------------------------------------------------------------------

do_prepare() { # pairs of pull policy and image
  lease_take
  stage
  pull "$@"
  echo 'ok 0'
  look "$root" keep
}

totals() { # groups as do_start's → pairs of service and total
  while [ $# -ge 7 ]; do
    printf '%s %s ' "$2" "$3"
    shift 7
  done
}

do_start() { # groups of task, service, total, spec, until, deadline, monitor
  lease_keep
  activate
  before=$(docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$project" | tr '\n' ' ')
  # All at once is fast; one by one, after a failure, tells which one it was. Each word is split on purpose.
  said=$(scale_up $(totals "$@")) && one_by_one=false || one_by_one=true
  case $said in 'changed '*)
    echo "$said"
    exit 77
    ;;
  esac
  waits=''
  while [ $# -ge 7 ]; do
    if $one_by_one && ! said=$(scale_up "$2" "$3"); then
      fail "$1" "Docker Compose could not start it: $(complaint "$said")"
    else
      waits="$waits $1 $5 $6 $7 $(newer "$(ids_with "$2" "$4")" $before)"
    fi
    shift 7
  done
  await $waits
}

complaint() { # what Compose said, without its progress
  printf '%s\n' "$1" | grep -v -E '^ *(Container|Network|Volume) .*(Creat|Start|Running)' | grep -v '^ *$' | tail -n 3
}

do_restart() { # groups of task, service, total, spec, until, deadline, monitor, grace, "ids"
  lease_keep
  activate
  waits=''
  while [ $# -ge 9 ]; do
    for id in $(words "$9"); do
      case $(docker inspect --type container --format '{{.State.Status}}' "$id" 2>/dev/null) in
        paused) docker unpause "$id" ;;
        running | restarting) docker restart -t "$8" "$id" ;;
        *) docker start "$id" ;;
      esac >/dev/null 2>&1 || docker rm -f "$id" >/dev/null 2>&1 # what cannot start again is made anew
    done
    if said=$(scale_up "$2" "$3"); then
      case $5 in ready) until=again ;; *) until=$5 ;; esac
      waits="$waits $1 $until $6 $7 $(newer "$(ids_with "$2" "$4")")"
    else
      fail "$1" "Docker Compose could not start it: $(complaint "$said")"
    fi
    shift 9
  done
  await $waits
}

stop_all() { # groups as do_stop's, side by side: each has its own grace period
  while [ $# -ge 3 ]; do
    docker stop -t "$2" $(words "$3") >/dev/null 2>&1 &
    shift 3
  done
  wait
}

do_stop() { # groups of task, grace, "ids"
  lease_keep
  activate
  stop_all "$@"
  while [ $# -ge 3 ]; do
    said=$(docker rm -f $(words "$3") 2>&1)
    if docker inspect --type container --format '{{.Id}}' $(words "$3") 2>/dev/null | grep -q .; then
      fail "$1" "a container could not be removed: $said"
    else
      echo "ok $1"
    fi
    shift 3
  done
}

do_record() { # release number, how many to keep; the definition in place, the release on record
  lease_take
  stage
  if [ -f .stage/compose.yaml ]; then
    cp .stage/compose.yaml .stage/compose.next
    mv -f .stage/compose.next compose.yaml
  else
    rm -f compose.yaml
    remove_networks
  fi
  mkdir -p releases
  cp .stage/release.json .stage/release.next
  rm -rf .stage/files "releases/$1"
  mkdir ".stage/$1" && mv .stage/compose.yaml ".stage/$1/" 2>/dev/null
  mv .stage/release.json ".stage/$1/" && mv ".stage/$1" "releases/$1" && mv -f .stage/release.next release.json || {
    fail 0 'the release cannot be recorded'
    exit 0
  }
  rm -rf .stage
  ls releases | sort -rn | tail -n "+$(($2 + 1))" | while read -r old; do rm -rf "releases/$old"; done
  for folder in files/*/; do
    sha=${folder#files/}
    grep -qsF "files/$sha" compose.yaml releases/*/compose.yaml || rm -rf "$folder"
  done
  rm -f lease
  echo 'ok 0'
  look "$root" keep
}

remove_networks() {
  docker network ls --quiet --filter "label=com.docker.compose.project=$project" | while read -r network; do
    docker network rm "$network" >/dev/null 2>&1 || : # in use by a container that is not ours
  done
}

do_forget() { # volumes stay
  lease_take
  if [ -n "$(docker ps --all --quiet --filter "label=com.docker.compose.project=$project")" ]; then
    fail 0 'it still has containers'
    return
  fi
  remove_networks
  cd "$root" && rm -rf "${root:?}/$project" && echo 'ok 0'
}

do_lock() {
  lease_take
  echo 'ok 0'
}

do_unlock() { # gives the lease back, where it is ours or that of the run that is named as dead
  lease_read
  case $held_by in "$owner" | "$dead") rm -f lease ;; esac
  rm -rf .stage
  echo 'ok 0'
}

do_renew() {
  lease_keep
  echo 'ok 0'
}

verb=$1 root=$2 project=$3 owner=$4 ttl=$5 text=$6 dead=$7
shift 7
mkdir -p "$root/$project" 2>/dev/null && cd "$root/$project" 2>/dev/null || {
  fail 0 "$root/$project cannot be written by $(id -un)"
  exit 0
}
if [ "$project" = deploytool-ingress ]; then # Envoy watches these, and does not start without them
  mkdir -p xds run projects
  for name in xds/cds.json xds/lds.json; do
    [ -f "$name" ] || echo '{"resources":[]}' >"$name"
  done
fi
exec 9>.lock
flock -w 30 9 || exit 78
"do_$verb" "$@"
