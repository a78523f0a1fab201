# What replicas wrote, a document a line: {"at":TIME,"of":ID,"text":…}, where TIME may be empty. A long line comes in
# pieces: "part" is continued. POSIX sh; needs Docker, coreutils, awk and sed.
# First {"replica":ID,…} for each container. Then what was written so far, by time over all of them; with "follow"
# then {"live":true}, and what comes from then on as it comes, also of replicas that start meanwhile, until the
# input ends.
follow='' since='' tail=''
while [ $# -ge 2 ]; do
  case $1 in
    --follow) follow=$2 ;;
    --since) since=$2 ;;
    --tail) tail=$2 ;;
    *) break ;;
  esac
  shift 2
done # the rest are pairs of --project and --service

# Each replica's lines are merged with those of others in whole lines: what writes them flushes at each end of
# line, and a line is short enough to be written at once, also where each of its bytes needs an escape. It is cut
# between two characters of UTF-8.
escapes
inner=$(printf '[\200-\277]') # a byte within a character
# shellcheck disable=SC2016 # the dollars are sed's
cut='
/^[0-9]\{4\}-[0-9][0-9]-[^ ]*Z /!s/^/ /
:more
s/./&\
/620
s/\n\('"$inner"'\{1,3\}\)/\1\
/
/\n/{
h
s/\n.*//
'"$escape"'
s/^\([^ ]*\) \(.*\)/{"at":"\1","of":"ID","part":"\2"}/
p
g
s/^\([^ ]* \)[^\n]*\n/\1/
b more
}
'"$escape"'
s/^\([^ ]*\) \(.*\)/{"at":"\1","of":"ID","text":"\2"}/'
if command -v stdbuf >/dev/null 2>&1; then
  lines() { stdbuf -oL sed "$1"; }
else
  lines() { sed -u "$1"; }
fi

written() { # id, then options of docker logs
  local id="$1" short
  shift
  short=$(printf %.12s "$id")
  docker logs --timestamps "$@" "$id" 2>&1 | lines "$(printf '%s\n' "$cut" | sed "s/\"of\":\"ID\"/\"of\":\"$short\"/")"
}

known() { # project, service: its containers, as lines of ID SERVICE NUMBER PROJECT NAME STATUS
  docker ps --all --no-trunc \
    --filter label=deploytool.spec --filter label=com.docker.compose.oneoff=False \
    --filter "label=com.docker.compose.project=$1" --filter "label=com.docker.compose.service=$2" \
    --format "{{.ID}} $2 {{.Label \"com.docker.compose.container-number\"}} $1 {{.Names}} {{.Status}}"
}

every() { # --project and --service, in pairs
  while [ $# -ge 4 ]; do
    known "$2" "$4" || return
    shift 4
  done
}

is_wanted() { # project, service, --project and --service in pairs
  local project="$1" service="$2"
  shift 2
  while [ $# -ge 4 ]; do
    [ "$2/$4" != "$project/$service" ] || return 0
    shift 4
  done
  return 1
}

introduce() { # id, service, number, project, name
  say replica "$1" service "$2" number "$3" project "$4" name "$5"
}

follow_one() { # id, since
  : >"$work/on-$1"
  written "$1" --follow --since "$2" &
}

command -v docker >/dev/null 2>&1 || {
  echo 'docker is not installed' >&2
  exit 127
}
docker version --format '{{.Server.Version}}' >/dev/null || exit
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM HUP INT
exec 3<&0 </dev/null
# Nobody reads any more: all that was started here is in one process group, or its pipe is closed.
{
  while read -r _; do :; done
  trap '' TERM
  rm -rf "$work"
  kill 0
} <&3 >/dev/null 2>&1 &
guard=$!

now=$(date +%s)
every "$@" >"$work/known" || exit
while read -r id service number project name status; do
  introduce "$id" "$service" "$number" "$project" "$name"
done <"$work/known"

options="--tail $tail"
[ -z "$since" ] || options="$options --since $since"
[ -z "$follow" ] || options="$options --until $now" # from then on it is followed
count=0
while read -r id _; do
  count=$((count + 1))
  mkfifo "$work/$count"
  # shellcheck disable=SC2086 # words of ours
  written "$id" $options >"$work/$count" &
done <"$work/known"
if [ "$count" -gt 0 ]; then
  # GNU sort merges sixteen at a time unless told otherwise, by way of files on the disk.
  wide=--batch-size=$((count + 2))
  sort $wide /dev/null >/dev/null 2>&1 || wide=
  # The time is all there is before the first comma. shellcheck disable=SC2046,SC2086 # words of ours
  (cd "$work" && sort $wide -m -s -t , -k 1,1 $(seq "$count"))
fi
if [ -z "$follow" ]; then
  kill "$guard" 2>/dev/null
  exit 0
fi
echo '{"live":true}'

while read -r id service number project name status; do
  case $status in Up*) follow_one "$id" "$now" ;; esac
done <"$work/known"
label='index .Actor.Attributes "com.docker.compose'
docker events --since "$now" --filter type=container --filter event=start --filter event=die \
  --filter label=deploytool.spec --filter label=com.docker.compose.oneoff=False \
  --format "{{.TimeNano}} {{.Action}} {{.ID}} {{$label.service\"}} {{$label.container-number\"}} {{$label.project\"}} {{.Actor.Attributes.name}}" |
  while read -r nanos action id service number project name; do
    is_wanted "$project" "$service" "$@" || continue
    if [ "$action" = die ]; then
      seconds=${nanos%?????????}
      echo "$seconds.${nanos#"$seconds"}" >"$work/off-$id"
      rm -f "$work/on-$id"
    elif [ ! -e "$work/on-$id" ]; then
      introduce "$id" "$service" "$number" "$project" "$name"
      follow_one "$id" "$(cat "$work/off-$id" 2>/dev/null || echo "$now")"
    fi
  done
echo 'the Docker engine ended its events' >&2
exit 1
