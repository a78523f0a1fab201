# Judges a group of replicas by its gate. With wait.sh. POSIX sh with local.
#
# A gate is a table: rows of its name, a pattern for what a container is, and the verdict: ready, wait:CODE or
# the CODE of a failure. The first row that fits counts. The tables are in gates.py.

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
  local id entry state name code again judged
  [ -n "$ids" ] || verdict=nothing-started
  for id in $ids; do
    case $states in
      *"$id "*) entry=${states#*"$id "} entry=${entry%%"$newline"*} ;;
      *)
        verdict=gone container='' about="id $id" restarts=0
        return
        ;;
    esac
    state=${entry%% *} name=${entry##*/}
    code=${state##*exit:} code=${code%%,*} again=${state##*restarts:} again=${again%%,*}
    total=$((total + again))
    verdict_of "$gate" "$state"
    case $judged in
      ready) [ "$verdict" = ready ] && [ "$again" -ge "$restarts" ] || continue ;;
      *) verdict=$judged ;;
    esac
    container=$name restarts=$again about="container $name status ${state%%,*} exit_code: $code restarts: $again"
    case $verdict in ready | wait:*) ;; *) return ;; esac
  done
}

verdict_of() { # gate, what a container is: sets judged
  local name pattern
  while read -r name pattern judged; do
    # shellcheck disable=SC2254 # it is a pattern
    [ "$name" != "$1" ] || case $2 in $pattern) return ;; esac
  done <<END
$gates
END
  judged=unknown
}
