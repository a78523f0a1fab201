# Waits until replicas do their work, as their gates have it. POSIX sh with local.
#
# Each look at the containers starts a process and keeps the engine busy, so there is one for all of them, and
# none before the engine tells of something new or a time is up.

wait_for() { # gate, ids, in the words of a task
  waiting="$waiting$task $1 $deadline $hold - - $2$newline"
  all_ids="$all_ids $2"
}

# Waiting changes nothing, so it is done without the flock: what else is to be done here goes on meanwhile.
await() { # what wait_for noted
  local now='' begun='' due='' states='' starting=0 left='' task gate deadline hold ready restarted ids
  flock -u 9
  read_clock
  begun=$now due=$((now + 200))
  count_unchecked
  [ "$starting" -eq 0 ] || wait_for_event
  while [ -n "$waiting" ]; do
    inspect_all
    read_clock
    due=$((now + 200)) left=''
    # Since when a group is ready, and how often it had been restarted by then: "-" before.
    while read -r task gate deadline hold ready restarted ids; do
      [ -z "$task" ] || judge
    done <<END
$waiting
END
    waiting=$left
    [ -z "$waiting" ] || wait_for_event
  done
  unfollow_events
}

inspect_all() { # sets states, a line for each container of all_ids that there is, and how many were not checked yet
  local rest
  states='' starting=0
  [ -n "${all_ids# }" ] || return 0
  # shellcheck disable=SC2086 # a word for each id
  states=$(brief docker inspect --type container --format "$state_format" $all_ids 2>&1) || {
    rest=$(printf '%s\n' "$states" | grep -v -E '^[0-9a-f]{64} |[Nn]o such|^$')
    [ -z "$rest" ] || exit 79
  }
  starting=$(printf '%s\n' "$states" | grep -c ' running,health:starting,')
}
state_format='{{.ID}} {{.State.Status}},health:{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}},exit:{{.State.ExitCode}},restarts:{{.RestartCount}},oom:{{.State.OOMKilled}}, {{.Name}}'

read_clock() { # sets now: hundredths of a second since the host was switched on
  local up
  read -r up _ </proc/uptime
  now=${up%.*}${up#*.}
}
