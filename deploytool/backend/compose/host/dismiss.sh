# The verb dismiss: stop for proxies that were let go, of which one stays while it has reason to. POSIX sh.

do_dismiss() { # words as of stop
  local task='' grace='' containers='' spared='' edge="$root/$ingress" file='' id=''
  each task spare_lingering "$@"
  do_stop "$@"
  for file in "$edge"/run/*.until; do
    [ -f "$file" ] || continue
    id=${file##*/} id=${id%.until}
    docker inspect --type container "$id" >/dev/null 2>&1 || rm -f "$file" "${file%.until}.sock"
  done
}

spare_lingering() { # of a task
  local id
  for id in $containers; do
    ! lingers "$(own "$id")" || spared="$spared $id"
  done
}
