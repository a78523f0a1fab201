# What the engine tells while something is waited for. With wait.sh. POSIX sh with local.

count_unchecked() { # sets starting: how many of all_ids the list says have not been checked yet
  local id line
  starting=0
  for id in $all_ids; do
    line=${listed#*"$id "}
    case ${line%%"$newline"*} in *'(health: starting)') starting=$((starting + 1)) ;; esac
  done
}

wait_for_event() { # until something happened to a container of the project, or something is due
  [ -n "$follower" ] || follow_events
  while sleep 0.2 2>/dev/null || sleep 1; do
    read_clock
    [ "$now" -lt "$due" ] && ! is_new_event && kill -0 "$follower" 2>/dev/null || break
  done
  : >"$event_file"
}

is_new_event() { # that one more is healthy is none while others still have to follow
  [ -s "$event_file" ] || return
  grep -qv '^health_status: healthy$' "$event_file" || [ "$(wc -l <"$event_file")" -ge "$starting" ]
}

follow_events() { # of what happened since the first look, too; for a day at most, should nobody end it
  event_file=.news.$$
  : >"$event_file"
  docker events --since "$since" --until "$((since + 86400))" --filter type=container \
    --filter "label=com.docker.compose.project=$project" --filter event=health_status --filter event=die \
    --filter event=oom --filter event=destroy --filter event=pause --format '{{.Action}}' >>"$event_file" 2>&1 9>&- </dev/null &
  follower=$!
  trap 'end_beat; unfollow_events' EXIT
  trap 'exit 143' TERM HUP
}

unfollow_events() {
  [ -n "$follower" ] || return 0
  kill "$follower" 2>/dev/null
  wait "$follower" 2>/dev/null
  rm -f "$event_file"
  follower=''
}
follower='' event_file=''
