"""Inventories as a whole: all problems at once, scopes, and hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploytool.errors import InputError
from deploytool.load.inventory.inventory_loader import Layers, Sources
from tests.unit.load.inventory.conftest import Load


def problems_of(error: InputError) -> list[str]:
    return [f"{problem.place}: {problem.message}" for problem in error.problems]


def test_all_problems_at_once(load: Load) -> None:
    """Every mistake of every file is told in one run, sorted, each where it was written."""
    with pytest.raises(InputError) as caught:
        load(
            """
            all:
              hots: {h1: }
              hosts: {"web[3:1]": }
              children:
                a: {children: {b: }}
                b: {children: {a: }}
                c: 5
            """,
            group_vars__all="- 1\n",
            host_vars__h1="ignored: [\n",
        )
    assert problems_of(caught.value) == [
        "group_vars/all:1: is not a mapping of variables",
        "hosts.yaml:3:3: unknown key 'hots' in group 'all'",
        "hosts.yaml:4:11: range '[3:1]' ends before it begins",
        "hosts.yaml:7:20: group 'a' in 'b' makes a circle",
        "hosts.yaml:8:5: group 'c' is a number, not a mapping",
    ]
    assert caught.value.problems[1].hint == "did you mean 'hosts'?"
    assert caught.value.problems[3].hint == "a → b → a"


def test_layers_of_a_play(load: Load) -> None:
    """Play vars beat every inventory variable, vars_files beat those, extra variables beat all."""
    loaded = load(
        "all: {hosts: {h: {a: host, b: host, c: host, d: host}}}",
        Sources(extra_vars={"d": "extra"}),
        host_vars__h="b: file\n",
        play__host_vars__h="b: play-file\nc: play-file\n",
    )
    layers = Layers(Path("play"), vars={"c": "play", "d": "play"}, vars_files=[{"d": "vars-file", "e": 1}])
    values = dict(loaded.variables("h", layers))
    assert values == {"a": "host", "b": "play-file", "c": "play", "d": "extra", "e": 1}
    assert loaded.variables("h", layers).place_of("b").file == "play/host_vars/h"


def test_wrong_files_beside_a_playbook(load: Load) -> None:
    """What is wrong beside the playbook is told when a play asks for it, not before."""
    loaded = load("all: {hosts: {h: }}", play__group_vars__all="a: [\n")
    with pytest.raises(InputError) as caught:
        loaded.variables("h", Layers(Path("play")))
    assert caught.value.problems[0].place.file == "play/group_vars/all"


def test_hostvars_of_others(load: Load) -> None:
    """A template sees other hosts' rendered variables, without the variables of the play."""
    loaded = load(
        """
        all:
          vars: {url: "http://{{ inventory_hostname }}:{{ port }}", port: 80}
          hosts: {a: {peer: "{{ hostvars['b'].url }}"}, b: {port: 81}}
        """
    )
    assert loaded.scope("a", Layers(vars={"port": 99}))["peer"] == "http://b:81"


def test_implicit_localhost(load: Load) -> None:
    """This machine needs no entry: it is reached without ssh, and sees the variables of all."""
    loaded = load("all: {hosts: {h: }, vars: {a: 1}}")
    host = loaded.host("localhost", loaded.scope("localhost"))
    assert (host.connection.kind, host.groups, host.vars["a"]) == ("local", (), 1)
    assert "localhost" not in loaded.names.hosts


def test_explicit_localhost_is_an_ordinary_host(load: Load) -> None:
    """An entry for localhost is reached as it says: by ssh unless it says local."""
    hosts = load("all: {hosts: {localhost: , 127.0.0.1: {ansible_connection: local}}}").inventory().hosts
    assert [host.connection.kind for host in hosts.values()] == ["ssh", "local"]


def test_resolved_hosts_are_taken_as_they_are(load: Load) -> None:
    """Hosts that a play resolved are not resolved again: what only the play defines is no error."""
    loaded = load("all: {hosts: {a: {ansible_user: '{{ from_play }}'}, b: }}")
    a = loaded.host("a", loaded.scope("a", Layers(vars={"from_play": "me"})))
    inventory = loaded.inventory({"a": a})
    assert [host.connection.user for host in inventory.hosts.values()] == ["me", None]
    assert inventory.groups["all"].hosts == ("a", "b")


def test_names_render_nothing(load: Load) -> None:
    """Patterns can be used on an inventory whose variables cannot be rendered."""
    loaded = load("web: {hosts: {a: {ansible_user: '{{ nosuch }}'}}}")
    assert loaded.names.groups["web"].hosts == ("a",)
    assert loaded.names.hosts["a"].groups == ("web",)
