"""Host keys are always checked, and every refusal says what to do."""

from __future__ import annotations

import base64
import os
import shlex
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from deploytool.errors import HostUnreachable
from deploytool.transport.ssh import SshSettings, SshTransport
from deploytool.transport.ssh.host_keys import fingerprint
from tests.ssh.home import Home
from tests.ssh.sshd_double import SshServer, ed25519_key

Start = Callable[..., SshServer]
Connect = Callable[..., SshTransport]
ACCEPT_NEW = SshSettings(accept_new_host_keys=True)


def refusal(host: SshTransport) -> HostUnreachable:
    with pytest.raises(HostUnreachable) as caught:
        host.run(["true"])
    assert caught.value.setup
    assert caught.value.host == "h1"
    return caught.value


def hashed(name: str) -> str:
    return paramiko.HostKeys.hash_host(name, "|1|" + base64.b64encode(os.urandom(20)).decode() + "|")


def test_an_unknown_key_is_refused_before_the_login(start: Start, connect: Connect, home: Home) -> None:
    """The hint has the exact line that would add it, and the flag for first contact."""
    server = start(known=False)
    error = refusal(connect(server))
    shown = fingerprint(server.host_keys[0].asbytes())
    assert str(error) == f"the host key of 127.0.0.1:{server.port} is not known: it shows ssh-ed25519 {shown}"
    assert f"ssh-keyscan -p {server.port} 127.0.0.1 >> {home.known_hosts}" in error.hint
    assert "--accept-new-host-keys" in error.hint
    assert server.logins == []


def test_a_changed_key_is_refused_with_both_fingerprints(start: Start, connect: Connect, home: Home) -> None:
    """Also when new keys are accepted. The hint has the line that forgets the old one."""
    server, old = start(known=False), ed25519_key()
    home.known_hosts.write_text(server.known_as(key=old))
    for settings in (SshSettings(), ACCEPT_NEW):
        error = refusal(connect(server, settings=settings))
        assert "has changed" in str(error)
        assert fingerprint(old.asbytes()) in str(error)
        assert fingerprint(server.host_keys[0].asbytes()) in str(error)
        assert f"ssh-keygen -R '[127.0.0.1]:{server.port}' -f {home.known_hosts}" in error.hint
    assert server.logins == []


def test_the_known_type_is_asked_for(
    start: Start, connect: Connect, home: Home, rsa_key: paramiko.RSAKey
) -> None:
    """A host that is known by its RSA key has not changed because it also offers ed25519."""
    server = start(ed25519_key(), rsa_key, known=False)
    home.known_hosts.write_text(server.known_as(key=rsa_key))
    assert connect(server).run(["true"]).exit_code == 0


def test_a_new_type_of_a_known_host_is_not_new(
    start: Start, connect: Connect, home: Home, rsa_key: paramiko.RSAKey
) -> None:
    """Whoever answers may not choose a type that known_hosts lacks, even where new hosts are accepted."""
    server = start(known=False)
    home.known_hosts.write_text(server.known_as(key=rsa_key))
    assert "has changed" in str(refusal(connect(server, settings=ACCEPT_NEW)))


@pytest.mark.parametrize("how", ["hashed", "plain address", "wildcard", "second line", "second file"])
def test_known_hosts_is_read_as_ssh_does(how: str, start: Start, connect: Connect, home: Home) -> None:
    """Hashed names, an address for all its ports, patterns, several keys of a type, a second file."""
    server = start(known=False)
    name = f"[127.0.0.1]:{server.port}"
    text = {
        "hashed": server.known_as(hashed(name)),
        "plain address": server.known_as("127.0.0.1"),
        "wildcard": "# comment\n\nbroken line\n" + server.known_as(f"other,[127.0.0.*]:{server.port}"),
        "second line": server.known_as(key=ed25519_key()) + server.known_as(),
        "second file": "",
    }[how]
    home.known_hosts.write_text(text)
    if how == "second file":
        (home.ssh / "known_hosts2").write_text(server.known_as())
    assert connect(server).run(["true"]).exit_code == 0


def test_a_negated_pattern_excludes(start: Start, connect: Connect, home: Home) -> None:
    """``*,!host`` is not about the host."""
    server = start(known=False)
    home.known_hosts.write_text(server.known_as(f"*,![127.0.0.1]:{server.port},!127.0.0.1"))
    assert "is not known" in str(refusal(connect(server)))


def test_a_revoked_key_is_refused(start: Start, connect: Connect, home: Home) -> None:
    """``@revoked`` wins over every other line."""
    server = start()
    home.known_hosts.write_text(server.known_as() + "@revoked " + server.known_as("*"))
    assert "is marked as revoked" in str(refusal(connect(server)))


def test_first_contact_is_remembered(start: Start, connect: Connect, home: Home) -> None:
    """``accept-new`` adds the key to the first file, which then stands on its own."""
    server = start(known=False)
    home.known_hosts.write_text("# no line end")
    options = (("stricthostkeychecking", "accept-new"),)
    assert connect(server, options=options).run(["true"]).exit_code == 0
    assert home.known_hosts.read_text() == "# no line end\n" + server.known_as()
    assert connect(server).run(["true"]).exit_code == 0


def test_first_contact_makes_the_file(start: Start, connect: Connect, home: Home, tmp_path: Path) -> None:
    """The file and its folder are made, for the user alone; names are hashed where ssh would."""
    server, file = start(known=False), tmp_path / "new folder" / "known"
    options = (("userknownhostsfile", shlex.quote(str(file))), ("hashknownhosts", "yes"))
    assert connect(server, options=options, settings=ACCEPT_NEW).run(["true"]).exit_code == 0
    assert file.read_text().startswith("|1|")
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert connect(server, options=options).run(["true"]).exit_code == 0


def test_an_alias_is_looked_up_instead(start: Start, connect: Connect, home: Home) -> None:
    """``HostKeyAlias`` replaces address and port."""
    server = start(known=False)
    host = connect(server, options=(("hostkeyalias", "Shop-1"),))
    assert f"| sed 's/^[^ ]*/shop-1/' >> {home.known_hosts}" in refusal(host).hint
    home.known_hosts.write_text(server.known_as("shop-1"))
    assert host.run(["true"]).exit_code == 0


@pytest.mark.parametrize("value", ["no", "off"])
def test_checking_cannot_be_turned_off(value: str, start: Start, connect: Connect) -> None:
    """The error points to accept-new, and nothing was connected."""
    server = start()
    error = refusal(connect(server, options=(("stricthostkeychecking", value),)))
    assert "host keys are always checked" in str(error)
    assert "accept-new" in error.hint
    assert server.connections == 0
