"""The target of a host, from the inventory's options and the SSH configuration. Nothing is connected."""

from __future__ import annotations

import pytest

from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Connection
from deploytool.transport.ssh import SshSettings
from deploytool.transport.ssh.resolve import resolve
from deploytool.transport.ssh.target import Target
from tests.ssh.home import Home

SETTINGS = SshSettings(connect_timeout_s=10, keepalive_s=15)


def target(address: str = "shop", **parts: object) -> Target:
    return resolve("h1", Connection(address, **parts), SETTINGS)  # type: ignore[arg-type]


def refusal(**parts: object) -> HostUnreachable:
    with pytest.raises(HostUnreachable) as caught:
        target(**parts)
    assert (caught.value.setup, caught.value.host) == (True, "h1")
    return caught.value


def test_the_inventory_wins_over_the_file(home: Home) -> None:
    """As ``ssh -o``: what the inventory says comes first; what it leaves open is the file's."""
    home.configure(
        "Host shop\n HostName 10.0.0.7\n User carol\n Port 2022\n ConnectTimeout 3\n Compression yes"
    )
    found = target(port=22, options=(("connecttimeout", "4"),))
    assert (found.address, found.user, found.port) == ("10.0.0.7", "carol", 22)
    assert (found.connect_timeout_s, found.compress, found.keepalive_s) == (4, True, 15)


def test_match_and_wildcards(home: Home) -> None:
    """Patterns, exclusions and ``Match`` select blocks; the first value of an option counts."""
    home.configure(
        "Host *.example !db.*\n User web\nMatch host db.example\n User dba\n"
        "Match user dba\n Port 2200\nMatch all\n Port 23\n"
    )
    assert (target("a.example").user, target("a.example").port) == ("web", 23)
    assert (target("db.example").user, target("db.example").port) == ("dba", 2200)


def test_included_files_count_where_they_stand(home: Home) -> None:
    """``Include`` takes patterns, relative to ~/.ssh; inside a block it is under the block's condition."""
    (home.ssh / "conf.d").mkdir()
    (home.ssh / "conf.d" / "1").write_text("Host a\n Port 1001\nHost b\n Port 1002\n")
    (home.ssh / "inner").write_text("User inner\nHost b*\n Port 7\n")
    home.configure("Include conf.d/*\nHost c\n Include inner\n User late\n Port 9\nHost bc\n Port 8\n")
    assert [target(name).port for name in ("a", "b", "c", "bc")] == [1001, 1002, 9, 8]
    assert target("c").user == "inner"


def test_an_include_that_includes_itself_ends(home: Home) -> None:
    """As in ssh, there is a limit to nesting."""
    home.configure("Include config\n")
    assert "levels of Include" in str(refusal())


def test_another_file_replaces_both(home: Home) -> None:
    """``-F FILE``; ``-F none`` is no file; a file that is missing is an error."""
    home.configure("Port 1\n")
    other = home.ssh / "other"
    other.write_text("Port 2\n")
    assert [target(config_file=name).port for name in (None, str(other), "none")] == [1, 2, 22]
    assert str(refusal(config_file="/no/such")) == "/no/such: no such file or directory"


def test_key_files_of_both_are_tried(home: Home) -> None:
    """The inventory's first, then the configuration's; default keys only where nobody names one."""
    home.configure("IdentityFile ~/.ssh/general\n")
    found = target(key_files=("~/mine",))
    assert found.key_files == (str(home.ssh.parent / "mine"), str(home.ssh / "general"))
    home.configure("")
    assert str(home.ssh / "id_ed25519") in target().key_files


def test_lists_of_known_hosts_files(home: Home) -> None:
    """Several files, quotes and ``~`` as in ssh."""
    found = target(options=(("userknownhostsfile", '~/one "/two words"'), ("globalknownhostsfile", "none")))
    assert found.known_hosts == (str(home.ssh.parent / "one"), "/two words")
    assert found.global_known_hosts == ()


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ("ProxyJump b", "ProxyCommand nc %h %p", "jump"),
        ("ProxyCommand nc %h %p", "ProxyJump b", "command"),
        ("ProxyJump none", "ProxyCommand nc %h %p", ""),
        ("ProxyCommand none", "ProxyJump b", ""),
    ],
)
def test_the_first_kind_of_proxy_counts(first: str, second: str, kind: str, home: Home) -> None:
    """ProxyJump and ProxyCommand exclude each other, and ``none`` excludes both."""
    home.configure(f"Host shop\n {first}\n {second}\n")
    found = target()
    assert (found.jump is not None, found.expanded_proxy_command) == (
        kind == "jump",
        "nc shop 22" if kind == "command" else "",
    )


def test_a_jump_host_may_be_an_address(home: Home) -> None:
    """User, port and IPv6 address of a hop are read as ssh reads them."""
    jump = target(options=(("proxyjump", "ssh://me@[2001:db8::1]:2200"),)).jump
    assert jump is not None
    assert (jump.user, jump.where) == ("me", "[2001:db8::1]:2200")


def test_jump_hosts_that_lead_in_a_circle(home: Home) -> None:
    """An endless row of jump hosts is an error."""
    home.configure("Host a\n ProxyJump b\nHost b\n ProxyJump a\n")
    assert "does ProxyJump lead back to itself?" in str(refusal(address="a"))


def test_an_option_without_meaning_is_an_error_wherever_it_stands(home: Home) -> None:
    """Never ignored in silence: in the inventory and in the file."""
    assert "'bindinterface=eth0' has no meaning here" in str(refusal(options=(("bindinterface", "eth0"),)))
    home.configure("Host shop\n BindInterface eth0\n")
    assert "'bindinterface=eth0' has no meaning here" in str(refusal())
    home.configure("IgnoreUnknown Bind*\nHost shop\n BindInterface eth0\n")
    assert target().port == 22


@pytest.mark.parametrize(
    "text",
    [
        "Port x",
        "Port 0",
        "Compression perhaps",
        "Match tagged x",
        "Match host",
        "Host 'a",
        "ProxyJump @",
        "Port",
    ],
)
def test_nonsense_is_an_error(text: str, home: Home) -> None:
    """A broken configuration is a sentence, not a traceback."""
    home.configure(f"{text}\n")
    assert str(refusal())


def test_a_line_break_cannot_smuggle_an_option(home: Home) -> None:
    """An option's value stays one value."""
    assert "has a line break" in str(refusal(options=(("user", "x\nProxyCommand touch /tmp/x"),)))


def test_what_debian_ships_is_harmless(home: Home) -> None:
    """The defaults of a distribution's ssh_config, and what people have at home, are no errors."""
    home.configure(
        "Host *\n SendEnv LANG LC_*\n HashKnownHosts yes\n GSSAPIAuthentication yes\n ControlMaster auto\n"
        " ControlPath ~/.ssh/%C\n ControlPersist 10m\n AddKeysToAgent yes\n SetEnv TERM=xterm\n"
        " LogLevel ERROR\n ServerAliveInterval 30\n ForwardX11 no\n VisualHostKey yes\n RequestTTY no\n"
    )
    found = target()
    assert (found.keepalive_s, found.hash_known_hosts) == (30, True)
