# Docker and its Compose plugin, asked with as few processes as can be. POSIX sh with local.

brief() { # a Go program that is over before its threads and its collector pay: a sixth less work
  GOMAXPROCS=1 GOGC=400 "$@"
}

plugin_places() { # sets places: where docker looks for Compose, in its order
  local place
  places=${DOCKER_CONFIG:-${HOME:-/root}/.docker}/cli-plugins/docker-compose
  for place in local/lib local/libexec lib libexec; do
    places="$places /usr/$place/docker/cli-plugins/docker-compose"
  done
}
