"""No input, however broken, gives anything but hosts or an ``InputError``."""

# ruff: noqa: E501 - broken inputs are shown in one piece

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploytool.core.placement.patterns import NoMatch, select
from deploytool.errors import InputError
from deploytool.load.inventory.extra_vars import parse_extra_vars
from deploytool.load.inventory.inventory_loader import load_inventory
from deploytool.load.inventory.ranges import expand_host
from deploytool.load.inventory.ssh_args import parse_ssh_args

YAML = """
all:
  vars: {ansible_user: "{{ user }}", user: root, ansible_ssh_common_args: -o ProxyJump=gw -C}
  hosts: {"web[01:03]:22": {deploytool_labels: {zone: eu, ssd: true}, deploytool_state: drain}}
  children:
    db: {hosts: {db1: {deploytool_memory: 512M, deploytool_cpus: 2}}, vars: {ansible_group_priority: 5}}
    eu: {children: {db: , more: &x {hosts: {m1: }}}}
    again: *x
"""
INI = (
    "[web]\nw[1:3] a=1 b='x y'\n[all:vars]\nansible_port=22\n[eu:children]\nweb\n[db]\nd:2222 l=[1,{'k':2}]\n"
)
JSON = '{"web": {"hosts": ["a"], "vars": {"x": 1}, "children": ["c"]}, "_meta": {"hostvars": {"a": {"y": null}}}}'

PIECES = st.one_of(
    st.sampled_from(
        ["[", "]", "{", "}", ":", "\n", "\t", "- ", "*x", "&y ", "!vault ", "!unsafe ", "<<: *x", "{{", "}}", "{%",
         "[0:999999999]", "[a:f]", "'", '"', "\0", "\x85", "\ufeff", "null", "1e999", "=", "#", "---\n", "|\n", "%",
         "children: {all: }", "hosts: [1]", "vars: x", "ansible_port: []", "plugin: x", "_meta: 3", "~", "$ANSIBLE_VAULT;"]
    ),
    st.text(max_size=8),
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """An example with pieces put in, cut out and doubled."""
    text = draw(st.sampled_from([YAML, INI, JSON]))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 20)))
        text = text[:start] + draw(PIECES) + text[draw(st.sampled_from([start, end])) :]
    data = text.encode("utf-8", "surrogatepass")
    return data + draw(st.sampled_from([b"", b"", b"", b"\xff\xfe", b"\x80"]))


@settings(max_examples=400, deadline=None)
@given(data=mutated(), name=st.sampled_from(["hosts", "hosts.yaml", "hosts.ini", "hosts.json"]))
def test_mutated_inventories(data: bytes, name: str) -> None:
    """A mutated inventory loads, or says what is wrong with it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            loaded = load_inventory(str(path))
            loaded.inventory()
        except InputError as error:
            assert error.problems
            assert all(problem.message and problem.place.file for problem in error.problems)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["hosts", "hosts.yaml", "hosts.ini"]))
def test_binary(data: bytes, name: str) -> None:
    """Bytes by chance are no traceback either."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            load_inventory(str(path)).inventory()
        except InputError as error:
            assert error.problems


@pytest.mark.parametrize(
    "text",
    [
        "a: " * 100_000,
        "[" * 100_000,
        "{" * 100_000,
        "all: {hosts: " + "{h: " * 50_000,
        "- " * 100_000,
        "x: &a [l, l, l, l, l, l, l, l, l]\n" + "".join(f"x{n}: &a{n} [{', '.join(['*a' + str(n - 1 or '')] * 9)}]\n" for n in range(1, 12)),
        "a: &a {children: *a}",
        "\n".join(f"[g{n}:children]\ng{n + 1}" for n in range(3_000)) + "\n[g3000]\nh",
        "\n".join(f"[g{n}:children]\ng{(n + 1) % 3_000}" for n in range(3_000)),
        "h x=" + "(" * 100_000,
        "h x=" + "-" * 100_000 + "1",
        "h x=" + "[" * 5_000 + "]" * 5_000,
        "all: {vars: {a: '{{ b }}', b: '{{ a }}', ansible_user: '{{ a }}'}, hosts: {h: }}",
        '{"a": ' * 100_000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["hosts", "hosts.yaml", "hosts.ini"])
def test_bombs(tmp_path: Path, text: str, name: str) -> None:
    """Deep nesting, circles and bombs end at once."""
    path = tmp_path / name
    path.write_text(text)
    try:
        load_inventory(str(path)).inventory()
    except InputError as error:
        assert error.problems


@given(st.text(alphabet="ab01[]:-.x,&!~*?@ \\(", max_size=20))
def test_patterns_and_ranges(text: str) -> None:
    """Patterns, ranges and arguments of ssh by chance give a result or their own error."""
    inventory = load_inventory("a0,a1,b0,").names
    try:
        assert set(select(text, inventory)) <= {*inventory.hosts, "localhost", "127.0.0.1", "::1"}
    except NoMatch as error:
        assert error.message
    for parse in (expand_host, parse_ssh_args):
        try:
            assert parse(text) is not None
        except ValueError as error:
            assert str(error)


@given(st.text(max_size=30) | st.text(alphabet="a={}[]:' \"@/", max_size=12))
def test_extra_variables(text: str) -> None:
    """Extra variables by chance are variables or an error."""
    try:
        assert isinstance(parse_extra_vars([text]), dict)
    except InputError as error:
        assert error.problems
