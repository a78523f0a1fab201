# Does one verb for one project on this host: in its folder, under its flock. POSIX sh with local.
#
# Exits with 75 when another run holds the lease, 76 when ours is lost, 77 when the host is not as it was
# planned, 78 when the flock is taken, 79 when the Docker engine is gone.
COMPOSE_IGNORE_ORPHANS=1 COMPOSE_PROGRESS=plain COMPOSE_ANSI=never DOCKER_CLI_HINTS=false
export COMPOSE_IGNORE_ORPHANS COMPOSE_PROGRESS COMPOSE_ANSI DOCKER_CLI_HINTS
unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES COMPOSE_REMOVE_ORPHANS
umask 077

main() { # the verb's function, words
  local verb="$1" root='' project='' owner='' ttl='' about='' take_from='' ingress='' gates='' said=''
  shift
  read_words "$@"
  said=$(mkdir -p "$root/$project" 2>&1) && cd "$root/$project" 2>/dev/null && [ -w . ] || {
    failed 0 folder path "$root/$project" user "$(id -un)" said "$said"
    exit 0
  }
  exec 9>.lock
  take_flock
  "$verb" "$@"
}

take_flock() {
  flock -w 90 9 || exit 78
}

activate() { # the staged definition becomes the current one, by rename
  if [ -f .stage/compose.yaml ]; then mv -f .stage/compose.yaml compose.yaml; fi
}
