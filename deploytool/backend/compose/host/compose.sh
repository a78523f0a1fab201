# Docker Compose, and the containers of the project. POSIX sh with local.

compose() { # the plugin itself where it is found: by way of docker it is started twice, and docker beside it
  local places place
  plugin_places
  for place in $places; do
    [ -x "$place" ] || continue
    "$place" "$@"
    return
  done
  docker compose "$@"
}

engine_answers() { # or ends the verb: what it did is not known then
  docker version >/dev/null 2>&1 || exit 79
}

list() { # sets listed: the project's containers, a line each of ID SERVICE SPEC STATUS; and since, a time before
  since=$(date +%s)
  listed=$(brief docker ps --all --no-trunc --filter "label=com.docker.compose.project=$project" \
    --filter label=com.docker.compose.oneoff=False \
    --format '{{.ID}} {{.Label "com.docker.compose.service"}} {{.Label "deploytool.spec"}} {{.Status}}') || exit 79
}

count_of() { # service: sets count, of its containers in the list
  local of
  count=0
  while read -r _ of _; do [ "$of" != "$1" ] || count=$((count + 1)); done <<END
$listed
END
}

ids_of() { # service, spec: sets ids, of its containers in the list that were made from the spec
  local id of made_from
  ids=''
  while read -r id of made_from _; do
    [ "$of $made_from" != "$1 $2" ] || ids="$ids${ids:+ }$id"
  done <<END
$listed
END
}

remove_networks() {
  local network
  docker network ls --quiet --filter "label=com.docker.compose.project=$project" | while read -r network; do
    docker network rm "$network" >/dev/null 2>&1 || : # in use by a container that is not ours
  done
}
