# Prints all that a host knows, one line a subject, each "WORD JSON". Changes nothing.
# Lines, not one document: a damaged file then costs its own line and not the whole look.
# $1: deploytool's folder. POSIX sh; needs nothing but Docker and coreutils.
LC_ALL=C
export LC_ALL

look() {
  dir=$1
  command -v docker >/dev/null 2>&1 || {
    echo 'fault docker'
    return 0
  }
  # The facts and the containers come from slow commands that do not need each other: the left side of
  # the pipe runs beside the right one, and waits in the pipe until the containers are printed.
  {
    compose=$(docker compose version --short 2>/dev/null) || echo 'fault compose'
    printf 'compose "%s"\n' "$compose"
    docker info --format "$facts" 2>&1 || echo 'fault engine'
  } | {
    # A container may go away between the two commands: then the list is taken anew.
    for attempt in 1 2 3; do
      ids=$(docker ps --all --quiet --no-trunc 2>/dev/null)
      [ -n "$ids" ] || break
      containers=$(docker inspect --type container --format "$container" $ids 2>&1) && break
    done
    [ -z "$ids" ] || printf '%s\n' "$containers"
    cat
  }
  printf 'clock %s\n' "$(date +%s)"
  for folder in "$dir"/*/; do
    [ -d "$folder" ] || continue
    name=${folder%/}
    name=${name##*/}
    sum=
    [ ! -e "$folder/compose.yaml" ] || sum=$(sha256sum <"$folder/compose.yaml" | cut -c 1-64)
    printf 'project {"name":"%s","sha256":"%s"}\n' "$name" "$sum"
    [ ! -f "$folder/release.json" ] || printf 'release %s %s\n' "$name" "$(cat "$folder/release.json")"
    [ ! -f "$folder/lease" ] || printf 'lease %s %s\n' "$name" "$(tr '\n' ' ' <"$folder/lease")"
  done
  return 0
}

facts='facts {"node_id":{{json .ID}},"os":{{json .OSType}},"arch":{{json .Architecture}},"cpus":{{.NCPU}},"memory_bytes":{{.MemTotal}},"labels":{{json .Labels}},"docker":{{json .ServerVersion}}}'
container='container {"id":{{json .Id}},"name":{{json .Name}},"created":{{json .Created}},"image":{{json .Config.Image}},"image_id":{{json .Image}},"labels":{{json .Config.Labels}},"restarts":{{.RestartCount}},"state":{{json .State.Status}},"exit_code":{{.State.ExitCode}},"oom":{{.State.OOMKilled}},"error":{{json .State.Error}},"started":{{json .State.StartedAt}},"health":{{with index .State "Health"}}{{json .Status}}{{else}}""{{end}},"published":{{json .NetworkSettings.Ports}},"wanted":{{json .HostConfig.PortBindings}}}'
