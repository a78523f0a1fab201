"""Compose files as people write them load as they are, and what the hosts receive is right Compose."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploytool.core.placement.patterns import select
from deploytool.load.compose.known_keys import Key, State
from deploytool.load.compose.schema import SERVICE
from deploytool.load.compose.section_schema import NETWORK, VOLUME
from deploytool.load.inventory.inventory_loader import Sources, load_inventory
from deploytool.load.playbook.playbook_loader import load_intent
from deploytool.model.desired import HostFiles
from deploytool.model.intent import Intent
from tests.builders import Fleet
from tests.lab.labhosts import LabHosts

FOLDER = Path(__file__).parent / "compose_files"
EVERY_KEY = "every_key"
KNOWN = sorted(path.name for path in FOLDER.iterdir() if path.name != EVERY_KEY)
HOSTS = ("lab1", "lab2", "lab3")

# Keys that are newer than Compose 2.26, which the lab's hosts have.
_HOOK = ("command", "environment", "privileged", "user", "working_dir")
NEWER = {
    *("networks.enable_ipv4", "services.gpus", "services.volumes.bind.recursive"),
    *(f"services.devices.{key}" for key in ("permissions", "source", "target")),
    *(f"services.networks.{key}" for key in ("driver_opts", "gw_priority", "interface_name")),
    *("services.post_start", *(f"services.post_start.{key}" for key in _HOOK)),
    *("services.volumes.image", "services.volumes.image.subpath"),
}

# One line a file: its name, the exit code, and what Compose says.
_CHECK = """
cd "$(mktemp --directory)" && tar --extract
for file in */compose.yaml; do
  said=$(docker compose --file "$file" config --quiet 2>&1) && code=0 || code=$?
  echo "${file%%/*}" "$code" $said
done
rm -r "$PWD"
"""


def load(name: str, hosts: tuple[str, ...], folder: Path) -> Intent:
    """The Compose file ``name`` as a play on hosts in zones of their own."""
    inventory = {"all": {"hosts": {host: {"deploytool_labels": {"zone": host}} for host in hosts}}}
    play = {"name": name, "hosts": "all", "compose": str(FOLDER / name / "compose.yaml")}
    (folder / "hosts.yaml").write_text(yaml.safe_dump(inventory))
    (folder / "play.yaml").write_text(yaml.safe_dump([play]))
    loaded = load_inventory(str(folder / "hosts.yaml"), Sources({}, None, {}))
    return load_intent(loaded, [folder / "play.yaml"], select=select)


def render(name: str, hosts: tuple[str, ...], folder: Path) -> Mapping[str, HostFiles]:
    """Host → what it receives where nothing runs yet."""
    run = Fleet.of(*hosts).run(load(name, hosts, folder))
    rendered = run.backend.files(run.intent, run.observe(), run.policy)
    return {host: files for (host, _), files in rendered.items() if files.manifest is not None}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, int], Mapping[str, HostFiles]]:
    """(name, number of hosts) → host → files."""
    folder = tmp_path_factory.mktemp("rendered")
    names = [*KNOWN, EVERY_KEY]
    return {(name, n): render(name, HOSTS[:n], folder) for name in names for n in (1, 3)}


@pytest.fixture(scope="module")
def verdicts(
    lab_hosts: LabHosts, rendered: Mapping[tuple[str, int], Mapping[str, HostFiles]]
) -> Mapping[str, Mapping[str, str]]:
    """Host → ``name-number of hosts`` → what its Compose has against the file; one exec for each host."""

    def ask(host: str) -> Mapping[str, str]:
        texts = {
            f"{name}-{n}": by[host].manifest.text if by[host].manifest else ""
            for (name, n), by in rendered.items()
            if host in by
        }
        said = lab_hosts.exec(host, "sh", "-ec", _CHECK, stdin=_archive(texts), timeout_s=120.0)
        answers = dict(line.split(" ", 1) for line in said.splitlines())
        assert set(answers) == set(texts)
        return answers

    with ThreadPoolExecutor(len(HOSTS)) as pool:
        return dict(zip(HOSTS, pool.map(ask, HOSTS), strict=True))


def _archive(texts: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in texts.items():
            member = tarfile.TarInfo(f"{name}/compose.yaml")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def test_there_are_twenty_kinds() -> None:
    """The folder is read: a file that is not found is not tested."""
    assert len(KNOWN) >= 20


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", [*KNOWN, EVERY_KEY])
def test_compose_takes_what_the_hosts_receive(name, count, rendered, verdicts):
    """Each file loads without a change, every service has its hosts, and Compose has nothing against it."""
    written = yaml.safe_load((FOLDER / name / "compose.yaml").read_text())["services"]
    documents = {host: yaml.safe_load(files.manifest.text) for host, files in rendered[name, count].items()}
    assert {service for document in documents.values() for service in document["services"]} == set(written)
    assert {host: verdicts[host][f"{name}-{count}"] for host in documents} == dict.fromkeys(documents, "0")


def test_files_beside_a_compose_file_reach_the_hosts(rendered):
    """Files that a service mounts by a relative path come with it, byte for byte, from deep folders too."""
    files = {file.path: file.content for file in rendered["prometheus_grafana", 1]["lab1"].files}
    rules = (FOLDER / "prometheus_grafana" / "prometheus" / "rules" / "up.yml").read_bytes()
    assert [content for path, content in files.items() if path.endswith("rules/up.yml")] == [rules]


def _passed(keys: Mapping[str, Key], prefix: str) -> Iterator[str]:
    for name, key in keys.items():
        if key.state is State.PASSED:
            yield f"{prefix}{name}"
        yield from _passed(key.keys or {}, f"{prefix}{name}.")


def _used(keys: Mapping[str, Key], value: Any, prefix: str) -> Iterator[str]:
    """The keys of a table that stand in ``value``, or in what it lists or names."""
    if isinstance(value, Mapping):
        for name in value.keys() & keys.keys():
            yield f"{prefix}{name}"
            yield from _used(keys[name].keys or {}, value[name], f"{prefix}{name}.")
        value = [item for name, item in value.items() if name not in keys]
    for item in value if isinstance(value, list) else ():
        yield from _used(keys, item, prefix)


def test_every_key_that_is_passed_through_is_tried() -> None:
    """A key of the tables stands in the file, or is one that Compose on the hosts cannot know."""
    written = yaml.safe_load((FOLDER / EVERY_KEY / "compose.yaml").read_text())
    tables = {"services": SERVICE, "networks": NETWORK, "volumes": VOLUME}
    passed = {name for section, keys in tables.items() for name in _passed(keys, f"{section}.")}
    used = {name for section, keys in tables.items() for name in _used(keys, written[section], f"{section}.")}
    assert passed - used == NEWER
