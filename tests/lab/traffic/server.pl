#!/usr/bin/perl
# A server on port 8080 that can be slow and speak WebSocket; a process for each connection.
#   GET /            which container this is          GET /slow?3      the same, after three seconds
#   GET /ws          a WebSocket that echoes            GET /up       says that it is well, whatever happens
# While there is a file /broken, everything but /up is answered with the status that is in it.
# At SIGTERM it ends what is under way in order: answers get finished, WebSockets get a goodbye.
use strict;
use warnings;
use IO::Socket::INET;
use POSIX ":sys_wait_h";

my $me = "traffic/web:" . ($ENV{VERSION} // 0) . " on " . (POSIX::uname())[1];
my ($leaving, %children) = (0);

if (@ARGV && $ARGV[0] eq "check") {
    my $link = IO::Socket::INET->new(PeerAddr => "127.0.0.1:8080", Timeout => 2) or exit 1;
    print $link "GET /up HTTP/1.1\r\nConnection: close\r\n\r\n";
    exit(<$link> !~ / 200 /);
}
exit 1 if $ENV{SICK};

my $server = IO::Socket::INET->new(LocalAddr => "0.0.0.0:8080", Listen => 128, ReuseAddr => 1) or die $!;
$SIG{TERM} = sub { $leaving = 1 };
$SIG{CHLD} = sub { while ((my $pid = waitpid -1, WNOHANG) > 0) { delete $children{$pid} } };
until ($leaving) {
    my $link = $server->accept or next;
    my $pid = fork;
    if (!$pid) { close $server; $SIG{CHLD} = "DEFAULT"; serve($link); POSIX::_exit(0) }
    $children{$pid} = 1;
    close $link;
}
close $server;
kill TERM => keys %children;
$SIG{CHLD} = "DEFAULT";
1 while waitpid(-1, 0) > 0;

sub serve {
    my ($link) = @_;
    $link->autoflush(1);
    while (my $request = head($link)) {
        my ($path) = $request =~ m{^\S+ (\S+)};
        return socket_of($link) if $path eq "/ws";
        if ($path =~ m{^/slow\?(\d+)}) { my $until = time + $1; select undef, undef, undef, 0.1 while time < $until }
        my $last = $leaving || $request =~ /^connection: close/mi;
        my $close = $last ? "Connection: close\r\n" : "";
        printf $link "HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s\n", status($path), 1 + length $me, $close, $me;
        return if $last;
    }
}

sub status {
    my ($path) = @_;
    return "200 OK" if $path eq "/up" || !open my $file, "<", "/broken";
    my $code = <$file>;
    return "$code Broken";
}

sub head { # until the empty line; nothing when the other side, or we, have had enough
    my ($link) = @_;
    my $head = "";
    until ($head =~ /\r\n\r\n$/) {
        my $ready = "";
        vec($ready, fileno $link, 1) = 1;
        next if select($ready, undef, undef, 0.5) < 1 && !$leaving;
        return if $leaving && !vec($ready, fileno $link, 1);
        sysread($link, $head, 1, length $head) or return;
    }
    return $head;
}

sub socket_of {
    my ($link) = @_;
    print $link "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    while (1) {
        my $ready = "";
        vec($ready, fileno $link, 1) = 1;
        my $found = select($ready, undef, undef, 0.5);
        if ($leaving) { print $link "\x88\x00"; return }
        next if $found < 1;
        my $first = exactly($link, 2) // return;
        my ($opcode, $size) = (ord($first) & 15, ord(substr $first, 1) & 127);
        my $mask = exactly($link, 4) // return;
        my $payload = $size ? exactly($link, $size) // return : "";
        return if $opcode == 8;
        $payload ^= substr($mask x (1 + $size / 4), 0, $size);
        print $link "\x81" . chr($size) . $payload;
    }
}

sub exactly {
    my ($link, $count) = @_;
    my $got = "";
    while (length $got < $count) { sysread($link, $got, $count - length $got, length $got) or return }
    return $got;
}
