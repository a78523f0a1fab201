# The verb restart: the same containers, running again. With start.sh. POSIX sh with local.

do_restart() { # words
  local task='' service='' total='' spec='' gate_existing='' deadline='' hold='' grace='' containers='' on_failure=''
  local listed='' since='' count='' ids='' waiting='' all_ids='' said='' states='' starting=''
  lease_keep
  activate
  flock -u 9 # as in stop_all
  each task note_ids "$@"
  inspect_all
  each task run_again "$@"
  take_flock
  lease_keep
  all_ids=''
  each task start_missing "$@"
  await
}

note_ids() {
  all_ids="$all_ids $containers"
}

run_again() { # of a task
  local id
  for id in $containers; do
    case $states in
      *"$id paused,"*) docker unpause "$id" ;;
      *"$id running,"* | *"$id restarting,"*) docker restart -t "$grace" "$id" ;;
      *) docker start "$id" ;;
    esac >/dev/null 2>&1 || [ "$on_failure" != remove ] || docker rm -f "$id" >/dev/null 2>&1
  done
}

start_missing() { # of a task
  list
  check_total
  if said=$(scale_up "$service=$total"); then
    list
    ids_of "$service" "$spec"
    wait_for "$gate_existing" "$ids"
  else
    not_started
  fi
}
