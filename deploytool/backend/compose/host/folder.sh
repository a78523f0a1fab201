# What else lies in a project's folder. POSIX sh with local.

note_others() { # where a list may have come of other hosts that may hold something; none came: there are none
  if [ -f "$1/others" ]; then mv -f "$1/others" others; else rm -f others; fi
}

drop_releases() { # numbers
  local old
  for old in "$@"; do
    compose -f "releases/$old/compose.yaml" config --images 2>/dev/null | repositories >>.retired
    rm -rf "releases/$old"
  done
  [ ! -f .retired ] || sort -u -o .retired .retired # for do_prune, which may never come
}

collect() { # files that neither the current definition nor a release mentions
  local folder sha
  for folder in files/*/; do
    sha=${folder#files/}
    grep -qsF "files/$sha" compose.yaml releases/*/compose.yaml || rm -rf "$folder"
  done
}

repositories() { # image names, one a line → as docker image ls calls their repositories
  sed -e 's/@.*//' -e 's/:[^/:]*$//' -e 's|^index\.||' -e 's|^docker\.io/||' -e 's|^library/||' | grep . | sort -u
}
