# The verb forget: the project's networks and folder go; volumes stay. POSIX sh with local.

do_forget() {
  lease_take
  if [ -n "$(docker ps --all --quiet --filter "label=com.docker.compose.project=$project")" ]; then
    failed 0 containers
    return
  fi
  remove_networks
  end_beat
  cd "$root" && rm -rf "${root:?}/$project" && ok 0
}
