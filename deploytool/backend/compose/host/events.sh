# What happens to the containers of this host, as Docker's JSON, until its input ends. POSIX sh; needs Docker.
# First {"begin":true}: from then on nothing is missed. Arguments: the actions to tell of.
command -v docker >/dev/null 2>&1 || {
  echo 'docker is not installed' >&2
  exit 127
}
since=$(date +%s.%N) # to the second, what happened a moment ago would be told as well
case $since in *[!0-9.]* | *.) since=$(date +%s) ;; esac # a date that knows no %N
for action in "$@"; do
  set -- "$@" --filter "event=$action"
  shift
done
# The engine answers before the begin is said: a feed from an engine that is down must not look alive.
docker version --format '{{.Server.Version}}' >/dev/null || exit
echo '{"begin":true}'
exec 3<&0
docker events --since "$since" --filter type=container "$@" --format '{{json .}}' 3<&- &
events=$!
# Without this, a feed that nobody reads any more would stay on the host until something happens there.
{
  while read -r _; do :; done
  kill "$events"
} <&3 >/dev/null 2>&1 &
guard=$!
wait "$events"
code=$?
kill "$guard" 2>/dev/null
exit "$code"
