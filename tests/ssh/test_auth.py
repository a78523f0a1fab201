"""Who gets in with what, and what is said when nobody does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from deploytool.errors import HostUnreachable
from deploytool.model.secret import Secret
from deploytool.transport.ssh import SshSettings, SshTransport
from tests.ssh.agent_double import agent_with
from tests.ssh.home import Home
from tests.ssh.sshd_double import SshServer, ed25519_pem

Start = Callable[..., SshServer]
Connect = Callable[..., SshTransport]


def refusal(host: SshTransport) -> HostUnreachable:
    with pytest.raises(HostUnreachable) as caught:
        host.run(["true"])
    assert caught.value.setup
    return caught.value


def test_a_password_gets_in(start: Start, connect: Connect) -> None:
    """Where no key is taken, the password of the inventory is."""
    server = start()
    server.public_keys.clear()
    server.passwords.add("open sesame")
    assert connect(server, password=Secret("open sesame")).run(["true"]).exit_code == 0
    assert server.logins == ["password"]


def test_a_wrong_password_is_said_without_the_password(start: Start, connect: Connect) -> None:
    """The message names user, address and what was tried, and no secret."""
    server = start()
    server.public_keys.clear()
    server.passwords.add("open sesame")
    error = refusal(connect(server, password=Secret("hunter2"), key_files=()))
    assert str(error) == (
        f"127.0.0.1:{server.port} does not let user someone in: tried the password; it takes password"
    )
    assert "ansible_password" in error.hint
    assert "hunter2" not in str(error) + error.hint


def test_keys_that_were_tried_are_named(start: Start, connect: Connect, home: Home) -> None:
    """Paths of keys, those that cannot be used with the reason, and what to do."""
    server = start()
    server.public_keys = {b"other"}
    missing = str(home.ssh / "missing")
    error = refusal(connect(server, key_files=(str(home.key_file), missing, str(home.known_hosts))))
    assert f"tried {home.key_file}; cannot use {missing} (no such file or directory)" in str(error)
    assert f"{home.known_hosts} (not a private key of a kind that can be read)" in str(error)
    assert "authorized_keys" in error.hint


def test_an_rsa_key_gets_in(start: Start, connect: Connect, home: Home, rsa_key: paramiko.RSAKey) -> None:
    """Each kind of key that can be read is tried as what it is."""
    server, file = start(), home.ssh / "id_other"
    rsa_key.write_private_key_file(str(file))
    server.public_keys = {rsa_key.asbytes()}
    assert connect(server, key_files=(str(file),)).run(["true"]).exit_code == 0


def test_the_default_keys_are_tried_where_nobody_names_one(
    start: Start, connect: Connect, home: Home
) -> None:
    """``~/.ssh/id_ed25519`` needs no mention."""
    home.key_file.rename(home.ssh / "id_ed25519")
    assert connect(start(), key_files=()).run(["true"]).exit_code == 0


def test_no_key_at_all_is_said(start: Start, connect: Connect) -> None:
    """Nothing to try is a sentence of its own."""
    error = refusal(connect(start(), key_files=()))
    assert "there is no key or password to try" in str(error)
    assert "ansible_ssh_private_key_file" in error.hint


@pytest.fixture
def encrypted(home: Home) -> paramiko.PKey:
    home.key_file.write_text(ed25519_pem("a phrase"))
    return paramiko.Ed25519Key.from_private_key_file(str(home.key_file), "a phrase")


def test_an_encrypted_key_asks_for_an_agent(
    start: Start, connect: Connect, home: Home, encrypted: paramiko.PKey
) -> None:
    """Without passphrase: the key is named, and the hint says how to unlock it."""
    error = refusal(connect(start()))
    assert f"cannot use {home.key_file} (encrypted)" in str(error)
    assert f"ssh-add {home.key_file}" in error.hint
    assert "DEPLOYTOOL_KEY_PASSPHRASE" in error.hint


def test_the_passphrase_may_come_from_the_environment(
    start: Start, connect: Connect, encrypted: paramiko.PKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CI has no terminal to ask on."""
    server = start()
    server.public_keys = {encrypted.asbytes()}
    monkeypatch.setenv("DEPLOYTOOL_KEY_PASSPHRASE", "a phrase")
    assert connect(server).run(["true"]).exit_code == 0


def test_the_passphrase_is_asked_for_once(start: Start, connect: Connect, encrypted: paramiko.PKey) -> None:
    """Many hosts with one key are one question; a wrong answer is said."""
    server, asked = start(), []
    server.public_keys = {encrypted.asbytes()}

    def ask(path: str) -> Secret:
        asked.append(path)
        return Secret("a phrase")

    for _ in range(3):
        assert connect(server, settings=SshSettings(passphrase=ask)).run(["true"]).exit_code == 0
    assert len(asked) == 1


def test_a_wrong_passphrase_is_said(
    start: Start, connect: Connect, encrypted: paramiko.PKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is neither a crash nor taken for a refused key."""
    monkeypatch.setenv("DEPLOYTOOL_KEY_PASSPHRASE", "another")
    assert "(wrong passphrase)" in str(refusal(connect(start())))


@pytest.fixture
def agent(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An agent that has the key of ``home``."""
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    with agent_with(tmp_path / "agent", [home.key]):
        yield


def test_the_agent_signs(start: Start, connect: Connect, home: Home, agent: None) -> None:
    """A key that only the agent has gets in."""
    home.key_file.unlink()
    assert connect(start(), key_files=()).run(["true"]).exit_code == 0


def test_a_named_key_that_is_encrypted_is_taken_from_the_agent(
    start: Start, connect: Connect, home: Home, agent: None
) -> None:
    """Its public half beside it tells which key of the agent it is; no passphrase is asked for."""
    home.key_file.with_suffix(".pub").write_text(f"{home.key.get_name()} {home.key.get_base64()} me\n")
    home.key_file.write_text(ed25519_pem("a phrase"))
    assert connect(start()).run(["true"]).exit_code == 0


def test_identities_only_leaves_the_agent_alone(
    start: Start, connect: Connect, home: Home, agent: None
) -> None:
    """With ``IdentitiesOnly`` a key of the agent is used only where its public half is named."""
    server = start()
    public = home.ssh / "named.pub"
    public.write_text(f"{home.key.get_name()} {home.key.get_base64()} me\n")
    home.key_file.unlink()
    only = (("identitiesonly", "yes"),)
    assert "no key or password to try" in str(refusal(connect(server, key_files=(), options=only)))
    assert connect(server, key_files=(str(public),), options=only).run(["true"]).exit_code == 0


def test_an_agent_that_is_gone_is_no_failure(
    start: Start, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stale SSH_AUTH_SOCK, as a closed terminal leaves it, changes nothing."""
    monkeypatch.setenv("SSH_AUTH_SOCK", f"/tmp/no-such-agent-{os.getpid()}")
    assert connect(start()).run(["true"]).exit_code == 0


def test_the_configured_methods_count(start: Start, connect: Connect) -> None:
    """``PreferredAuthentications`` and ``PubkeyAuthentication no`` leave out what they leave out."""
    server = start()
    server.passwords.add("pw")
    for options in ((("preferredauthentications", "password"),), (("pubkeyauthentication", "no"),)):
        assert connect(server, options=options, password=Secret("pw")).run(["true"]).exit_code == 0
    assert server.logins == ["password", "password"]
