# Envoy's admin socket, asked with what the host has. POSIX sh with local.

admin() { # socket, method, path: what Envoy answers
  if command -v curl >/dev/null 2>&1; then
    curl -sf --max-time 5 -X "$2" --unix-socket "$1" "http://admin$3"
  elif command -v perl >/dev/null 2>&1; then
    perl -e "$by_perl" "$1" "$2" "$3"
  else
    echo 'no client' >&2
    return 3
  fi
}
# shellcheck disable=SC2016 # the dollars are Perl's
by_perl='use IO::Socket::UNIX; alarm 5; my ($path, $method, $url) = @ARGV;
my $s = IO::Socket::UNIX->new($path) or exit 2;
print $s "$method $url HTTP/1.1\r\nHost: admin\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"; $s->flush;
local $/; my ($head, $body) = split /\r\n\r\n/, scalar <$s>, 2;
if ($head =~ /transfer-encoding: chunked/i) {
  my $out = "";
  while ($body =~ s/^([0-9a-f]+)\r\n//i) { my $n = hex $1 or last; $out .= substr $body, 0, $n; substr($body, 0, $n + 2) = "" }
  $body = $out;
}
print $body; exit($head !~ /^HTTP\S+ 200/);'

lingers() { # where a proxy's files are: it was let go, its time is not over, and it has connections
  [ -f "$1.until" ] && [ "$(date +%s)" -lt "$(cat "$1.until")" ] && [ "$(connections "$1.sock")" -gt 0 ]
}

connections() { # a proxy's admin socket: how many it holds of clients and of other hosts' proxies
  admin "$1" GET '/stats?filter=^http\.port-.*downstream_cx_active$|^tcp\..*downstream_cx_active$' 2>/dev/null |
    awk '{ sum += $2 } END { print sum + 0 }'
}

names_in() { # the clusters that stand on stdin, one a line
  sed -n 's/.*"name":"\([^"]*\)","outlier.*/\1/p'
}
