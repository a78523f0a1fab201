"""The variables of a host that have a meaning here."""

from __future__ import annotations

import pytest

from deploytool.errors import InputError
from deploytool.model.inventory import HostState
from tests.unit.load.inventory.conftest import Load


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
