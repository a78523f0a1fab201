# Prints what replicas wrote, one line each: "TIME ID TEXT". POSIX sh; needs Docker, coreutils and sed.
# First "replica ID SERVICE NUMBER PROJECT NAME" for each container. Then what was written so far, by time over
# all of them; with "follow" then "live", and what comes from then on as it comes, also of replicas that start
# meanwhile, until the input ends. Long lines come in pieces: "TIME ID+TEXT" is continued.
# $1: "follow" or "-"; $2: since, "-" for all; $3: how many lines of each replica, or "all"; then pairs of
# project and service.
follow=$1 since=$2 tail=$3
shift 3
LC_ALL=C
export LC_ALL

# Each replica's lines are merged with those of others in whole lines: what writes them flushes at each end of
# line, and a line is short enough to be written at once.
cut='
/^[0-9]\{4\}-[0-9][0-9]-/!s/^/- /
s/^\([^ ]*\) /\1 ID /
:more
s/./&\
/3840
/\n/{
s/ \([0-9a-f]*\) / \1+/
P
s/+/ /
s/^\([^ ]* [^ ]* \)[^\n]*\n/\1/
b more
}'
if command -v stdbuf >/dev/null 2>&1; then
  lines() { stdbuf -oL sed "$1"; }
else
  lines() { sed -u "$1"; }
fi

written() { # id, then options of docker logs
  id=$1
  shift
  short=$(printf %.12s "$id")
  docker logs --timestamps "$@" "$id" 2>&1 | lines "${cut%%ID*}$short${cut#*ID}"
}

known() { # project, service: its containers, as "ID SERVICE NUMBER PROJECT NAME STATUS"
  docker ps --all --no-trunc \
    --filter label=deploytool.spec --filter label=com.docker.compose.oneoff=False \
    --filter "label=com.docker.compose.project=$1" --filter "label=com.docker.compose.service=$2" \
    --format "{{.ID}} $2 {{.Label \"com.docker.compose.container-number\"}} $1 {{.Names}} {{.Status}}"
}

every() { # pairs
  while [ $# -gt 0 ]; do
    known "$1" "$2" || return
    shift 2
  done
}

is_wanted() { # project, service, pairs
  project=$1 service=$2
  shift 2
  while [ $# -gt 0 ]; do
    [ "$1/$2" != "$project/$service" ] || return 0
    shift 2
  done
  return 1
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
  while read -r line; do :; done
  trap '' TERM
  rm -rf "$work"
  kill 0
} <&3 >/dev/null 2>&1 &
guard=$!

now=$(date +%s)
every "$@" >"$work/known" || exit
while read -r id service number project name status; do
  echo "replica $id $service $number $project $name"
done <"$work/known"

options="--tail $tail"
[ "$since" = - ] || options="$options --since $since"
[ "$follow" = - ] || options="$options --until $now"
count=0
while read -r id rest; do
  count=$((count + 1))
  mkfifo "$work/$count"
  # shellcheck disable=SC2086 # words of ours
  written "$id" $options >"$work/$count" &
done <"$work/known"
if [ "$count" -gt 0 ]; then
  # GNU sort merges sixteen at a time unless told otherwise, by way of files on the disk.
  wide=--batch-size=$((count + 2))
  sort $wide /dev/null >/dev/null 2>&1 || wide=
  (cd "$work" && sort $wide -m -s -k 1,1 $(seq "$count"))
fi
if [ "$follow" = - ]; then
  kill "$guard" 2>/dev/null
  exit 0
fi
echo live

follow() { # id, since
  : >"$work/on-$1"
  written "$1" --follow --since "$2" &
}
while read -r id service number project name status; do
  case $status in Up*) follow "$id" "$now" ;; esac
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
      echo "replica $id $service $number $project $name"
      follow "$id" "$(cat "$work/off-$id" 2>/dev/null || echo "$now")"
    fi
  done
echo 'the Docker engine ended its events' >&2
exit 1
