# The verb start: replicas beside what is there. POSIX sh with local.

do_start() { # words
  local task='' service='' total='' spec='' gate_new='' gate_existing='' deadline='' hold=''
  local listed='' since='' before='' count='' ids='' scales='' unstarted=' ' waiting='' all_ids='' said=''
  lease_keep
  activate
  list
  before=$listed
  each task plan_scale "$@"
  # All at once is fast; one by one, after a failure, tells which one it was.
  said=$(scale_up "$scales") || each task start_alone "$@"
  list
  each task wait_for_started "$@"
  await
}

plan_scale() { # of a task
  check_total
  scales="$scales $service=$total"
}

check_total() { # ends the verb where there is more than was planned
  count_of "$service"
  [ "$count" -le "$total" ] || {
    say changed "$service"
    exit 77
  }
}

scale_up() { # words of SERVICE=TOTAL: starts what is missing in the list and leaves the rest alone
  local scale arguments='' services=''
  for scale in $1; do
    arguments="$arguments --scale $scale" services="$services ${scale%=*}"
  done
  # shellcheck disable=SC2086 # service names and numbers, which were checked before they came here
  compose -p "$project" -f compose.yaml up -d --no-deps --no-recreate --no-build --pull never \
    --quiet-pull $arguments $services 2>&1
}

start_alone() { # of a task; notes those that do not start
  list
  check_total
  said=$(scale_up "$service=$total") || {
    not_started
    unstarted="$unstarted$task "
  }
}

not_started() {
  engine_answers
  failed "$task" start said "$(compose_error "$said")"
}

compose_error() { # what Compose said, without its progress
  printf '%s\n' "$1" | grep -v -E '^ *(Container|Network|Volume) .*(Creat|Start|Running)' | grep -v '^ *$' | tail -n 3
}

wait_for_started() { # of a task: for those that are new, by the gate gate_new; where none is, for all, by gate_existing
  local id made=''
  case $unstarted in *" $task "*) return ;; esac
  ids_of "$service" "$spec"
  for id in $ids; do
    case $before in *"$id "*) ;; *) made="$made $id" ;; esac
  done
  if [ -n "$made" ] || [ -z "$ids" ]; then wait_for "$gate_new" "$made"; else wait_for "$gate_existing" "$ids"; fi
}
