# The verb unlock: the lease given back, maybe an attempt on record. POSIX sh with local.

do_unlock() { # words; with a number, stdin has an attempt that goes on record
  local number='' drop='' holder expires details
  each task : "$@"
  if [ -n "$number" ]; then
    rm -rf .attempt && mkdir .attempt && tar -xpf - -C .attempt && mkdir -p releases && rm -rf "releases/$number" &&
      note_others .attempt && mv .attempt "releases/$number" || failed_to_write 0 attempt
    rm -rf .attempt
    # shellcheck disable=SC2086 # a word for each number
    drop_releases $drop
  fi
  lease_read
  case $holder in
    "$owner" | "$take_from")
      rm -rf lease .stage
      collect
      ;;
  esac
  ok 0
}
