"""The SSH transport against real sshd, real sudo and hosts that really freeze."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from deploytool.errors import HostUnreachable
from deploytool.lab.layout import SUDOER_PASSWORD, LabHost
from deploytool.model.inventory import Become, Connection
from deploytool.model.secret import Secret
from deploytool.transport.base import Result
from deploytool.transport.ssh import SshSettings, SshTransport
from tests.lab.labhosts import LabHosts

pytestmark = pytest.mark.lab

SUDO_RULES = "/etc/sudoers.d/deploytool-test"
PATIENCE = SshSettings(connect_timeout_s=2.0)

Connect = Callable[..., SshTransport]


@pytest.fixture
def hosts(lab_hosts: LabHosts) -> tuple[LabHost, ...]:
    return lab_hosts.all


@pytest.fixture
def connect(lab_hosts: LabHosts) -> Iterator[Connect]:
    """Makes a transport to a host of the lab, as root with the lab's key; keywords replace parts."""
    with ExitStack() as stack:

        def connect_one(
            host: LabHost, *, settings: SshSettings | None = None, **changes: object
        ) -> SshTransport:
            connection = Connection(
                "127.0.0.1",
                port=host.ssh_port,
                user="root",
                key_files=(str(lab_hosts.key_file),),
                options=known_hosts(lab_hosts.known_hosts_file),
            )
            transport = SshTransport(host.name, replace(connection, **changes), settings)  # type: ignore[arg-type]
            stack.callback(transport.close)
            return transport

        yield connect_one


def known_hosts(file: Path) -> tuple[tuple[str, str], ...]:
    return (("userknownhostsfile", shlex.quote(str(file))), ("identitiesonly", "yes"))


def refusal(host: SshTransport) -> HostUnreachable:
    with pytest.raises(HostUnreachable) as caught:
        host.run(["true"])
    return caught.value


def test_bytes_signals_and_codes(hosts: tuple[LabHost, ...], connect: Connect) -> None:
    """OpenSSH behaves as the in-process server does: input, both outputs, codes, signals, quoting."""
    host = connect(hosts[0])
    assert host.run(["sh", "-c", "cat; echo oops >&2; exit 3"], stdin=b"\0\xff") == Result(
        3, b"\0\xff", b"oops\n"
    )
    assert host.run(["sh", "-c", "kill -9 $$"]).exit_code == 137
    assert host.run(["printf", "%s|", "a b", "$HOME", "'", "\n"]).stdout == b"a b|$HOME|'|\n|"


def test_much_input_and_output(hosts: tuple[LabHost, ...], connect: Connect) -> None:
    """100 MB in and 100 MB out on each stream do not block each other."""
    data = bytes(100_000_000)
    result = connect(hosts[0]).run(["tee", "/dev/stderr"], stdin=data, timeout_s=120)
    assert (result.exit_code, result.stdout == data, result.stderr == data) == (0, True, True)


def test_a_user_of_the_docker_group_needs_no_sudo(hosts: tuple[LabHost, ...], connect: Connect) -> None:
    """``deploy`` talks to Docker as it is."""
    result = connect(hosts[0], user="deploy").run(["docker", "info", "--format", "{{.OSType}}"])
    assert result == Result(0, b"linux\n")


@pytest.fixture
def sudo_rule(hosts: tuple[LabHost, ...], connect: Connect) -> Iterator[Callable[[str], None]]:
    """Adds a line to the host's sudoers for the length of a test."""
    root = connect(hosts[0])

    def add(line: str) -> None:
        added = root.run(
            ["sh", "-c", 'umask 227; cat > "$1"; visudo -c -q', "sh", SUDO_RULES], stdin=line.encode()
        )
        assert added.exit_code == 0, added

    yield add
    root.run(["rm", "-f", SUDO_RULES])


@pytest.mark.parametrize(
    "rule",
    [
        "# asks for the password each time that it may\n",
        "Defaults:sudoer timestamp_timeout=0\n",
        "Defaults:sudoer timestamp_type=global\n",
        "sudoer ALL=(ALL) NOPASSWD: ALL\n",
    ],
)
def test_the_become_password_never_reaches_the_command(
    rule: str, hosts: tuple[LabHost, ...], connect: Connect, sudo_rule: Callable[[str], None]
) -> None:
    """Real sudo that asks, never caches, has cached, or does not ask: the command has its own input only."""
    sudo_rule(rule)
    become = Become("root", Secret(SUDOER_PASSWORD))
    host = connect(hosts[0], user="sudoer", become=become)
    for _ in range(2):
        result = host.run(["sh", "-c", "id -u; cat; exit 5"], stdin=b"line\n\0\xff")
        assert result == Result(5, b"0\nline\n\0\xff", b"")


def test_the_become_password_is_in_no_process(hosts: tuple[LabHost, ...], connect: Connect) -> None:
    """While the command runs, neither arguments nor environment of any process on the host have it."""
    root, password = connect(hosts[0]), "unmistakable-2718"
    root.run(["chpasswd"], stdin=f"sudoer:{password}".encode())
    try:
        host = connect(hosts[0], user="sudoer", become=Become("root", Secret(password)))
        result = host.run(["sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ"])
    finally:
        root.run(["chpasswd"], stdin=f"sudoer:{SUDOER_PASSWORD}".encode())
    assert b"SUDO_USER=sudoer" in result.stdout
    assert password.encode() not in result.stdout


def test_a_wrong_become_password_is_said_at_once(hosts: tuple[LabHost, ...], connect: Connect) -> None:
    """One try, a sentence, and the connection stays usable."""
    host = connect(hosts[0], user="sudoer", become=Become("root", Secret("wrong")))
    error = refusal(host)
    assert str(error) == "cannot become root with the become password: sudo: 1 incorrect password attempt"
    assert (error.host, error.setup) == (hosts[0].name, True)


def test_become_without_password_does_not_wait(hosts: tuple[LabHost, ...], connect: Connect) -> None:
    """Where sudo wants a password and there is none, that is said; root becomes others without one."""
    error = refusal(connect(hosts[0], user="sudoer", become=Become("root")))
    assert "sudo: a password is required" in str(error)
    assert connect(hosts[0], become=Become("deploy")).run(["id", "-un"]).stdout == b"deploy\n"


def test_a_host_without_sudo_is_said(hosts: tuple[LabHost, ...], connect: Connect) -> None:
    """With and without a password."""
    root = connect(hosts[0])
    root.run(["sh", "-c", "mv /usr/bin/sudo /usr/bin/sudo.away"])
    try:
        for password in (None, Secret(SUDOER_PASSWORD)):
            error = refusal(connect(hosts[0], user="sudoer", become=Become("root", password)))
            assert error.hint.startswith("install sudo")
    finally:
        root.run(["mv", "/usr/bin/sudo.away", "/usr/bin/sudo"])


def test_a_frozen_host_costs_one_timeout(lab: LabHosts, hosts: tuple[LabHost, ...], connect: Connect) -> None:
    """It is given up after one connect timeout, and the others are served meanwhile."""
    dead, began = hosts[-1], time.monotonic()
    lab.pause(dead.name)
    transports = [connect(host, settings=PATIENCE) for host in hosts]

    def outcome(transport: SshTransport) -> str:
        try:
            return transport.run(["echo", "fine"]).stdout.decode().strip()
        except HostUnreachable as error:
            return f"{error.host}: {error}"

    with ThreadPoolExecutor(len(transports)) as pool:
        outcomes = list(pool.map(outcome, transports))
    assert time.monotonic() - began < 6
    assert outcomes[:-1] == ["fine"] * (len(hosts) - 1)
    assert outcomes[-1].startswith(f"{dead.name}: 127.0.0.1:{dead.ssh_port}")
    assert outcomes[-1].endswith("within 2 s")


def test_a_host_that_freezes_later_meets_the_deadline(
    lab: LabHosts, hosts: tuple[LabHost, ...], connect: Connect
) -> None:
    """The deadline of a command holds on a connection that was fine before; afterwards all is well again."""
    host = connect(hosts[-1])
    host.run(["true"])
    lab.pause(hosts[-1].name)
    with pytest.raises(HostUnreachable, match=r"'cat' on .* did not end within 1 s"):
        host.run(["cat"], stdin=bytes(10_000_000), timeout_s=1)
    lab.unpause(hosts[-1].name)
    assert host.run(["echo", "again"]).stdout == b"again\n"


@pytest.fixture
def ssh_config(lab_hosts: LabHosts, hosts: tuple[LabHost, ...], tmp_path: Path) -> Path:
    """``-F``: the first host under the name ``bastion``; others have the addresses that hosts use."""
    known, config = tmp_path / "known_hosts", tmp_path / "config"
    lines = lab_hosts.known_hosts_file.read_text()
    for host in hosts:
        _, key = next(line.split(" ", 1) for line in lines.splitlines() if f":{host.ssh_port} " in line)
        lines += f"{host.address} {key}\n"
    known.write_text(lines)
    config.write_text(
        f"Host bastion\n HostName 127.0.0.1\n Port {hosts[0].ssh_port}\n User root\n"
        f"Host *\n IdentityFile {lab_hosts.key_file}\n UserKnownHostsFile {known}\n IdentitiesOnly yes\n"
    )
    return config


# What ``ssh -W`` does, also on a machine without ssh.
RELAY = """docker exec -i {} bash -c 'exec 3<>/dev/tcp/$0/$1; cat <&3 & exec cat >&3' %h %p"""


@pytest.mark.parametrize("how", ["proxyjump", "proxycommand"])
def test_a_host_behind_another(
    how: str, hosts: tuple[LabHost, ...], connect: Connect, lab_hosts: LabHosts, ssh_config: Path
) -> None:
    """Hosts by names that only the jump host knows, through one connection or a ProxyCommand each."""
    value = "bastion" if how == "proxyjump" else RELAY.format(lab_hosts.container(hosts[0].name))
    behind = [
        connect(host, address=host.address, port=22, config_file=str(ssh_config), options=((how, value),))
        for host in hosts[1:]
    ]
    with ThreadPoolExecutor(len(behind)) as pool:
        results = list(pool.map(lambda host: host.run(["cat"], stdin=b"far").stdout, behind))
    assert results == [b"far"] * len(behind)


def test_a_changed_host_key_is_refused(
    hosts: tuple[LabHost, ...], connect: Connect, lab_hosts: LabHosts, tmp_path: Path
) -> None:
    """The commands of the hint do what they say: forget the old key, fetch the new one, and it works."""
    file, host = tmp_path / "known_hosts", hosts[1]
    other_key = next(
        line.split(" ", 1)[1]
        for line in lab_hosts.known_hosts_file.read_text().splitlines()
        if f":{hosts[0].ssh_port} " in line
    )
    file.write_text(f"[127.0.0.1]:{host.ssh_port} {other_key}\n")
    transport = connect(host, options=known_hosts(file))
    error = refusal(transport)
    assert (error.host, error.setup) == (host.name, True)
    assert str(error).startswith(
        f"the host key of 127.0.0.1:{host.ssh_port} has changed: {file} has ssh-ed25519 "
    )
    forget, fetch = re.findall(r"'(ssh-key\w+ .*?)'(?: and|$)", error.hint)
    if shutil.which("ssh-keyscan") is None:  # a machine without OpenSSH: the hint cannot be tried out
        assert (forget[:13], fetch[:14]) == ("ssh-keygen -R", "ssh-keyscan -p")
        return
    for line in (forget, fetch):
        subprocess.run(["/bin/sh", "-c", line], check=True, capture_output=True)
    assert transport.run(["true"]).exit_code == 0


@pytest.fixture
def admit(hosts: tuple[LabHost, ...], connect: Connect) -> Iterator[Callable[[str], None]]:
    """Adds a line to the authorized keys of ``deploy`` on the first host, for the length of a test."""
    root, file = connect(hosts[0]), "/home/deploy/.ssh/authorized_keys"
    root.run(["cp", "-p", file, f"{file}.before"])

    def add(line: str) -> None:
        root.run(["sh", "-c", 'cat >> "$1"', "sh", file], stdin=line.encode())

    yield add
    root.run(["mv", f"{file}.before", file])


@pytest.fixture
def keygen(lab_hosts: LabHosts, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Runs OpenSSH's ssh-keygen on a host, in a folder of its own, and brings all files here."""
    name, folder = lab_hosts.hosts[0], lab_hosts.exec(lab_hosts.hosts[0], "mktemp", "--directory").strip()

    def run(*arguments: str) -> None:
        lab_hosts.exec(name, "sh", "-c", 'cd "$1"; shift; exec ssh-keygen -q "$@"', "sh", folder, *arguments)
        for file in lab_hosts.exec(name, "ls", folder).split():
            (tmp_path / file).write_text(lab_hosts.exec(name, "cat", f"{folder}/{file}"))

    yield run
    lab_hosts.exec(name, "rm", "-r", folder)


# Of the bits of an RSA key nothing depends here, and finding primes for the usual 3072 takes seconds.
TYPES = {"rsa": ("-t", "rsa", "-b", "2048"), "ecdsa": ("-t", "ecdsa"), "ed25519": ("-t", "ed25519")}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("passphrase", ["", "a phrase"])
def test_every_kind_of_key(
    kind: str,
    passphrase: str,
    hosts: tuple[LabHost, ...],
    connect: Connect,
    admit: Callable[[str], None],
    keygen: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Keys that ssh-keygen made, plain and encrypted, are taken by sshd."""
    keygen(*TYPES[kind], "-N", passphrase, "-f", "id")
    admit((tmp_path / "id.pub").read_text())
    monkeypatch.setenv("DEPLOYTOOL_KEY_PASSPHRASE", passphrase or "unused")
    user = connect(hosts[0], user="deploy", key_files=(str(tmp_path / "id"),))
    assert user.run(["id", "-un"]).stdout == b"deploy\n"


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
@pytest.mark.parametrize("place", ["beside", "elsewhere"])
def test_a_certificate_lets_in(
    kind: str,
    place: str,
    lab_hosts: LabHosts,
    connect: Connect,
    admit: Callable[[str], None],
    keygen: Callable[..., None],
    tmp_path: Path,
) -> None:
    """A key that is not authorized itself gets in with its certificate."""
    keygen("-t", "ed25519", "-N", "", "-f", "ca")
    keygen(*TYPES[kind], "-N", "", "-f", "id")
    keygen("-s", "ca", "-I", "test", "-n", "deploy", "id.pub")
    admit("cert-authority " + (tmp_path / "ca.pub").read_text())
    options = known_hosts(lab_hosts.known_hosts_file)
    if place == "elsewhere":
        certificate = (tmp_path / "id-cert.pub").rename(tmp_path / "another.pub")
        options += (("certificatefile", str(certificate)),)
    user = connect(lab_hosts.all[0], user="deploy", key_files=(str(tmp_path / "id"),), options=options)
    assert user.run(["id", "-un"]).stdout == b"deploy\n"


def test_a_password_lets_in(hosts: tuple[LabHost, ...], connect: Connect) -> None:
    """``ansible_password`` with sshd's own password login; a wrong one is said with what was tried."""
    user = connect(hosts[0], user="sudoer", key_files=(), password=Secret(SUDOER_PASSWORD))
    assert user.run(["id", "-un"]).stdout == b"sudoer\n"
    error = refusal(connect(hosts[0], user="sudoer", key_files=(), password=Secret("wrong")))
    assert "tried the password" in str(error)
