# The definition of a project: staged beside the current one, checked, and put in place. POSIX sh with local.

stage() { # stdin: a tar with compose.yaml (not where nothing is to run), files/, maybe release.json and others
  local refusal found
  rm -rf .stage .news.* # and what a host that was switched off in a wait had left
  mkdir .stage && tar -xpf - -C .stage || {
    failed_to_write 0 files
    exit 0
  }
  # What is in place already was checked when it came.
  if [ -f .stage/compose.yaml ] && ! cmp -s .stage/compose.yaml compose.yaml; then
    refusal=$(compose -p "$project" -f .stage/compose.yaml config -q 2>&1) || {
      rm -rf .stage
      failed 0 definition said "$refusal"
      exit 0
    }
  fi
  note_others .stage
  mkdir -p files
  for found in .stage/files/*; do
    [ -e "$found" ] || continue
    [ -e "files/${found##*/}" ] || mv "$found" files/ || exit 1
  done
}
