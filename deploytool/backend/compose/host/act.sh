# Does one verb for one project on this host, under the project's flock and lease. POSIX sh.
# $1 verb, $2 deploytool's folder, $3 project, $4 lease owner, $5 lease seconds, $6 the lease for people
# (JSON), $7 the owner of a dead run whose lease may be taken, or "-"; then the verb's own arguments.
# Prints "ok I", "failed I SENTENCE", "hint I SENTENCE" and "log I LINE" for task number I; exits 75 when another run
# holds the lease, 76 when ours is lost, 77 when the host is not as it was planned, 78 when the flock is taken,
# 79 when the Docker engine is gone.
LC_ALL=C COMPOSE_IGNORE_ORPHANS=1 COMPOSE_PROGRESS=plain COMPOSE_ANSI=never DOCKER_CLI_HINTS=false
export LC_ALL COMPOSE_IGNORE_ORPHANS COMPOSE_PROGRESS COMPOSE_ANSI DOCKER_CLI_HINTS
unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES COMPOSE_REMOVE_ORPHANS
umask 077

fail() { # task, sentence…
  task=$1
  shift
  printf 'failed %s %s\n' "$task" "$(printf '%s ' "$@" | tr '\n\r\t' '   ' | cut -c 1-600)"
}

hint() { # task, what to do next…
  task=$1
  shift
  printf 'hint %s %s\n' "$task" "$*"
}

# --- the lease: three lines, owner, expiry by this host's clock, and JSON for people --------------------

lease_read() {
  held_by='' held_until=0 held_text='{}'
  [ ! -f lease ] || { read -r held_by && read -r held_until && read -r held_text; } <lease || :
}

lease_write() {
  { printf '%s\n%s\n%s\n' "$owner" "$(($(date +%s) + ttl))" "$text" >lease.new && mv -f lease.new lease; } 2>/dev/null
}

lease_renew() {
  lease_write || {
    fail 0 "the lease cannot be written: $(free_space)"
    exit 0
  }
  begin_beat
}

free_space() {
  df -P . | awk 'NR == 2 { print $4 " KiB are free on " $6 }'
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
  lease_renew
}

lease_keep() { # a run that lost its lease stops before its next step
  lease_read
  [ "$held_by" = "$owner" ] || {
    printf 'held %s %s %s\n' "$held_by" "$held_until" "$held_text"
    exit 76
  }
  lease_renew
}

# --- signs of life -----------------------------------------------------------------------------------------

# While a verb works it keeps the lease alive, so that the lease outlives a dead run by its own length only.
# And it ends the verb where nobody listens any more, or where the lease went to another run: nothing that
# such a run left behind stays at work. Says so on stderr, where it cannot get into the middle of an answer.
beat() {
  trap '' PIPE
  while sleep "$beat_s" </dev/null >/dev/null 2>&1; do
    kill -0 $$ 2>/dev/null || return
    lease_read
    # Without the flock only while the verb itself has it: then nobody else can be writing.
    if echo beat >&2 && [ "$held_by" = "$owner" ]; then (flock -n 8 || :; lease_write) 8>.lock; else kill $$; fi
  done
}
beat_s=5

begin_beat() {
  [ -z "$beating" ] || return 0
  beat 9>&- </dev/null >/dev/null &
  beating=$!
  trap 'end_beat; end_hearing' EXIT
}

end_beat() {
  [ -n "$beating" ] || return 0
  kill "$beating" 2>/dev/null
  wait "$beating" 2>/dev/null
  beating=''
}
beating=''

engine_answers() { # or ends the verb: what it did is not known then
  docker version >/dev/null 2>&1 || exit 79
}

compose() { # the plugin itself where it is found: by way of docker it is started twice, and docker beside it
  if [ -n "$plugin" ]; then "$plugin" "$@"; else docker compose "$@"; fi
}
plugin=''
plugin_places
for place in $places; do
  [ -n "$plugin" ] || [ ! -x "$place" ] || plugin=$place
done

# --- the definition ------------------------------------------------------------------------------------

stage() { # stdin: a tar with compose.yaml (not where nothing is to run), files/, maybe release.json and others
  rm -rf .stage .news.* # and what a host that was switched off in a wait had left
  mkdir .stage && tar -xpf - -C .stage || {
    fail 0 "the files cannot be written: $(free_space)"
    exit 0
  }
  # What is in place already was checked when it came.
  if [ -f .stage/compose.yaml ] && ! cmp -s .stage/compose.yaml compose.yaml; then
    refusal=$(compose -p "$project" -f .stage/compose.yaml config -q 2>&1) || {
      rm -rf .stage
      fail 0 "Docker Compose refuses the rendered file: $refusal"
      exit 0
    }
  fi
  note_others .stage
  mkdir -p files
  for found in .stage/files/*; do
    [ -e "$found" ] || continue
    [ -e "files/${found##*/}" ] || mv "$found" files/ || exit 1
  done
}

note_others() { # where a list may have come of other hosts that may hold something; none came: there are none
  if [ -f "$1/others" ]; then mv -f "$1/others" others; else rm -f others; fi
}

activate() { # the staged definition becomes the current one, by rename
  if [ -f .stage/compose.yaml ]; then mv -f .stage/compose.yaml compose.yaml; fi
}

pull() { # pairs of policy and image; an image that is there is not asked for again, unless the policy says so
  are_here "$@" || while [ $# -ge 2 ]; do
    if [ "$1" = always ] || ! docker image inspect "$2" >/dev/null 2>&1; then
      if [ "$1" = never ]; then
        fail 0 "image $2 is not on the host, and pull_policy is never"
        hint 0 "load it there (docker save IMAGE | ssh HOST docker load), or choose another pull_policy"
        exit 0
      fi
      refusal=$(docker pull -q "$2" 2>&1) || {
        engine_answers
        fail 0 "image $2 cannot be pulled: $refusal"
        hint 0 "check its name and tag, log in to its registry on the host (docker login), or load it there" \
          "(docker save IMAGE | ssh HOST docker load)"
        exit 0
      }
    fi
    shift 2
  done
}

are_here() { # pairs of policy and image: whether there is nothing to pull, asked once for all
  count=$(($# / 2))
  while [ "$count" -gt 0 ]; do
    [ "$1" != always ] || return
    set -- "$@" "$2"
    shift 2
    count=$((count - 1))
  done
  [ $# -eq 0 ] || brief docker image inspect "$@" >/dev/null 2>&1
}

list() { # sets there: the project's containers, one a line, as "ID SERVICE SPEC STATUS"; and since, the time before
  since=$(date +%s)
  there=$(brief docker ps --all --no-trunc --filter "label=com.docker.compose.project=$project" \
    --filter label=com.docker.compose.oneoff=False \
    --format '{{.ID}} {{.Label "com.docker.compose.service"}} {{.Label "deploytool.spec"}} {{.Status}}') || exit 79
}

scale_up() { # pairs of service and total; starts what is missing in the list and leaves the rest alone
  args='' names=''
  while [ $# -ge 2 ]; do
    [ "$(printf '%s\n' "$there" | awk -v service="$1" '$2 == service' | wc -l)" -le "$2" ] || {
      printf 'changed there are more containers of %s than planned\n' "$1"
      exit 77
    }
    args="$args --scale $1=$2" names="$names $1"
    shift 2
  done
  # The words hold service names and numbers only: both are checked before they come here.
  compose -p "$project" -f compose.yaml up -d --no-deps --no-recreate --no-build --pull never \
    --quiet-pull $args $names 2>&1
}

# --- waiting until a replica does its work ---------------------------------------------------------------
#
# The goals: "ready" for one that was just made, "again" for one that was there before, "completed" for a job.
# Each look at the containers starts a process and keeps the engine busy, so there is one for all of them, and
# none before the engine tells of something new or a time is up.

feel() { # ids…: sets pulses, a line for each container that there is, and how many have not been checked yet
  pulses=''
  starting=0
  [ $# -gt 0 ] || return 0
  pulses=$(brief docker inspect --type container --format "$pulse" "$@" 2>&1) || {
    rest=$(printf '%s\n' "$pulses" | grep -v -E '^[0-9a-f]{64} |[Nn]o such|^$')
    [ -z "$rest" ] || exit 79
  }
  starting=$(printf '%s\n' "$pulses" | grep -c ' running starting ')
}
pulse='{{.ID}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.State.ExitCode}} {{.RestartCount}} {{.State.OOMKilled}} {{.Name}}'

verdict_of() { # goal, ids…: prints "ready RESTARTS /NAME", "wait /NAME WHY" or "/NAME WHY", as the pulses are
  goal=$1 verdict='' total=0
  shift
  [ $# -gt 0 ] || {
    echo 'no container was started'
    return
  }
  for id in "$@"; do
    case $pulses in
      *"$id "*) line=${pulses#*"$id "} ;;
      *)
        printf 'its container %.12s is gone\n' "$id"
        return
        ;;
    esac
    set -- ${line%%"$newline"*}
    why='' wait=''
    case $goal/$1/$2 in
      none/*) ;; # it was started; what becomes of it is watched elsewhere
      completed/exited/*) [ "$3" = 0 ] || why="exited with code $3" ;;
      completed/*) wait="did not end yet" ;;
      again/running/unhealthy) wait="is still unhealthy" ;; # from before: the next check may say otherwise
      */running/unhealthy) why="is unhealthy" ;;
      */running/healthy | again/running/none) ;;
      */running/starting) wait="is not healthy yet$(restarts "$4" "$id")" ;;
      */running/*) [ "$4" = 0 ] || why="does not keep running$(restarts "$4" "$id")" ;;
      */created/*) wait="was not started yet" ;;
      */restarting/*) why="restarts in a loop, the last time after exit code $3" ;;
      *) why="$1 with code $3" ;;
    esac
    [ "$5" != true ] || why="ran out of memory, exit code $3"
    [ -z "$why" ] || {
      echo "$6 $why"
      return
    }
    [ -z "$wait" ] || verdict="wait $6 $wait"
    total=$((total + $4)) name=$6
  done
  echo "${verdict:-ready $total $name}"
}

restarts() { # how often a container was restarted, its id: half a sentence, with what the engine remembers of its end
  [ "$1" != 0 ] || return
  until=$(date +%s.%N) # "0s" would be the begin of this second, and it may have ended just now
  case $until in *[!0-9.]* | *.) until=$(($(date +%s) + 1)) ;; esac # a date that knows no %N
  code=$(docker events --since 1h --until "$until" --filter "container=$2" --filter event=die \
    --format '{{.Actor.Attributes.exitCode}}' 2>/dev/null | tail -n 1)
  printf ': it was restarted %s time%s, the last time after exit code %s\n' "$1" \
    "$([ "$1" = 1 ] || echo s)" "${code:-unknown}"
}

report_failure() { # task, sentence; where it starts with a container's /name, that one's last words follow
  fail "$1" "${2#/}"
  case $2 in
    /*) name=${2%% *} name=${name#/} ;;
    *) return ;;
  esac
  docker inspect --type container --format "$health_log" "$name" 2>/dev/null |
    grep -v '^ *$' | tail -n 2 | cut -c 1-500 | sed "s/^/log $1 health check: /"
  docker logs --tail 10 "$name" 2>&1 | cut -c 1-500 | sed "s/^/log $1 /"
}
health_log='{{if .State.Health}}{{range .State.Health.Log}}{{if .ExitCode}}{{.Output}}{{println}}{{end}}{{end}}{{end}}'

tick() { # sets now: hundredths of a second since the host was switched on
  read -r up rest </proc/uptime
  now=${up%.*}${up#*.}
}

# Waiting changes nothing, so it is done without the flock: what else is to be done here goes on meanwhile.
await() { # groups of task, goal, deadline, hold, "ids" (one word, commas, or "-")
  flock -u 9
  tick
  begun=$now everyone='' count=$(($# / 5))
  while [ "$count" -gt 0 ]; do
    everyone="$everyone $(words "$5")"
    set -- "$@" "$1" "$2" "$3" "$4" "$5" - -
    shift 5
    count=$((count - 1))
  done
  due=$((now + 200))
  unchecked $everyone
  [ "$starting" -eq 0 ] || listen
  while [ $# -gt 0 ]; do
    feel $everyone
    tick
    due=$((now + 200)) count=$(($# / 7))
    while [ "$count" -gt 0 ]; do
      judge "$@" || set -- "$@" "$1" "$2" "$3" "$4" "$5" "$ready" "$restarted"
      shift 7
      count=$((count - 1))
    done
    [ $# -eq 0 ] || listen
  done
  end_hearing
}

# A group as await's, since when it is ready and how often it had been restarted by then, both "-" before.
# True when there is no more to wait for; else brings due forward to when there may be.
judge() {
  ready=$6 restarted=$7
  verdict=$(verdict_of "$2" $(words "$5"))
  case $verdict in
    ready\ *)
      again=${verdict#ready } name=${verdict##* }
      [ "$ready" != - ] || ready=$now
      [ "$restarted" != - ] || restarted=${again%% *}
      [ "$restarted" = "${again%% *}" ] || {
        report_failure "$1" "$name does not keep running$(restarts "${again%% *}" "${name#/}")"
        return 0
      }
      end=$((ready + $4 * 100))
      [ "$now" -lt "$end" ] || {
        echo "ok $1"
        return 0
      }
      ;;
    wait\ *)
      ready=- end=$((begun + $3 * 100))
      [ "$now" -lt "$end" ] || {
        report_failure "$1" "${verdict#wait } after $3 s"
        return 0
      }
      ;;
    *)
      [ "$ready" = - ] || verdict="$verdict, after it had been ready for $(((now - ready) / 100)) s"
      report_failure "$1" "$verdict"
      return 0
      ;;
  esac
  [ "$end" -ge "$due" ] || due=$end
  return 1
}

unchecked() { # ids…: sets starting: how many the list says have not been checked yet
  starting=0
  for id in "$@"; do
    line=${there#*"$id "}
    case ${line%%"$newline"*} in *'(health: starting)') starting=$((starting + 1)) ;; esac
  done
}

listen() { # until something happened to a container of the project, or something is due
  [ -n "$hearing" ] || begin_hearing
  while sleep 0.2 2>/dev/null || sleep 1; do
    tick
    [ "$now" -lt "$due" ] && ! are_news && kill -0 "$hearing" 2>/dev/null || break
  done
  : >"$news"
}

are_news() { # that one more is healthy is none while others still have to follow
  [ -s "$news" ] || return
  grep -qv '^health_status: healthy$' "$news" || [ "$(wc -l <"$news")" -ge "$starting" ]
}

begin_hearing() { # of what happened since the first look, too; for a day at most, should nobody end it
  news=.news.$$
  : >"$news"
  docker events --since "$since" --until "$((since + 86400))" --filter type=container \
    --filter "label=com.docker.compose.project=$project" --filter event=health_status --filter event=die \
    --filter event=oom --filter event=destroy --filter event=pause --format '{{.Action}}' >>"$news" 2>&1 9>&- </dev/null &
  hearing=$!
  trap 'exit 143' TERM HUP
}

end_hearing() {
  [ -n "$hearing" ] || return 0
  kill "$hearing" 2>/dev/null
  wait "$hearing" 2>/dev/null
  rm -f "$news"
  hearing=''
}
hearing=''

words() { # "a,b" → a b; "-" → nothing
  [ "$1" = - ] || echo "$1" | tr ',' ' '
}

ids_with() { # service, spec: those in the list, with commas
  printf '%s\n' "$there" | awk -v service="$1" -v spec="$2" '
    $2 == service && $3 == spec { printf "%s%s", comma, $1; comma = "," }'
}

newer() { # "ids" after, ids before…: those that are new; all of them where none is
  after=$1
  shift
  new=$(for id in $(words "$after"); do
    case " $* " in *" $id "*) ;; *) printf '%s,' "$id" ;; esac
  done)
  new=${new:-$after}
  echo "${new:--}"
}

# --- verbs -----------------------------------------------------------------------------------------------

do_prepare() { # the facts as a look said them, pairs of pull policy and image
  facts_said=$1
  shift
  lease_take
  rm -f "$root/deploytool-ingress/projects/$project/state/leaving" # the plan before lets nothing go any more
  stage
  pull "$@"
  end_beat
  echo 'ok 0'
  look "$root" keep "$facts_said"
}

totals() { # groups as do_start's → pairs of service and total
  while [ $# -ge 7 ]; do
    printf '%s %s ' "$2" "$3"
    shift 7
  done
}

do_start() { # groups of task, service, total, spec, goal, deadline, hold
  lease_keep
  activate
  list
  before=$there failed=' '
  # All at once is fast; one by one, after a failure, tells which one it was. Each word is split on purpose.
  said=$(scale_up $(totals "$@")) || one_by_one "$@"
  changed
  list
  waits=''
  while [ $# -ge 7 ]; do
    ids=$(newer "$(ids_with "$2" "$4")" $before)
    case $5/$before in ready/*"${ids%%,*} "*) goal=again ;; *) goal=$5 ;; esac
    case $failed in *" $1 "*) ;; *) waits="$waits $1 $goal $6 $7 $ids" ;; esac
    shift 7
  done
  await $waits
}

one_by_one() { # groups as do_start's; sets failed, the tasks of those that do not start
  changed
  while [ $# -ge 7 ]; do
    list
    said=$(scale_up "$2" "$3") || {
      changed
      engine_answers
      fail "$1" "Docker Compose could not start it: $(complaint "$said")"
      failed="$failed$1 "
    }
    shift 7
  done
}

changed() { # ends the verb where scale_up said that the host is not as it was planned
  case $said in 'changed '*) ;; *) return ;; esac
  echo "$said"
  exit 77
}

complaint() { # what Compose said, without its progress
  printf '%s\n' "$1" | grep -v -E '^ *(Container|Network|Volume) .*(Creat|Start|Running)' | grep -v '^ *$' | tail -n 3
}

restart_all() { # groups as do_restart's; without the flock, as stop_all
  flock -u 9
  feel $(restarted "$@")
  while [ $# -ge 9 ]; do
    for id in $(words "$9"); do
      case $pulses in
        *"$id paused "*) docker unpause "$id" ;;
        *"$id running "* | *"$id restarting "*) docker restart -t "$8" "$id" ;;
        *) docker start "$id" ;;
      esac >/dev/null 2>&1 || docker rm -f "$id" >/dev/null 2>&1 # what cannot start again is made anew
    done
    shift 9
  done
  flock -w "$patience_s" 9 || exit 78
}

restarted() { # groups as do_restart's: all ids
  while [ $# -ge 9 ]; do
    words "$9"
    shift 9
  done
}

do_restart() { # groups of task, service, total, spec, goal, deadline, hold, grace, "ids"
  lease_keep
  activate
  restart_all "$@"
  lease_keep
  waits=''
  while [ $# -ge 9 ]; do
    list
    if said=$(scale_up "$2" "$3"); then
      list
      case $5 in ready) goal=again ;; *) goal=$5 ;; esac
      waits="$waits $1 $goal $6 $7 $(newer "$(ids_with "$2" "$4")")"
    else
      engine_answers
      fail "$1" "Docker Compose could not start it: $(complaint "$said")"
    fi
    shift 9
  done
  await $waits
}

# A container that is named by its id may be stopped without the flock: whoever does it, it is the same.
stop_all() { # groups as do_stop's, side by side: each has its own grace period
  flock -u 9
  stopping=''
  while [ $# -ge 3 ]; do
    docker stop -t "$2" $(words "$3") >/dev/null 2>&1 &
    stopping="$stopping $!"
    shift 3
  done
  wait $stopping
  flock -w "$patience_s" 9 || exit 78
}

do_stop() { # groups of task, grace, "ids"
  lease_keep
  activate
  stop_all "$@"
  lease_keep
  there=''
  said=$(docker rm -f $(stopped "$@") 2>&1) || there=$(docker ps --all --quiet --no-trunc 2>/dev/null) || exit 79
  while [ $# -ge 3 ]; do
    verdict="ok $1"
    for id in $(words "$3"); do
      case $there in *"$id"*) verdict='' ;; esac
    done
    [ -z "$verdict" ] || echo "$verdict"
    [ -n "$verdict" ] || fail "$1" "a container could not be removed: $said"
    shift 3
  done
}

stopped() { # groups as do_stop's: all ids
  while [ $# -ge 3 ]; do
    words "$3"
    shift 3
  done
}

do_record() { # release number, how many to keep; the definition in place, the release on record
  lease_take
  stage
  if [ -f .stage/compose.yaml ]; then
    cp .stage/compose.yaml .stage/compose.next && mv -f .stage/compose.next compose.yaml || no_record
  else
    rm -f compose.yaml
    remove_networks
  fi
  put_on_record "$1" && cp "releases/$1/release.json" .stage/release.next && mv -f .stage/release.next release.json ||
    no_record
  rm -rf .stage
  retire "$2"
  collect
  end_beat
  rm -f lease
  echo 'ok 0'
  look "$root" keep
}

no_record() {
  fail 0 "the release cannot be recorded: $(free_space)"
  exit 0
}

put_on_record() { # release number: what is staged becomes the release, whole or not at all
  mkdir -p releases && rm -rf ".stage/$1" && mkdir ".stage/$1" || return
  if [ -f .stage/compose.yaml ]; then mv .stage/compose.yaml ".stage/$1/" || return; fi
  mv .stage/release.json ".stage/$1/" && rm -rf "releases/$1" && mv ".stage/$1" "releases/$1"
}

retire() { # how many releases to keep, and as many attempts that failed; the current release always
  current=$(sed -n 's/^{"number": \([0-9]*\).*/\1/p' release.json 2>/dev/null)
  good=0 bad=0
  for old in $(ls releases 2>/dev/null | sort -rn); do
    if grep -qs '"outcome": "converged"' "releases/$old/release.json"; then
      good=$((good + 1)) nth=$good
    else
      bad=$((bad + 1)) nth=$bad
    fi
    [ "$nth" -gt "$1" ] && [ "$old" != "$current" ] || continue
    compose -f "releases/$old/compose.yaml" config --images 2>/dev/null | repositories >>.retired
    rm -rf "releases/$old"
  done
  [ ! -f .retired ] || sort -u -o .retired .retired # for do_prune, which may never come
}

collect() { # files that neither the current definition nor a release mentions
  for folder in files/*/; do
    sha=${folder#files/}
    grep -qsF "files/$sha" compose.yaml releases/*/compose.yaml || rm -rf "$folder"
  done
}

do_prune() { # images of this project that nobody here needs: no container, no definition, no release
  needed=$(images_of "$root"/*/compose.yaml "$root"/*/releases/*/compose.yaml "$root"/*/.stage/compose.yaml) &&
    mine=$(images_of compose.yaml releases/*/compose.yaml) || {
    fail 0 'what its releases need cannot be read, so no image was removed'
    return
  }
  ids=$(docker image inspect --format '{{.Id}}' $needed 2>/dev/null)
  names=$(echo "$mine" | repositories; cat .retired 2>/dev/null)
  docker image ls --no-trunc --format '{{.ID}} {{.Repository}} {{.Tag}}' | while read -r id name tag; do
    case "$ids" in *"$id"*) continue ;; esac
    printf '%s\n' "$names" | grep -qxF "$name" || continue
    case $tag in '<none>') image=$id ;; *) image=$name:$tag ;; esac
    # Without force: what a container was made from stays, ours or not.
    docker image rm "$image" >/dev/null 2>&1 && echo "pruned $image"
  done
  rm -f .retired
  echo 'ok 0'
}

images_of() { # compose files, some of which may not be there
  for file in "$@"; do
    [ ! -f "$file" ] || compose -f "$file" config --images 2>/dev/null || return
  done
}

repositories() { # image names, one a line → as docker image ls calls their repositories
  sed -e 's/@.*//' -e 's/:[^/:]*$//' -e 's|^index\.||' -e 's|^docker\.io/||' -e 's|^library/||' | grep . | sort -u
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
  end_beat
  cd "$root" && rm -rf "${root:?}/$project" && echo 'ok 0'
}

do_lock() {
  lease_take
  echo 'ok 0'
}

do_unlock() { # maybe a release number and how many to keep: then stdin has an attempt that goes on record
  if [ $# -eq 2 ]; then
    rm -rf .attempt && mkdir .attempt && tar -xpf - -C .attempt && mkdir -p releases && rm -rf "releases/$1" &&
      note_others .attempt && mv .attempt "releases/$1" || fail 0 "how it ended cannot be recorded: $(free_space)"
    rm -rf .attempt
    retire "$2"
  fi
  lease_read
  case $held_by in
    "$owner" | "$dead")
      rm -rf lease .stage
      collect
      ;;
  esac
  echo 'ok 0'
}

do_renew() {
  lease_keep
  echo 'ok 0'
}

patience_s=90
verb=$1 root=$2 project=$3 owner=$4 ttl=$5 text=$6 dead=$7
shift 7
said=$(mkdir -p "$root/$project" 2>&1) && cd "$root/$project" 2>/dev/null && [ -w . ] || {
  fail 0 "$root/$project cannot be written by $(id -un) ${said:+($said)}"
  exit 0
}
if [ "$project" = deploytool-ingress ]; then # Envoy watches these, and does not start without them
  mkdir -p xds run projects
  for name in xds/cds.json xds/lds.json; do
    [ -f "$name" ] || echo '{"resources":[]}' >"$name"
  done
fi
exec 9>.lock
flock -w "$patience_s" 9 || exit 78
"do_$verb" "$@"
