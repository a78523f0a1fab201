"""The definitions of a play: one for each host, shared where hosts get the same."""

from __future__ import annotations

from tests.unit.load.playbooks import Site, play

NAME_HINT = "define it under 'vars' of the play or in the inventory, or pass"


def test_what_no_host_changes_is_shared(site: Site) -> None:
    """Hosts that get the same share one definition, so that thousands of them stay cheap."""
    project = site.project(play("environment: {A: '{{ region }}'}", "vars: {tag: 1}"))
    one, other = (project.definitions.on(host, {}) for host in project.hosts)
    assert one is other


def test_undefined_on_some_hosts(site: Site) -> None:
    """A variable that only some hosts lack is found before any host is touched, and they are named."""
    site.inventory = "web: {hosts: {web1: {x: 1}, web2: , web3: }}"
    (found,) = site.problems(play("environment: {A: '{{ x }}'}"))
    assert found == f"6:24 'x' is undefined (on web2 and 1 more) | {NAME_HINT} -e x=…"
