# What the engine tells while something is waited for. With wait.sh. POSIX sh with local.

unchecked() { # sets starting: how many of everyone the list says have not been checked yet
  local id line
  starting=0
  for id in $everyone; do
    line=${listed#*"$id "}
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
  trap 'end_beat; end_hearing' EXIT
  trap 'exit 143' TERM HUP
}

end_hearing() {
  [ -n "$hearing" ] || return 0
  kill "$hearing" 2>/dev/null
  wait "$hearing" 2>/dev/null
  rm -f "$news"
  hearing=''
}
hearing='' news=''
