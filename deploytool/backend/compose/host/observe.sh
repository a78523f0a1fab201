# Prints all that a host knows, one line a subject, each "WORD JSON". Changes nothing.
# Lines, not one document: a damaged file then costs its own line and not the whole look.
# $1: deploytool's folder. POSIX sh; needs nothing but Docker and coreutils.
LC_ALL=C
export LC_ALL

look() { # $1: deploytool's folder; $2: "keep" to keep the facts for the next look; $3: what the last one said of them
  dir=$1
  command -v docker >/dev/null 2>&1 || {
    echo 'fault docker'
    return 0
  }
  facts_key
  facts_kept "${3:-}"
  if [ -n "$kept" ]; then
    engine_root=${kept##*"${newline}root "}
    containers "${engine_root%%"$newline"*}"
    printf '%s\n' "$kept"
  else
    # The facts and the containers come from slow commands that do not need each other: the left side of
    # the pipe runs beside the right one, and waits in the pipe until the containers are printed.
    facts | {
      containers
      said=$(cat)
      printf '%s\n' "$said"
      [ "${2:-}" != keep ] || [ -z "$key" ] || facts_keep "$said"
    }
  fi
  printf 'clock %s\n' "$(date +%s)"
  for folder in "$dir"/*/; do
    [ -d "$folder" ] || continue
    name=${folder%/}
    name=${name##*/}
    sum=
    [ ! -e "$folder/compose.yaml" ] || sum=$(sha256sum <"$folder/compose.yaml")
    latest=0
    for release in "$folder"/releases/*/; do
      number=${release%/} number=${number##*/}
      case $number in *[!0-9]*) ;; *) [ "$number" -le "$latest" ] || latest=$number ;; esac
    done
    printf 'project {"name":"%s","sha256":"%s","latest":%s}\n' "$name" "${sum%% *}" "$latest"
    [ ! -f "$folder/release.json" ] || printf 'release %s %s\n' "$name" "$(cat "$folder/release.json")"
    [ ! -f "$folder/others" ] || printf 'others %s %s\n' "$name" "$(tr '\n' ' ' <"$folder/others")"
    [ ! -d "$folder/projects" ] || { served "$folder/projects" && believes "$folder" && let_go_of "$folder"; }
    [ ! -f "$folder/lease" ] || printf 'lease %s %s\n' "$name" "$(tr '\n' ' ' <"$folder/lease")"
  done
  return 0
}

served() { # what the proxy of the host was told, by project
  for part in "$1"/*/; do
    [ -f "$part/digest" ] || continue
    of=${part%/} # not "name": that is the caller's
    of=${of##*/}
    printf 'ingress %s %s %s\n' "$of" "$(cat "$part/digest")" "$(cat "$part/offers.json")"
    for file in "$part"/state/names/*~0; do
      [ -f "$file" ] || continue
      service=${file##*/}
      printf 'local %s %s %s\n' "$of" "${service%~0}" "$(cat "$file")"
      printf 'remote %s %s %s\n' "$of" "${service%~0}" "$(tr '\n' ' ' <"$part/state/remote/$service")"
    done
  done
}

believes() { # $1: the edge's folder; what its proxies think of the endpoints that there are now
  names=$(cat "$1"/projects/*/state/live/* 2>/dev/null | names_in)
  [ -n "$names" ] || return 0
  for socket in "$1"/run/*.sock; do
    [ -S "$socket" ] && [ ! -f "${socket%.sock}.until" ] || continue
    admin "$socket" GET /clusters 2>/dev/null | awk -F '::' -v names="$names" '
      BEGIN { count = split(names, list, "\n"); for (i = 1; i <= count; i++) if (list[i] !~ /\.local@/) wanted[list[i]] }
      !($1 in wanted) { next }
      $3 == "rq_active" { active[$1, $2] = $4 }
      $3 == "hostname" { name[$1, $2] = $4 }
      $3 == "health_flags" { print "believes", substr($1, 1, index($1, "~") - 1), name[$1, $2], active[$1, $2], $4 }'
  done
}

let_go_of() { # $1: the edge's folder; proxies that were told to end, and whether they have reason to linger
  for file in "$1"/run/*.until; do
    [ -f "$file" ] || continue
    id=${file##*/} id=${id%.until}
    if lingers "${file%.until}"; then echo "letgo $id lingers"; else echo "letgo $id"; fi
  done
}

lingers() { # where a proxy's files are: it was let go, its time is not over, and it has connections
  [ -f "$1.until" ] && [ "$(date +%s)" -lt "$(cat "$1.until")" ] && [ "$(connections "$1.sock")" -gt 0 ]
}

connections() { # a proxy's admin socket: how many it holds of clients and of other hosts' proxies
  admin "$1" GET '/stats?filter=^http\.port-.*downstream_cx_active$|^tcp\..*downstream_cx_active$' 2>/dev/null |
    awk '{ sum += $2 } END { print sum + 0 }'
}

names_in() { # the clusters that stand on stdin, one a line
  sed -n 's/.*"name":"\([^"]*\)","outlier.*/\1/p'
}

admin() { # socket, method, path: what Envoy answers
  if command -v curl >/dev/null 2>&1; then
    curl -sf --max-time 5 -X "$2" --unix-socket "$1" "http://admin$3"
  elif command -v perl >/dev/null 2>&1; then
    perl -e "$by_perl" "$1" "$2" "$3"
  else
    echo 'no client' >&2
    return 3
  fi
}
by_perl='use IO::Socket::UNIX; alarm 5; my ($path, $method, $url) = @ARGV;
my $s = IO::Socket::UNIX->new($path) or exit 2;
print $s "$method $url HTTP/1.1\r\nHost: admin\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"; $s->flush;
local $/; my ($head, $body) = split /\r\n\r\n/, scalar <$s>, 2;
if ($head =~ /transfer-encoding: chunked/i) {
  my $out = "";
  while ($body =~ s/^([0-9a-f]+)\r\n//i) { my $n = hex $1 or last; $out .= substr $body, 0, $n; substr($body, 0, $n + 2) = "" }
  $body = $out;
}
print $body; exit($head !~ /^HTTP\S+ 200/);'

brief() { # a Go program that is over before its threads and its collector pay: a sixth less work
  GOMAXPROCS=1 GOGC=400 "$@"
}

containers() { # maybe where the engine keeps what it has: whoever may read that need not ask it for a list
  ids=''
  for folder in "${1:-/nowhere}"/containers/*; do
    [ ! -d "$folder" ] || ids="$ids ${folder##*/}"
  done
  # A container may go away between the two commands, or the folder be another engine's: then it is asked.
  for attempt in 1 2 3; do
    [ -n "$ids" ] || ids=$(brief docker ps --all --quiet --no-trunc 2>&1) || {
      printf '%s\nfault engine\n' "$ids"
      return
    }
    [ -n "$ids" ] || return 0
    listed=$(brief docker inspect --type container --format "$container" $ids 2>&1) && break
    ids=''
  done
  printf '%s\n' "$listed"
}

facts() {
  printf 'key %s\n' "$key"
  said=$(docker info --format "$facts" 2>/dev/null) || echo 'fault engine'
  case $said in *'compose "'[v0-9]*) ;; *) echo 'fault compose' ;; esac
  printf '%s\n' "$said"
}

# The facts cost more than all the rest and change with the engine's start, or when a binary is replaced.
# A run that writes keeps them in the folder, under a key of these; elsewhere they are asked for each time.

facts_key() { # sets key: nothing where it cannot be told whether the engine was started anew
  key=''
  [ -z "${DOCKER_HOST:-}" ] && [ -f /run/docker.pid ] || return 0
  plugin_places
  set -- $(stat -c 'kernel, root too: %n %i %Y' /run/docker.pid "$(command -v docker)" $places 2>/dev/null)
  key=$* # in one line
}

plugin_places() { # sets places: where docker looks for Compose, in its order
  places=${DOCKER_CONFIG:-${HOME:-/root}/.docker}/cli-plugins/docker-compose
  for place in local/lib local/libexec lib libexec; do
    places="$places /usr/$place/docker/cli-plugins/docker-compose"
  done
}

facts_kept() { # what a look before said; sets kept: nothing where the key is another one
  kept=''
  [ -n "$key" ] || return 0
  if [ -r "$dir/.facts" ]; then
    {
      read -r known && [ "$known" = "$key" ] && while IFS= read -r line; do
        kept=$kept${kept:+$newline}$line
      done
    } <"$dir/.facts" || :
  fi
  case $1 in "key $key$newline"*)
    [ -n "$kept" ] || facts_keep "$1"
    kept=${1#*"$newline"}
    ;;
  esac
}
newline='
'

facts_keep() { # lines, the first of them the key
  case $1 in *fault*) return ;; esac
  printf '%s\n' "${1#key }" >"$dir/.facts.new" && mv -f "$dir/.facts.new" "$dir/.facts"
}

facts='{{range .ClientInfo.Plugins}}{{if eq .Name "compose"}}compose {{json .Version}}{{println}}{{end}}{{end}}facts {"node_id":{{json .ID}},"os":{{json .OSType}},"arch":{{json .Architecture}},"cpus":{{.NCPU}},"memory_bytes":{{.MemTotal}},"labels":{{json .Labels}},"docker":{{json .ServerVersion}},"kernel":{{json .KernelVersion}}}{{println}}root {{.DockerRootDir}}'
container='container {"id":{{json .Id}},"name":{{json .Name}},"created":{{json .Created}},"image":{{json .Config.Image}},"image_id":{{json .Image}},"labels":{{json .Config.Labels}},"restarts":{{.RestartCount}},"state":{{json .State.Status}},"exit_code":{{.State.ExitCode}},"oom":{{.State.OOMKilled}},"error":{{json .State.Error}},"grace":{{with index .Config "StopTimeout"}}{{json .}}{{else}}null{{end}},"started":{{json .State.StartedAt}},"health":{{with index .State "Health"}}{{json .Status}}{{else}}""{{end}},"published":{{json .NetworkSettings.Ports}},"wanted":{{json .HostConfig.PortBindings}},"network":{{json .HostConfig.NetworkMode}}}'
