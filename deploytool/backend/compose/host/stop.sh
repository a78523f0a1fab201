# The verb stop: containers out, by id. POSIX sh with local.

do_stop() { # words
  local task='' grace='' containers='' ids='' all_ids='' there='' said=''
  lease_keep
  activate
  stop_all "$@"
  lease_keep
  # shellcheck disable=SC2086 # a word for each id
  said=$(docker rm -f $all_ids 2>&1) || there=$(docker ps --all --quiet --no-trunc 2>/dev/null) || exit 79
  each task say_stopped "$@"
}

# A container that is named by its id may be stopped without the flock: whoever does it, it is the same.
stop_all() { # words: side by side, since each has its own grace period
  local stopping=''
  flock -u 9
  each task begin_stop "$@"
  # shellcheck disable=SC2086 # a word for each process
  wait $stopping
  take_flock
}

begin_stop() { # of a task
  without_spared
  all_ids="$all_ids $ids"
  # shellcheck disable=SC2086 # a word for each id
  docker stop -t "$grace" $ids >/dev/null 2>&1 &
  stopping="$stopping $!"
}

say_stopped() { # of a task
  local id
  without_spared
  for id in $ids; do
    case $there in
      *"$id"*)
        failed "$task" remove said "$said"
        return
        ;;
    esac
  done
  ok "$task"
}

without_spared() { # of a task: sets ids
  local id
  ids=''
  for id in $containers; do
    case " ${spared-} " in *" $id "*) ;; *) ids="$ids $id" ;; esac
  done
}
