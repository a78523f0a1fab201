# The verb restart: the same containers, running again. With start.sh. POSIX sh with local.

do_restart() { # words
  local task='' service='' total='' spec='' seen='' deadline='' hold='' grace='' containers='' otherwise=''
  local listed='' since='' count='' ids='' waiting='' everyone='' said='' pulses='' starting=''
  lease_keep
  activate
  flock -u 9 # as in stop_all
  each task note_everyone "$@"
  feel
  each task run_again "$@"
  take_flock
  lease_keep
  everyone=''
  each task start_missing "$@"
  await
}

note_everyone() {
  everyone="$everyone $containers"
}

run_again() { # of a task
  local id
  for id in $containers; do
    case $pulses in
      *"$id paused,"*) docker unpause "$id" ;;
      *"$id running,"* | *"$id restarting,"*) docker restart -t "$grace" "$id" ;;
      *) docker start "$id" ;;
    esac >/dev/null 2>&1 || [ "$otherwise" != remove ] || docker rm -f "$id" >/dev/null 2>&1
  done
}

start_missing() { # of a task
  list
  check_total
  if said=$(scale_up "$service=$total"); then
    list
    ids_of "$service" "$spec"
    wait_for "$seen" "$ids"
  else
    not_started
  fi
}
