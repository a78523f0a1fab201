# What the engine says of itself. POSIX sh with local.
#
# It costs more than all the rest of a look, and changes with the engine's start or when a program is replaced.
# A run that writes keeps it in the file .facts, under a key of these; elsewhere it is asked for each time.

facts_key() { # sets key: nothing where it cannot be told whether the engine was started anew
  local places
  key=''
  [ -z "${DOCKER_HOST:-}" ] && [ -f /run/docker.pid ] || return 0
  plugin_places
  # shellcheck disable=SC2046,SC2086 # a word for each place, and for each part of the key
  set -- $(stat -c 'kernel, root too: %n %i %Y' /run/docker.pid "$(command -v docker)" $places 2>/dev/null)
  key=$* # in one line
}

facts_ask() {
  docker info --format "$facts_format" 2>/dev/null || echo 'fault engine'
}
facts_format='{{range .ClientInfo.Plugins}}{{if eq .Name "compose"}}compose {{json .Version}}{{println}}{{end}}{{end}}facts {"node_id":{{json .ID}},"os":{{json .OSType}},"arch":{{json .Architecture}},"cpus":{{.NCPU}},"memory_bytes":{{.MemTotal}},"labels":{{json .Labels}},"docker":{{json .ServerVersion}},"kernel":{{json .KernelVersion}}}{{println}}root {{.DockerRootDir}}'

facts_read() { # stdin: lines of a name and its value; sets version, facts and engine_root
  local name value
  while read -r name value; do
    case $name in
      compose) version=$value ;;
      facts) facts=$value ;;
      root) engine_root=$value ;;
    esac
  done
}

# What the last look said of it, of which prepare has words.
known_key='' known_version='' known_facts='' known_root=''

facts_recall() { # sets what facts_read does, from the file or from the last look; nothing under another key
  local kept=''
  [ -n "$key" ] || return 0
  if [ -r "$1/.facts" ] && read -r kept <"$1/.facts" && [ "$kept" = "$key" ]; then
    facts_read <"$1/.facts"
  elif [ "$known_key" = "$key" ]; then
    version=$known_version facts=$known_facts engine_root=$known_root
    facts_keep "$1"
  fi
}

facts_keep() { # deploytool's folder
  [ -n "$key" ] || return 0
  printf '%s\ncompose %s\nfacts %s\nroot %s\n' "$key" "$version" "$facts" "$engine_root" >"$1/.facts.new" &&
    mv -f "$1/.facts.new" "$1/.facts"
}

facts_say() { # the key, where they were asked for; fails where something is missing, after saying what
  [ -n "$facts" ] || {
    say fault engine
    return 1
  }
  case $version in
    '"v'* | '"'[0-9]*) say key "$1" version: "$version" root "$engine_root" facts: "$facts" ;;
    *)
      say fault compose
      return 1
      ;;
  esac
}
