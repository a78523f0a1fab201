# The verbs lock and renew, on the lease alone. POSIX sh with local.

do_lock() {
  lease_take
  ok 0
}

do_renew() {
  lease_keep
  ok 0
}
