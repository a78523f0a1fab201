# Waits until replicas do their work, as their gates have it. POSIX sh with local.
#
# A gate is a table: rows of its name, a pattern for what a container is, and the verdict: ready, wait:CODE or
# the CODE of a failure. The first row that fits counts. Each look at the containers starts a process and keeps
# the engine busy, so there is one for all of them, and none before the engine tells of something new or a
# time is up.

wait_for() { # gate, ids, in the words of a task
  waiting="$waiting$task $1 $deadline $hold - - $2$newline"
  everyone="$everyone $2"
}

# Waiting changes nothing, so it is done without the flock: what else is to be done here goes on meanwhile.
await() { # what wait_for noted
  local now='' begun='' due='' pulses='' starting=0 left='' task gate deadline hold ready restarted ids
  flock -u 9
  tick
  begun=$now due=$((now + 200))
  unchecked
  [ "$starting" -eq 0 ] || listen
  while [ -n "$waiting" ]; do
    feel
    tick
    due=$((now + 200)) left=''
    # Since when a group is ready, and how often it had been restarted by then: "-" before.
    while read -r task gate deadline hold ready restarted ids; do
      [ -z "$task" ] || judge
    done <<END
$waiting
END
    waiting=$left
    [ -z "$waiting" ] || listen
  done
  end_hearing
}

judge() { # of a group; notes in left that there is more to wait for, and brings due forward to when there may be
  local verdict=ready container='' about='' restarts=0 total=0 end
  judge_all
  case $verdict in
    ready)
      [ "$ready" != - ] || ready=$now
      [ "$restarted" != - ] || restarted=$total
      [ "$restarted" = "$total" ] || {
        fail_task restarted
        return
      }
      end=$((ready + hold * 100))
      [ "$now" -lt "$end" ] || {
        ok "$task"
        return
      }
      ;;
    wait:*)
      ready=- end=$((begun + deadline * 100))
      [ "$now" -lt "$end" ] || {
        fail_task "${verdict#wait:}" after_s: "$deadline"
        return
      }
      ;;
    *)
      if [ "$ready" = - ]; then fail_task "$verdict"; else fail_task "$verdict" ready_s: $(((now - ready) / 100)); fi
      return
      ;;
  esac
  left="$left$task $gate $deadline $hold $ready $restarted $ids$newline"
  [ "$end" -ge "$due" ] || due=$end
}

judge_all() { # of a group: sets verdict, total (of restarts), and who it is about: container, about, restarts
  local id pulse state name code again found
  [ -n "$ids" ] || verdict=nothing-started
  for id in $ids; do
    case $pulses in
      *"$id "*) pulse=${pulses#*"$id "} pulse=${pulse%%"$newline"*} ;;
      *)
        verdict=gone container='' about="id $id" restarts=0
        return
        ;;
    esac
    state=${pulse%% *} name=${pulse##*/}
    code=${state##*exit:} code=${code%%,*} again=${state##*restarts:} again=${again%%,*}
    total=$((total + again))
    verdict_of "$gate" "$state"
    case $found in
      ready) [ "$verdict" = ready ] && [ "$again" -ge "$restarts" ] || continue ;;
      *) verdict=$found ;;
    esac
    container=$name restarts=$again about="container $name status ${state%%,*} exit_code: $code restarts: $again"
    case $verdict in ready | wait:*) ;; *) return ;; esac
  done
}

verdict_of() { # gate, what a container is: sets found
  local name pattern
  while read -r name pattern found; do
    # shellcheck disable=SC2254 # it is a pattern
    [ "$name" != "$1" ] || case $2 in $pattern) return ;; esac
  done <<END
$gates
END
  found=unknown
}

feel() { # sets pulses, a line for each container of everyone that there is, and how many were not checked yet
  local rest
  pulses='' starting=0
  [ -n "${everyone# }" ] || return 0
  # shellcheck disable=SC2086 # a word for each id
  pulses=$(brief docker inspect --type container --format "$pulse_format" $everyone 2>&1) || {
    rest=$(printf '%s\n' "$pulses" | grep -v -E '^[0-9a-f]{64} |[Nn]o such|^$')
    [ -z "$rest" ] || exit 79
  }
  starting=$(printf '%s\n' "$pulses" | grep -c ' running,health:starting,')
}
pulse_format='{{.ID}} {{.State.Status}},health:{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}},exit:{{.State.ExitCode}},restarts:{{.RestartCount}},oom:{{.State.OOMKilled}}, {{.Name}}'

fail_task() { # code, facts; the container's last words follow
  local code="$1" last=''
  shift
  [ "$restarts" = 0 ] || last_exit
  # shellcheck disable=SC2086 # words for say: a container's name and status have no space in them
  failed "$task" "$code" $about last_exit "$last" "$@"
  [ -z "$container" ] || last_words </dev/null
}

last_exit() { # sets last: the exit code of the container's last end, as the engine remembers it
  local until_now
  until_now=$(date +%s.%N) # "0s" would be the begin of this second, and it may have ended just now
  case $until_now in *[!0-9.]* | *.) until_now=$(($(date +%s) + 1)) ;; esac # a date that knows no %N
  last=$(docker events --since 1h --until "$until_now" --filter "container=$container" --filter event=die \
    --format '{{.Actor.Attributes.exitCode}}' 2>/dev/null </dev/null | tail -n 1)
}

last_words() {
  docker inspect --type container --format "$health_log" "$container" 2>/dev/null |
    grep -v '^ *$' | tail -n 2 | cut -c 1-500 | as_lines check
  docker logs --tail 10 "$container" 2>&1 | cut -c 1-500 | as_lines log
}
health_log='{{if .State.Health}}{{range .State.Health.Log}}{{if .ExitCode}}{{.Output}}{{println}}{{end}}{{end}}{{end}}'

as_lines() { # name: a document for each line of stdin
  escapes
  sed "$escape
s/^/{\"task\":$task,\"$1\":\"/
s/\$/\"}/"
}

tick() { # sets now: hundredths of a second since the host was switched on
  local up
  read -r up _ </proc/uptime
  now=${up%.*}${up#*.}
}
