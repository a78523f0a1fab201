# What a script says: JSON, one document a line. POSIX sh with local.
LC_ALL=C
export LC_ALL

say() { # pairs: NAME TEXT; NAME: and a number, true, false or a document; NAME@ and a file, whose text it is
  local line='' quoted=''
  while [ $# -ge 2 ]; do
    case $1 in
      *:) line="$line,\"${1%:}\":$2" ;;
      *@)
        quote_file "$2"
        line="$line,\"${1%@}\":\"$quoted\""
        ;;
      *)
        quote "$2"
        line="$line,\"$1\":\"$quoted\""
        ;;
    esac
    shift 2
  done
  printf '{%s}\n' "${line#,}"
}

quote() { # text: sets quoted, the inside of a JSON string; most texts need no process
  case $1 in
    *[\"\\]* | *[!\ -~]*)
      escapes
      quoted=$(printf '%s\n' "$1" | sed "$join$escape$newlines")
      ;;
    *) quoted=$1 ;;
  esac
}

quote_file() { # file: sets quoted; of a file that is not there, the empty text
  escapes
  quoted=$(sed "$join$escape$newlines" "$1" 2>/dev/null)
}

quote_lines() { # file: sets quoted, a JSON array of its lines
  local line='' list=''
  while IFS= read -r line || [ -n "$line" ]; do
    quote "$line"
    list="$list,\"$quoted\""
  done <"$1"
  quoted="[${list#,}]"
}

# All of JSON's escapes, of which there is no other list. Bytes that are no UTF-8 stay: the reader decodes a
# line, and replaces them, before it reads the JSON in it. join and newlines make one string of all lines.
escapes() { # sets escape: a sed program that makes a line the inside of a JSON string
  local code=1
  [ -z "$escape" ] || return 0
  set --
  while [ "$code" -lt 32 ]; do
    [ "$code" = 10 ] || set -- "$@" "\\0$((code / 8))$((code % 8))" "$code"
    code=$((code + 1))
  done
  escape='s/\\/\\\\/g
s/"/\\"/g
'$(printf 's/%b/\\\\u%04x/g\n' "$@")
}
escape=''
join=':more
$!{
N
b more
}
'
newlines='
s/\n/\\n/g'
