# The lease of a project on this host. POSIX sh with local.
#
# The file has three lines: the owner, the expiry in seconds by this host's clock, and JSON for people.

lease_read() { # sets holder, expires and details; a damaged lease is nobody's
  holder='' expires='' details=''
  [ ! -f lease ] || { read -r holder && read -r expires && read -r details; } <lease || :
  case $expires in '' | *[!0-9]*) holder='' ;; esac
}

lease_write() {
  { printf '%s\n%s\n%s\n' "$owner" "$(($(date +%s) + ttl))" "$about" >lease.new && mv -f lease.new lease; } 2>/dev/null
}

lease_renew() {
  lease_write || {
    failed_to_write 0 lease
    exit 0
  }
  begin_beat
}

lease_take() {
  local holder expires details
  lease_read
  case $holder in
    '' | "$owner" | "$take_from") ;;
    *) [ "$expires" -le "$(date +%s)" ] || held 75 ;;
  esac
  lease_renew
}

lease_keep() { # a run that lost its lease stops before its next step
  local holder expires details
  lease_read
  [ "$holder" = "$owner" ] || held 76
  lease_renew
}

held() { # exit code
  say held "$holder$newline$expires$newline$details"
  exit "$1"
}
newline='
'

# While a verb works it keeps the lease alive, so that the lease outlives a dead run by its own length only.
# And it ends the verb where nobody listens any more, or where the lease went to another run: nothing that
# such a run left behind stays at work. It tells on stderr, where it cannot get into the middle of an answer.
beat() {
  local holder expires details
  trap '' PIPE
  # shellcheck disable=SC2217 # it shall hold neither the input nor the output of the verb
  while sleep "$beat_s" </dev/null >/dev/null 2>&1; do
    kill -0 $$ 2>/dev/null || return
    lease_read
    # Without the flock only while the verb itself has it: then nobody else can be writing.
    if echo beat >&2 && [ "$holder" = "$owner" ]; then
      (flock -n 8 || :; lease_write) 8>.lock
    else
      kill $$
      return
    fi
  done
}
beat_s=5

begin_beat() {
  [ -z "$beating" ] || return 0
  beat 9>&- </dev/null >/dev/null &
  beating=$!
  trap end_beat EXIT
}

end_beat() {
  [ -n "$beating" ] || return 0
  kill "$beating" 2>/dev/null
  wait "$beating" 2>/dev/null
  beating=''
}
beating=''
