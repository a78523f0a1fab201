# How the tasks of a verb ended. POSIX sh with local.

ok() { # task
  say task: "$1" ok: true
}

failed() { # task, code, facts as say takes them
  local number="$1" code="$2"
  shift 2
  say task: "$number" failed "$code" "$@"
}

failed_to_write() { # task, code: with the room that is left in this folder
  df -P . | {
    read -r _ && read -r _ _ _ free _ mount
    failed "$1" "$2" free_kib: "${free:-0}" mount "${mount:-?}"
  }
}
