"""Inventories: what they mean, and what is wrong with them, with the place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from deploytool.errors import InputError
from deploytool.load.inventory.inventory_loader import Layers, LoadedInventory, Sources, load_inventory
from deploytool.model.inventory import HostState

Load = Callable[..., LoadedInventory]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads ``hosts.yaml`` with the given text, in a working directory of its own."""
    monkeypatch.chdir(tmp_path)

    def write_and_load(text: str, sources: Sources | None = None, **files: str) -> LoadedInventory:
        Path("hosts.yaml").write_text(dedent(text), encoding="utf-8")
        for name, content in files.items():
            path = Path(name.replace("__", "/"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(content), encoding="utf-8")
        return load_inventory("hosts.yaml", sources or Sources())

    return write_and_load


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


def test_huge_ranges_are_refused_at_once(load: Load) -> None:
    """A range that would fill the memory costs nothing, alone or multiplied."""
    for entry in ("h[0:999999999]", "h[0:9999]-[0:9999]-[0:9999]", "h[0:99999999999999999999999]"):
        with pytest.raises(InputError) as caught:
            load(f"all: {{hosts: {{'{entry}': }}}}")
        assert caught.value.problems[0].place.line == 1


def test_hosts_are_counted_over_the_whole_inventory(load: Load) -> None:
    """Many ranges that are each allowed do not add up beyond the limit."""
    entries = ", ".join(f"'{letter}[1:60000]': " for letter in "abc")
    with pytest.raises(InputError, match="more than 100000 hosts"):
        load(f"all: {{hosts: {{{entries}}}}}")


def test_missing_inventory_is_an_error(tmp_path: Path) -> None:
    """A file that is not there is an error that says what may be given instead."""
    with pytest.raises(InputError) as caught:
        load_inventory(str(tmp_path / "nosuch.yaml"))
    assert caught.value.problems[0].message == "no such file"
    assert "h1,h2," in caught.value.problems[0].hint


def test_our_variables(load: Load) -> None:
    """The deploytool_* variables become the host's labels, state, capacity, address and folder."""
    host = (
        load(
            """
        all:
          vars: {zone: eu-1, deploytool_dir: /srv/deploytool/}
          hosts:
            h:
              ansible_host: 10.0.0.1
              deploytool_labels: {zone: "{{ zone }}", ssd: true, rack: 7, none: , text: "yes"}
              deploytool_state: drain
              deploytool_cpus: "2.5"
              deploytool_memory: 1.5g
        """
        )
        .inventory()
        .hosts["h"]
    )
    assert host.labels == {"zone": "eu-1", "ssd": "true", "rack": "7", "none": "", "text": "yes"}
    assert host.state is HostState.DRAIN
    assert (host.cpus, host.memory_bytes) == (2.5, 1536 * 1024 * 1024)
    assert (host.address, host.directory) == ("10.0.0.1", "/srv/deploytool")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("deploytool_label: {a: 1}", "unknown variable 'deploytool_label'"),
        ("deploytool_labels: [a]", "deploytool_labels is not a mapping"),
        (
            "deploytool_labels: {a: [1]}",
            "deploytool_labels has the label 'a' with a value that is not a string",
        ),
        ("deploytool_state: paused", "deploytool_state is 'paused'"),
        ("deploytool_state: [drain]", "deploytool_state is ['drain']"),
        ("deploytool_cpus: none", "deploytool_cpus is 'none', not a positive number"),
        ("deploytool_cpus: .nan", "deploytool_cpus is nan, not a positive number"),
        ("deploytool_cpus: -1", "deploytool_cpus is -1, not a positive number"),
        ("deploytool_memory: 512Q", "deploytool_memory is '512Q', not an amount of memory"),
        ("deploytool_memory: true", "deploytool_memory is True, not an amount of memory"),
        ("deploytool_dir: var/lib", "deploytool_dir is 'var/lib', not an absolute path"),
        ("deploytool_dir: /", "deploytool_dir is '/', not an absolute path"),
        ("deploytool_address: [1]", "deploytool_address is not a string but [1]"),
        ("ansible_port: ssh", "ansible_port asks for the port 'ssh'"),
        ("ansible_port: 70000", "ansible_port asks for the port '70000'"),
        (
            "ansible_connection: winrm",
            "ansible_connection is 'winrm', a connection that deploytool does not have",
        ),
        ("ansible_become: maybe", "ansible_become is 'maybe', neither true nor false"),
        ("ansible_user: '{{ nosuch }}'", "'nosuch' is undefined"),
        ("ansible_ssh_common_args: -Z", "ansible_ssh_common_args has '-Z': -Z not recognized"),
        ('ansible_ssh_common_args: "-o \'x"', "ansible_ssh_common_args cannot be split into words"),
        ("ansible_ssh_extra_args: bastion", "ansible_ssh_extra_args has 'bastion', which is no option"),
        ("ansible_ssh_private_key: secret", "ansible_ssh_private_key is not supported"),
    ],
)
def test_wrong_values_have_a_place(load: Load, text: str, message: str) -> None:
    """A variable that decides something and has a wrong value is an error at that value."""
    with pytest.raises(InputError) as caught:
        load(f"all:\n  hosts:\n    h:\n      {text}\n").inventory()
    (problem,) = caught.value.problems
    assert problem.message.startswith(message)
    assert (problem.place.file, problem.place.line) == ("hosts.yaml", 4)


def test_a_wrong_group_variable_is_told_once(load: Load) -> None:
    """A mistake that a thousand hosts share is one problem."""
    loaded = load("all: {hosts: {'h[1:1000]': }, vars: {deploytool_stat: drain}}")
    with pytest.raises(InputError) as caught:
        loaded.inventory()
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].hint == "did you mean 'deploytool_state'?"


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


def test_plugin_configuration_is_refused(load: Load) -> None:
    """A dynamic source is an error that says how to get its hosts."""
    with pytest.raises(InputError) as caught:
        load("plugin: aws_ec2\nregions: [eu]\n")
    assert "inventory plugin 'aws_ec2'" in caught.value.problems[0].message
    assert "ansible-inventory" in caught.value.problems[0].hint


def test_listing_in_a_file(tmp_path: Path) -> None:
    """What ``ansible-inventory --list`` printed is an inventory, whatever the file is called."""
    path = tmp_path / "inventory.txt.json"
    path.write_text(
        '{"_meta": {"hostvars": {"h": {"a": 1}}},\n\t"all": {"children": ["web"]}, "web": {"hosts": ["h"]}}'
    )
    loaded = load_inventory(str(path))
    assert loaded.names.groups["web"].hosts == ("h",)
    assert dict(loaded.variables("h")) == {"a": 1}


def test_script_without_meta_is_asked_for_each_host(tmp_path: Path) -> None:
    """A script that prints no _meta is run once more for each host."""
    path = tmp_path / "hosts.sh"
    path.write_text(
        '#!/bin/sh\n[ "$1" = --list ] && echo \'{"web": ["a", "b"]}\' || echo "{\\"me\\": \\"$2\\"}"\n'
    )
    path.chmod(0o755)
    loaded = load_inventory(str(path))
    assert [loaded.variables(name)["me"] for name in ("a", "b")] == ["a", "b"]


def test_script_that_fails_says_why(tmp_path: Path) -> None:
    """The last line of a failing script's stderr is in the error."""
    path = tmp_path / "hosts.sh"
    path.write_text("#!/bin/sh\necho no token >&2\nexit 3\n")
    path.chmod(0o755)
    with pytest.raises(InputError, match="failed with exit code 3: no token"):
        load_inventory(str(path))
