# The verb prepare: the files and the images of what will be started, before anything changes. POSIX sh with local.

do_prepare() { # words; stdin: see stage
  local task='' proxies='' known_key='' known_version='' known_facts='' known_root='' image='' pull=''
  each task : "$@"
  lease_take
  rm -f "$root/$ingress/projects/$project/state/leaving" # the plan before lets nothing go any more
  [ -z "$proxies" ] || proxy_folders
  stage
  pull_images "$@"
  end_beat
  ok 0
  look "$root" keep
}

proxy_folders() { # Envoy watches these, and does not start without them
  local name
  mkdir -p xds run projects
  for name in xds/cds.json xds/lds.json; do
    [ -f "$name" ] || echo '{"resources":[]}' >"$name"
  done
}

pull_images() { # words; an image that is there is not asked for again, unless the policy says so
  local images='' always=''
  each image note_image "$@"
  [ -n "$images" ] || return 0
  # shellcheck disable=SC2086 # a word for each image
  [ -z "$always" ] && brief docker image inspect $images >/dev/null 2>&1 || each image pull_image "$@"
}

note_image() {
  images="$images $image"
  [ "$pull" != always ] || always=yes
}

pull_image() {
  local refusal
  [ "$pull" = always ] || ! docker image inspect "$image" >/dev/null 2>&1 || return 0
  if [ "$pull" = never ]; then
    failed 0 image-missing image "$image"
    exit 0
  fi
  refusal=$(docker pull -q "$image" 2>&1) || {
    engine_answers
    failed 0 image-refused image "$image" said "$refusal"
    exit 0
  }
}
