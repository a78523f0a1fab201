# The verb prune: images of the project that nobody here needs. POSIX sh with local.

do_prune() { # no container, no definition, no release of any project needs them
  local needed mine ids names id name tag image
  needed=$(images_of "$root"/*/compose.yaml "$root"/*/releases/*/compose.yaml "$root"/*/.stage/compose.yaml) &&
    mine=$(images_of compose.yaml releases/*/compose.yaml) || {
    failed 0 prune
    return
  }
  # shellcheck disable=SC2086 # a word for each image
  ids=$(docker image inspect --format '{{.Id}}' $needed 2>/dev/null)
  names=$(echo "$mine" | repositories; cat .retired 2>/dev/null)
  docker image ls --no-trunc --format '{{.ID}} {{.Repository}} {{.Tag}}' | while read -r id name tag; do
    case "$ids" in *"$id"*) continue ;; esac
    printf '%s\n' "$names" | grep -qxF "$name" || continue
    case $tag in '<none>') image=$id ;; *) image=$name:$tag ;; esac
    # Without force: what a container was made from stays, ours or not.
    docker image rm "$image" >/dev/null 2>&1 && say pruned "$image"
  done
  rm -f .retired
  ok 0
}

images_of() { # compose files, some of which may not be there
  local file
  for file in "$@"; do
    [ ! -f "$file" ] || compose -f "$file" config --images 2>/dev/null || return
  done
}
