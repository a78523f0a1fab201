# Why a replica failed: the facts, and the last words of its container. With wait.sh. POSIX sh with local.

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
