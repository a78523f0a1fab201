"""The lab itself: its hosts are what it says they are, it repairs itself, and it goes without a trace."""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
import yaml
from click.testing import CliRunner

from deploytool.cli.commands.lab import lab as lab_command
from deploytool.errors import LabError
from deploytool.lab.commands import docker
from deploytool.lab.images import DEMO_IMAGES
from deploytool.lab.lab import Lab
from deploytool.lab.layout import SUDOER_PASSWORD, Layout
from tests.lab.labhosts import ROOT, LabHosts

VOLUMES = "{{range .Mounts}}{{.Name}} {{end}}"


@pytest.fixture(scope="module")
def lab_hosts(working_copy_hosts: LabHosts) -> LabHosts:
    """The lab that a user of ``deploytool lab`` has."""
    return working_copy_hosts


@pytest.fixture
def spare(tmp_path: Path, lab_hosts: LabHosts) -> Iterator[Lab]:
    """A second lab on this machine, with names and ports of its own, which is gone after the test."""
    made = Lab(Layout(tmp_path / ".lab", "sparelab", 2401, 8401, 8501))
    yield made
    made.down()


def ids(lab: LabHosts) -> dict[str, str]:
    return {name: docker("inspect", "--format", "{{.Id}}", name) for name in lab.hosts}


def traces(layout: Layout) -> str:
    """The containers and networks that are left of a lab on this machine's engine."""
    label = ("--filter", f"label={layout.label}")
    return docker("ps", "-aq", *label) + docker("network", "ls", "-q", *label)


def ssh(lab: LabHosts, name: str, *argv: str, user: str = "root") -> str:
    """The output of a command over SSH, where only the host keys in known_hosts are accepted."""
    client = paramiko.SSHClient()
    client.load_host_keys(str(lab.known_hosts_file))
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    port = lab.host(name).ssh_port
    options = {"look_for_keys": False, "allow_agent": False, "timeout": 10}
    with client:
        client.connect("127.0.0.1", port, user, key_filename=str(lab.key_file), **options)
        _, stdout, stderr = client.exec_command(" ".join(argv), timeout=30)
        said = stdout.read() + stderr.read()
    return said.decode().strip()


def fetch(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        return answer.read().decode()


def test_hosts_answer_ssh_with_the_host_keys_that_the_lab_wrote_down(lab):
    """Every host is who known_hosts says it is, and has Docker and Compose v2."""
    for name in lab.hosts:
        assert ssh(lab, name, "hostname") == name
        assert ssh(lab, name, "docker compose version --short").startswith("2.")
        assert ssh(lab, name, "docker version --format {{.Server.Version}}")


def test_private_files_are_private(lab):
    """Only the owner may read the key."""
    assert lab.key_file.stat().st_mode & 0o777 == 0o600


def test_hosts_have_the_demo_images(lab):
    """Both demo images are on every host, so that nothing has to be pulled."""
    for name in lab.hosts:
        there = lab.exec(name, "docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
        assert set(DEMO_IMAGES) <= set(there)


def test_users_may_do_what_they_are_for(lab):
    """deploy may use Docker and not sudo; sudoer may become root with its password, and not use Docker."""
    assert "docker" in ssh(lab, "lab1", "id -nG", user="deploy").split()
    assert ssh(lab, "lab1", "docker ps --quiet", user="deploy") == ""
    assert "password is required" in ssh(lab, "lab1", "sudo -n id -un", user="deploy")
    assert "password is required" in ssh(lab, "lab1", "sudo -n id -un", user="sudoer")
    with_password = f"echo {SUDOER_PASSWORD} | sudo -S -p '' id -un"
    assert ssh(lab, "lab1", with_password, user="sudoer") == "root"
    assert "permission denied" in ssh(lab, "lab1", "docker ps", user="sudoer")


def test_demo_web_server_is_reached_on_the_published_ports_and_stops_at_once(lab):
    """Ports 80 and 8080 of a host are on loopback; the server names itself, and heeds SIGTERM."""
    one = lab.exec("lab2", "docker", "run", "--detach", "--publish", "80:8080", DEMO_IMAGES[0])
    two = lab.exec("lab2", "docker", "run", "--detach", "--publish", "8080:8080", DEMO_IMAGES[1])
    probe = ("/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/")
    for container in (one, two):
        healthy = f"until docker exec {container} {' '.join(probe)}; do sleep 0.05; done"
        lab.exec("lab2", "timeout", "10", "sh", "-c", healthy)
    assert fetch(lab.host("lab2").http_port) == f"demo/web:1 on {one[:12]}\n"
    assert fetch(lab.host("lab2").alt_http_port) == f"demo/web:2 on {two[:12]}\n"

    lab.exec("lab2", "docker", "stop", "--time", "30", one, two)
    exit_codes = lab.exec("lab2", "docker", "inspect", "--format", "{{.State.ExitCode}}", one, two)
    assert exit_codes.split() == ["0", "0"], "137 would mean that the grace period ran out"


def test_hosts_reach_each_other(lab):
    """By name, and by the address in the inventory also from a container on a network of its own."""
    web = lab.exec("lab1", "docker", "run", "--detach", "--publish", "80:8080", DEMO_IMAGES[0])
    address = lab.host("lab1").address
    for url in ("http://lab1/", f"http://{address}/"):
        wget = f"until busybox wget -q -O - {url}; do sleep 0.05; done"
        assert web[:12] in lab.exec("lab3", "timeout", "10", "sh", "-c", wget)
    lab.exec("lab3", "docker", "network", "create", "own")
    look_up = ("docker", "run", "--rm", "--network", "own", "--entrypoint", "/bin/busybox", DEMO_IMAGES[0])
    assert f"Name:\t{address}" in lab.exec("lab3", *look_up, "nslookup", address)


def test_up_on_hosts_that_are_up_changes_nothing(lab):
    """The same containers run on, with the same keys."""
    before, keys = ids(lab), lab.known_hosts_file.read_text("utf-8")
    started = docker("inspect", "--format", "{{.State.StartedAt}}", *lab.hosts)
    said: list[str] = []

    Lab(lab.lab.layout, said.append).up(len(lab.hosts))

    assert ids(lab) == before
    assert docker("inspect", "--format", "{{.State.StartedAt}}", *lab.hosts) == started
    assert lab.known_hosts_file.read_text("utf-8") == keys
    assert said == []


@pytest.mark.parametrize("fault", ["kill", "pause", "disconnect"])
def test_up_brings_a_broken_host_back_as_it_was(lab, fault):
    """A host that was killed, frozen or cut off answers again, with its host key and its containers."""
    keys = lab.known_hosts_file.read_text("utf-8")
    before = ids(lab)
    kept = lab.exec("lab2", "docker", "run", "--detach", "--restart", "always", DEMO_IMAGES[0])
    getattr(lab, fault)("lab2")

    lab.lab.up(len(lab.hosts))

    assert ids(lab) == before
    assert lab.known_hosts_file.read_text("utf-8") == keys
    assert ssh(lab, "lab2", "hostname") == "lab2"
    assert [container.id for container in lab.containers("lab2")] == [kept]


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
@pytest.mark.parametrize("process", ["dockerd", "sshd"])
def test_up_revives_what_died_inside_of_a_host(lab, process, signal):
    """A dead or hanging engine or SSH server answers again."""
    lab.exec("lab3", "pkill", f"-{signal}", "-x", process)

    lab.lab.up(len(lab.hosts))

    assert ssh(lab, "lab3", "docker version --format {{.Server.Os}}") == "linux"


def test_pausing_a_host_freezes_its_containers(lab):
    """A frozen host is frozen as a whole, as a real one would be."""
    lab.exec("lab1", "docker", "run", "--detach", "--publish", "80:8080", DEMO_IMAGES[0])
    lab.exec("lab1", "timeout", "10", "sh", "-c", "until busybox wget -qO- localhost; do sleep 0.05; done")
    lab.pause("lab1")
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(f"http://127.0.0.1:{lab.host('lab1').http_port}/", timeout=0.5)


def test_committed_inventory_is_what_up_makes(lab):
    """inventories/lab.yaml and .lab/inventory.yaml differ in nothing but where .lab is."""
    committed = (ROOT / "inventories" / "lab.yaml").read_text("utf-8")
    written = lab.lab.layout.inventory_file.read_text("utf-8")
    assert yaml.safe_load(committed.replace("/../.lab", "")) == yaml.safe_load(written)


def test_status_tells_what_is(lab, monkeypatch):
    """As JSON for programs and as a table for people: status, and the ports that lead to each host."""
    monkeypatch.chdir(ROOT)
    lab.pause("lab3")
    shown = CliRunner().invoke(lab_command, ["status", "-o", "json"])
    hosts = json.loads(shown.stdout)["hosts"]
    assert [(host["name"], host["status"], host["ssh_answers"]) for host in hosts] == [
        ("lab1", "running", True),
        ("lab2", "running", True),
        ("lab3", "paused", False),
    ]
    assert hosts[1] | {"ssh_port": 2202, "http_port": 8082, "alt_http_port": 8182} == hosts[1]

    table = CliRunner().invoke(lab_command, ["status"]).stdout.splitlines()
    assert table[3].split() == ["lab3", "paused", "c", "127.0.0.1:2203", "127.0.0.1:8083", "127.0.0.1:8183"]


def test_a_lab_grows_shrinks_and_goes(spare):
    """Up makes the number that was asked for, and down leaves no container, volume, network or file."""
    spare.up(1)
    first = docker("inspect", "--format", "{{.Id}}", "sparelab1")
    spare.up(2)
    assert docker("inspect", "--format", "{{.Id}}", "sparelab1") == first
    assert [one.host.name for one in spare.status()] == ["sparelab1", "sparelab2"]
    volumes = docker("inspect", "--format", VOLUMES, "sparelab1", "sparelab2").split()
    assert len(volumes) == 2
    spare.up(1)
    assert [one.host.name for one in spare.status()] == ["sparelab1"]
    assert len(spare.layout.known_hosts_file.read_text("utf-8").splitlines()) == 1

    assert spare.down() == 1
    assert traces(spare.layout) == ""
    assert not set(volumes) & set(docker("volume", "ls", "--quiet").split())
    assert not spare.layout.directory.exists()
    assert spare.down() == 0


def test_a_lab_whose_folder_is_gone_is_taken_over_or_removed(spare):
    """The engine knows what belongs to a lab: up lets the new key in, and down finds it all."""
    spare.up(1)
    for path in spare.layout.directory.iterdir():
        path.unlink()
    made = spare.up(1)
    assert ssh(LabHosts(spare, made, spare.layout.inventory_file), "sparelab1", "hostname") == "sparelab1"
    for path in spare.layout.directory.iterdir():
        path.unlink()
    spare.down()
    assert traces(spare.layout) == ""


def test_two_at_once_take_turns(spare):
    """Two runs of up at the same time both succeed, on the same host."""
    errors: list[Exception] = []

    def up() -> None:
        try:
            Lab(spare.layout).up(1)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []
    assert [one.status for one in spare.status()] == ["running"]


def test_a_container_that_is_not_the_labs_is_never_touched(spare):
    """A foreign container with a host's name is reported, and stays."""
    foreign = docker("create", "--name", "sparelab1", DEMO_IMAGES[0])
    try:
        with pytest.raises(LabError, match="sparelab1"):
            spare.up(1)
        assert docker("inspect", "--format", "{{.Id}}", "sparelab1") == foreign
    finally:
        subprocess.run(["docker", "rm", "--force", foreign], check=True, capture_output=True)
