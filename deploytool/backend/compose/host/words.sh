# What a script is told: words "--name value", which protocol.py writes. POSIX sh with local.
#
# First come the words of the verb, then records: --task N and the words of that task, --image NAME and how it
# is pulled. A word becomes the variable of its name, which a caller of these functions has made local.

read_words() { # words: those of the verb
  while [ $# -ge 2 ]; do
    case $1 in --task | --image) return ;; esac
    assign "$1" "$2"
    shift 2
  done
}

each() { # kind of record, function, words: calls the function for each record, with its words assigned
  local begins="--$1" call="$2" begun=''
  shift 2
  while [ $# -ge 2 ]; do
    if [ "$1" = "$begins" ]; then
      [ -z "$begun" ] || "$call"
      begun=yes
    fi
    [ -z "$begun" ] || assign "$1" "$2"
    shift 2
  done
  [ -z "$begun" ] || "$call"
}

assign() { # --name, value
  case ${1#--} in
    "$1" | '' | *[!a-z_]*)
      printf 'not a word: %s\n' "$1" >&2
      exit 64
      ;;
  esac
  eval "${1#--}=\$2"
}
