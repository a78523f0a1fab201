# The verb record: the definition in place, the release on record, the lease given back. POSIX sh with local.

do_record() { # words; stdin: see stage
  local task='' number='' drop=''
  each task : "$@"
  lease_take
  stage
  if [ -f .stage/compose.yaml ]; then
    cp .stage/compose.yaml .stage/compose.next && mv -f .stage/compose.next compose.yaml || no_record
  else
    rm -f compose.yaml
    remove_networks
  fi
  put_on_record && cp "releases/$number/release.json" .stage/release.next && mv -f .stage/release.next release.json ||
    no_record
  rm -rf .stage
  # shellcheck disable=SC2086 # a word for each number
  drop_releases $drop
  collect
  end_beat
  rm -f lease
  ok 0
  look "$root" keep
}

no_record() {
  failed_to_write 0 record
  exit 0
}

put_on_record() { # what is staged becomes the release, whole or not at all
  mkdir -p releases && rm -rf ".stage/$number" && mkdir ".stage/$number" || return
  if [ -f .stage/compose.yaml ]; then mv .stage/compose.yaml ".stage/$number/" || return; fi
  mv .stage/release.json ".stage/$number/" && rm -rf "releases/$number" && mv ".stage/$number" "releases/$number"
}
