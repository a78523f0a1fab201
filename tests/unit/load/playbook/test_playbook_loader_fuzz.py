"""No playbook, however broken, gives anything but an intent or an ``InputError`` with places."""

# ruff: noqa: E501 - broken inputs are shown in one piece

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from deploytool.core.placement.patterns import select
from deploytool.errors import InputError
from deploytool.load.inventory.inventory_loader import LoadedInventory, load_inventory
from deploytool.load.playbook.playbook_loader import load_intent

PLAYBOOK = """
- name: Shop
  hosts: web
  vars: {tag: "1", n: 3, list: [a, b], map: {a: 1}, nul: }
  environment: {REGISTRY: r.example.com}
  serial: [1, "50%"]
  max_fail_percentage: 25
  tags: [a]
  services:
    web:
      image: "${REGISTRY}/web:{{ tag }}"
      command: ["a", "{{ inventory_hostname }}", "${X:-y}"]
      environment: {A: "{{ placements.db | join(',') }}", B: 1}
      ports: ["80-81:80", {target: 443, published: "443", host_ip: 10.0.0.1}]
      volumes: [data:/data, ./f:/f:ro, {type: tmpfs, target: /t, tmpfs: {size: 1m}}]
      depends_on: {db: {condition: service_healthy}}
      healthcheck: {test: [CMD, x], interval: 5s, retries: 3}
      networks: {front: {aliases: [x]}}
      configs: [{source: c, target: /c, mode: "0444"}]
      secrets: [s]
      labels: [a=b]
      logging: {driver: local, options: {a: b}}
      ulimits: {nofile: {soft: 1, hard: 2}}
      restart: unless-stopped
      stop_grace_period: 5s
      deploy:
        replicas: "{{ n }}"
        placement: {constraints: [node.labels.zone == a], preferences: [{spread: node.labels.rack}], max_replicas_per_node: 2}
        resources: {reservations: {cpus: "0.5", memory: 128M}, limits: {pids: 10}}
        update_config: {parallelism: 2, order: start-first, delay: 1s}
        restart_policy: {condition: on-failure}
    db: {image: db, extends: {service: base}, env_file: [{path: e, required: false}], scale: 1}
    base: {image: base, devices: [{source: /dev/a, target: /dev/b}], extra_hosts: {a: b}}
  networks: {front: {driver: bridge, ipam: {config: [{subnet: 10.0.0.0/8}]}}}
  volumes: {data: {driver_opts: {a: b}}}
  configs: {c: {content: "{{ map | to_json }}"}}
  secrets: {s: {environment: REGISTRY}}
"""

PIECES = st.one_of(
    st.sampled_from(
        ["[", "]", "{", "}", ":", "\n", "\t", "- ", "*x", "&y ", "!vault ", "!unsafe ", "<<: *x", "{{", "}}", "{%", "%}", "${", "$", "$$",
         "${X:?no}", "'", '"', "\0", "\x85", "\ud800", "null", "1e999", "1e400:", "#", "---\n", "|\n", "{{ undefined_name }}", "{{ list }}", "{{ map }}",
         "{{ nul }}", "{{ range(10**9) | list }}", "{{ 'x' * 10**9 }}", "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
         "{{ omit }}", "{{ hostvars }}", "{{ rack }}", "${A:-${B:-${C}}}", "999999999999", "-1", "0-99999:1-99999", "extends: web", "..", "/", "~"]
    ),
    st.text(max_size=8),
)  # fmt: skip

WRONG: list[Any] = [
    None, True, -1, 0, 1.5, 10**30, float("inf"), "", "x", "a:b:c:d", "../..", "{{ list }}", "{{ nul }}", "{{ omit }}", "{{ rack }}", "${X}",
    "{{ [1, {'a': undefined_name}] }}", "é\u2028\U0001f600", [], [[]], [None], ["{{ omit }}"], {}, {"": None}, {"a": None}, {"{{ tag }}": 1}, {"x": {"y": [1]}},
    [{"a": {}}], "9" * 5000, "/", ".", "~", "0", "1s", "80:80",
]  # fmt: skip


@pytest.fixture(scope="module")
def inventory() -> LoadedInventory:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "hosts.yaml")
        path.write_text(
            "web: {hosts: {web1: {rack: a}, web2: {rack: b}}, vars: {deploytool_labels: {zone: a}}}"
        )
        return load_inventory(str(path))


def _try(inventory: LoadedInventory, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "f").write_text("file")
        path = Path(folder, "play.yaml")
        path.write_bytes(data)
        try:
            intent = load_intent(inventory, [path], select=select)
        except InputError as error:
            assert error.problems
            assert all(problem.place.file and problem.message for problem in error.problems)
            assert len(set(error.problems)) == len(error.problems)
            return
        for project in intent.projects:
            for host in project.hosts:
                project.definitions.on(host, {service.name: (host.name,) for service in project.services})


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The playbook with pieces put in, cut out and doubled."""
    text = PLAYBOOK
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 20)))
        text = text[:start] + draw(PIECES) + text[draw(st.sampled_from([start, end])) :]
    return text.encode("utf-8", "surrogatepass") + draw(st.sampled_from([b"", b"", b"\xff\xfe"]))


@settings(max_examples=300, deadline=None)
@given(data=mutated())
def test_mutated_text(inventory: LoadedInventory, data: bytes) -> None:
    """A mutated playbook loads, or says where it is wrong."""
    _try(inventory, data)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path, *(found for key, item in children for found in _paths(item, (*path, key)))]


def _with(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(value[path[0]], path[1:], new)
    return copy


PATHS = _paths(yaml.safe_load(PLAYBOOK))


@settings(max_examples=150, deadline=None)
@given(path=st.sampled_from(PATHS), wrong=st.sampled_from(WRONG))
def test_wrong_type_at_any_key(inventory: LoadedInventory, path: tuple[Any, ...], wrong: Any) -> None:
    """Whatever stands at a key, it is taken or refused with a sentence."""
    _try(inventory, yaml.safe_dump(_with(yaml.safe_load(PLAYBOOK), path, wrong), allow_unicode=True).encode())
