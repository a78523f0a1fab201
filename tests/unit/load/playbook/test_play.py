"""Plays: their keys, their hosts, their projects, and the errors of all of it."""

from __future__ import annotations

import gc
import weakref

import pytest

from deploytool.errors import InputError
from tests.unit.load.playbooks import Site, play


def test_every_key_of_a_play(site: Site) -> None:
    """A play with all of its keys becomes a project that says the same."""
    site.write("vars/shop.yaml", "tag: '2'")
    project = site.project(
        """
        - name: My Shop
          hosts: [web, db]
          vars: {tag: "1", title: ignored}
          vars_files: [[vars/none.yaml, vars/shop.yaml]]
          environment: {REGISTRY: r.example.com}
          serial: [1, "50%"]
          max_fail_percentage: 25
          any_errors_fatal: true
          remote_user: deploy
          port: 2222
          become: true
          become_user: admin
          become_method: sudo
          gather_facts: false
          tags: [shop]
          x-note: mine
          services:
            web: {image: "${REGISTRY}/web:{{ tag }}"}
        """
    )
    assert (project.name, project.title, project.play) == ("my-shop", "My Shop", "play.yaml: My Shop")
    assert [host.name for host in project.hosts] == ["web1", "web2", "db1"]
    assert project.serial == ("1", "50%")
    assert (project.max_fail_percent, project.any_errors_fatal) == (25.0, True)
    connection = project.hosts[0].connection
    assert (connection.user, connection.port) == ("deploy", 2222)
    assert connection.become is not None
    assert connection.become.user == "admin"
    definition = project.definitions.on(project.hosts[0], {"web": ("web1",)})
    assert definition.services["web"]["image"] == "r.example.com/web:2"


def test_what_was_loaded_can_be_forgotten(site: Site) -> None:
    """A program that loads the files again and again, as a watcher does, keeps nothing of the last time."""
    text = play("environment: {PEERS: \"{{ placements.web | join(',') }}\"}\ndeploy: {replicas: 1}")
    projects = [weakref.ref(site.project(text).definitions) for _ in range(2)]
    with pytest.raises(InputError):
        site.load(play('deploy: {replicas: "{{ placements.web | length }}"}'))
    gc.collect()
    assert [project() for project in projects] == [None, None]


def test_the_inventory_wins_over_the_keywords_of_a_play(site: Site) -> None:
    """As in Ansible: remote_user is for hosts of which the inventory says nothing."""
    site.inventory = "web: {hosts: {a: {ansible_user: root}, b: {ansible_ssh_user: old}, c: }}"
    project = site.project(play("").replace("hosts: web", "hosts: web\n  remote_user: deploy"))
    assert [host.connection.user for host in project.hosts] == ["root", "old", "deploy"]


@pytest.mark.parametrize(
    ("head", "project"),
    [
        ("name: Shop", "shop"),
        ("name: Größe & Co.", "gr-e-co"),
        ("name: x\n  project: '{{ region }}-shop'", "eu-shop"),
        ("project: only", "only"),
    ],
)
def test_project_names(site: Site, head: str, project: str) -> None:
    """The project is what the play says, or its name as a Compose project can be called."""
    loaded = site.project(f"- {head}\n  hosts: web\n  services: {{a: {{image: a}}}}\n")
    assert loaded.name == project


@pytest.mark.parametrize(
    ("playbook", "expected"),
    [
        ("", "1 is empty"),
        ("services: {}", "1 is a mapping, not a list of plays"),
        ("[]", "1 is empty"),
        ("- x", "1:3 a play has to be a mapping, not text"),
        ("- hosts: web\n  services: {a: {image: a}}\n", "1:3 the play has no name"),
        ("- name: x\n  services: {a: {image: a}}\n", "1:3 the play has no 'hosts'"),
        ("- name: x\n  hosts: web\n", "1:3 the play has neither 'compose' nor 'services'"),
        ("- name: x\n  hosts: wbe\n  services: {a: {image: a}}\n", "2:10 'wbe' matches no host and no group"),
        (
            "- name: x\n  hosts: web\n  servces: {}\n",
            "3:3 unknown key 'servces' in a play | did you mean 'services'?",
        ),
        (
            "- name: x\n  hosts: web\n  tasks: []\n",
            "3:3 'tasks' is not supported: a play here runs containers",
        ),
        ("- name: x\n  hosts: web\n  vars_prompt: []\n", "3:3 'vars_prompt' is not supported"),
        ("- name: x\n  hosts: web\n  compose: none.yaml\n", "3:12 there is no Compose file 'none.yaml'"),
        ("- name: x\n  hosts: web\n  services: {}\n", "3:13 'services' is empty"),
        (
            "- name: x\n  hosts: web\n  compose: a\n  services: {}\n",
            "3:3 the play has both 'compose' and 'services'",
        ),
        ("- name: x\n  hosts: web\n  compose: a\n  volumes: {}\n", "4:3 'volumes' stands beside 'compose'"),
        (
            "- name: x\n  hosts: web\n  project: A b\n  services: {a: {image: a}}\n",
            "3:12 'A b' is no project name",
        ),
        (
            "- name: x\n  hosts: web\n  serial: 150%\n  services: {a: {image: a}}\n",
            "3:11 'serial' cannot be '150%'",
        ),
        (
            "- name: x\n  hosts: web\n  serial: 0\n  services: {a: {image: a}}\n",
            "3:11 'serial' cannot be '0'",
        ),
        (
            "- name: x\n  hosts: web\n  become_method: su\n  services: {a: {image: a}}\n",
            "3:18 'become_method'",
        ),
        (
            "- name: x\n  hosts: web\n  vars_files: [no.yaml]\n  services: {a: {image: a}}\n",
            "3:16 there is no file",
        ),
        (
            "- name: x\n  hosts: web\n  vars: []\n  services: {a: {image: a}}\n",
            "3:9 'vars' has to be a mapping",
        ),
        ("- import_playbook: a.yaml\n", "1:3 'import_playbook' is not supported"),
        ("- name: x\n\thosts: web\n", "2:1 a tab where YAML wants spaces"),
    ],
)
def test_wrong_plays(site: Site, playbook: str, expected: str) -> None:
    """What is wrong with a play is told at its place, with a way out."""
    assert any(found.startswith(expected) for found in site.problems(playbook)), site.problems(playbook)


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("inventory", ["web1", "web2", "db1"]),
        ("reverse_inventory", ["db1", "web2", "web1"]),
        ("sorted", ["db1", "web1", "web2"]),
        ("reverse_sorted", ["web2", "web1", "db1"]),
    ],
)
def test_the_order_of_hosts_is_that_of_ansible(site: Site, order: str, names: list[str]) -> None:
    """``serial`` takes the hosts in this order."""
    project = site.project(
        f"""
        - hosts: [web, db]
          project: shop
          order: {order}
          services: {{web: {{image: a}}}}
        """
    )
    assert [host.name for host in project.hosts] == names
