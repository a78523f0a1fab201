# All that a host knows, a document for each subject. Changes nothing. POSIX sh; needs Docker and coreutils.
# A damaged file costs its own document, and not the whole look.

look() { # deploytool's folder; "keep" to keep the facts for the next look
  local dir="$1" keep="${2:-}" key='' version='' facts='' engine_root='' folder=''
  command -v docker >/dev/null 2>&1 || {
    say fault docker
    return 0
  }
  facts_key
  facts_recall "$dir"
  if [ -n "$facts" ]; then
    containers "$engine_root"
    facts_say ''
  else
    # The facts and the containers come from slow commands that do not need each other: the left side of
    # the pipe runs beside the right one, and waits in the pipe until the containers are printed.
    facts_ask | {
      containers
      facts_read
      facts_say "$key" && [ "$keep" = keep ] && facts_keep "$dir"
    }
  fi
  say clock: "$(date +%s)"
  for folder in "$dir"/*/; do
    [ ! -d "$folder" ] || project_folder "${folder%/}"
  done
  return 0
}

project_folder() { # a project's folder
  local folder="$1" name="${1##*/}" sum='' release number with='' without='' quoted=''
  [ ! -e "$folder/compose.yaml" ] || sum=$(sha256sum <"$folder/compose.yaml")
  for release in "$folder"/releases/*/; do
    number=${release%/} number=${number##*/}
    case $number in *[!0-9]* | 0?*) continue ;; esac
    if [ -f "$release/compose.yaml" ]; then with=$with,$number; else without=$without,$number; fi
  done
  say project "$name" sha256 "${sum%% *}" with_manifest: "[${with#,}]" without_manifest: "[${without#,}]"
  [ ! -f "$folder/release.json" ] || say project "$name" release@ "$folder/release.json"
  [ ! -f "$folder/others" ] || {
    quote_lines "$folder/others"
    say project "$name" others: "$quoted"
  }
  [ ! -d "$folder/projects" ] || { served "$folder/projects" && believes "$folder" && let_go_of "$folder"; }
  [ ! -f "$folder/lease" ] || say project "$name" lease@ "$folder/lease"
}

containers() { # maybe where the engine keeps what it has: whoever may read that need not ask it for a list
  local ids='' folder listed=''
  for folder in "${1:-/nowhere}"/containers/*; do
    [ ! -d "$folder" ] || ids="$ids ${folder##*/}"
  done
  # A container may go away between the two commands, or the folder be another engine's: then it is asked.
  for _ in 1 2 3; do
    [ -n "$ids" ] || ids=$(brief docker ps --all --quiet --no-trunc 2>&1) || {
      say fault engine said "$ids"
      return
    }
    [ -n "$ids" ] || return 0
    # shellcheck disable=SC2086 # a word for each id
    listed=$(brief docker inspect --type container --format "$container_format" $ids 2>&1) && break
    ids=''
  done
  printf '%s\n' "$listed"
  # Some went away while they were looked at; any other complaint means that not all can be seen.
  [ -n "$ids" ] || ! listed=$(printf '%s\n' "$listed" | grep -v -e '^{' -e '[Nn]o such' -e '^$') ||
    say fault containers said "$listed"
}
container_format='{"container":{"id":{{json .Id}},"name":{{json .Name}},"created":{{json .Created}},"image":{{json .Config.Image}},"image_id":{{json .Image}},"labels":{{json .Config.Labels}},"restarts":{{.RestartCount}},"state":{{json .State.Status}},"exit_code":{{.State.ExitCode}},"oom":{{.State.OOMKilled}},"error":{{json .State.Error}},"grace":{{with index .Config "StopTimeout"}}{{json .}}{{else}}null{{end}},"started":{{json .State.StartedAt}},"health":{{with index .State "Health"}}{{json .Status}}{{else}}""{{end}},"published":{{json .NetworkSettings.Ports}},"wanted":{{json .HostConfig.PortBindings}},"network":{{json .HostConfig.NetworkMode}}}}'
