"""Plays: their keys, their hosts, their variables at two levels, and the errors of all of it."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

from deploytool.errors import InputError, UsageError
from deploytool.load.playbook.playbook_loader import find_playbook
from deploytool.model.intent import Mode
from tests.unit.load.playbooks import Site, play

ROOT = Path(__file__).parents[4]
KEYS_HINT = "docs/compose-support.md lists the keys; one of your own begins with 'x-'"
NAME_HINT = "define it under 'vars' of the play or in the inventory, or pass"


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


def test_all_problems_of_all_files(site: Site) -> None:
    """Every problem of every playbook shows in one run, sorted, none twice."""
    site.write("compose.yaml", "services: {a: {image: a, imge: b}}\nvolums: {}\n")
    twice = "".join(f"- name: {name}\n  hosts: web\n  compose: compose.yaml\n" for name in "BC")
    found = site.problems(
        {
            "b.yaml": twice,
            "a.yaml": play("replcas: 1\nenvironment: {A: '{{ nope }}', B: '{{ nope }}'}"),
        }
    )
    assert found == [
        f"a.yaml:6:7 unknown key 'replcas' in web | {KEYS_HINT}",
        f"a.yaml:7:24 'nope' is undefined | {NAME_HINT} -e nope=…",
        f"a.yaml:7:41 'nope' is undefined | {NAME_HINT} -e nope=…",
        "compose.yaml:1:26 unknown key 'imge' in a | did you mean 'image'?",
        "compose.yaml:2:1 unknown key 'volums' in the Compose file | did you mean 'volumes'?",
    ]


def test_one_project_belongs_to_one_play(site: Site) -> None:
    """Two plays with the same project are an error that names both."""
    one = play("")
    found = site.problems({"a.yaml": one, "b.yaml": one})
    assert found == [
        "b.yaml:1:3 the project 'shop' is already that of the play 'Shop' at a.yaml:1:3"
        " | give one of the two another name with 'project'"
    ]


class TestLevels:
    """What decides for the play sees the play's variables; what a container is made from sees its host's."""

    def test_host_variables_in_a_container(self, site: Site) -> None:
        """Each host gets its own rendering."""
        text = play('environment: {RACK: "{{ rack }}", HOST: "{{ inventory_hostname }}"}')
        got = [site.definition(text, host).services["web"]["environment"] for host in ("web1", "web2")]
        assert got == [{"RACK": "r1", "HOST": "web1"}, {"RACK": "r2", "HOST": "web2"}]

    def test_play_variables_decide(self, site: Site) -> None:
        """Variables of the group all, of the play and -e decide how many, in this order of strength."""
        body = 'deploy: {replicas: "{{ replicas }}"}'
        assert site.service(body).replicas == 3
        assert site.service(body, "vars: {replicas: 4}").replicas == 4
        loaded = site.project(play(body, "vars: {replicas: 4}"), extra_vars={"replicas": "5"})
        assert loaded.services[0].replicas == 5

    @pytest.mark.parametrize("name", ["inventory_hostname", "rack", "role", "group_names"])
    @pytest.mark.parametrize(
        "body",
        [
            'deploy: {{replicas: "{{{{ {} }}}}"}}',
            'deploy: {{replicas: "{{{{ {} | default(1) }}}}"}}',
            'ports: ["{{{{ {} }}}}:80"]',
            "restart: '{{{{ {} }}}}'",
            "healthcheck: {{test: x, interval: '{{{{ {} }}}}'}}",
        ],
    )
    def test_host_variables_cannot_decide(self, site: Site, name: str, body: str) -> None:
        """A host's or group's variable where something is decided once is an error that says so."""
        (found,) = site.problems(play(body.format(name)))
        assert f"'{name}' differs from host to host, and this is decided once for the whole play" in found

    def test_overridden_variables_cannot_decide(self, site: Site) -> None:
        """A variable of the group all that one host overrides is not the play's any more."""
        site.inventory = "all: {vars: {n: 1}}\nweb: {hosts: {web1: , web2: {n: 2}}}"
        (found,) = site.problems(play('deploy: {replicas: "{{ n }}"}'))
        assert "'n' differs from host to host" in found

    def test_placements(self, site: Site) -> None:
        """Where every service runs is known in a container, as lists of names, and nowhere else."""
        text = play("environment: {PEERS: \"{{ placements.web | join(',') }}\"}")
        project = site.project(text)
        definition = project.definitions.on(project.hosts[0], {"web": ("web1", "web2")})
        assert definition.services["web"]["environment"] == {"PEERS": "web1,web2"}
        (found,) = site.problems(play('deploy: {replicas: "{{ placements.web | length }}"}'))
        assert "'placements' is known only once every service has its hosts" in found

    def test_magic_names(self, site: Site) -> None:
        """The names that Ansible knows are known, other hosts' variables among them."""
        text = play(
            """
            environment:
              A: "{{ groups.web | join(',') }} {{ hostvars.db1.inventory_hostname }} {{ group_names | join }}"
              B: "{{ ansible_play_hosts | join(',') }} {{ inventory_hostname_short }} {{ playbook_dir }}"
              C: "{{ hostvars.web2.rack }} {{ ansible_check_mode }} {{ inventory_dir }}"
            """
        )
        folder = site.folder
        assert site.definition(text).services["web"]["environment"] == {
            "A": "web1,web2 db1 web",
            "B": f"web1,web2 web1 {folder}",
            "C": f"r2 False {folder}",
        }

    def test_what_no_host_changes_is_shared(self, site: Site) -> None:
        """Hosts that get the same share one definition, so that thousands of them stay cheap."""
        project = site.project(play("environment: {A: '{{ region }}'}", "vars: {tag: 1}"))
        one, other = (project.definitions.on(host, {}) for host in project.hosts)
        assert one is other

    def test_undefined_on_some_hosts(self, site: Site) -> None:
        """A variable that only some hosts lack is found before any host is touched, and they are named."""
        site.inventory = "web: {hosts: {web1: {x: 1}, web2: , web3: }}"
        (found,) = site.problems(play("environment: {A: '{{ x }}'}"))
        assert found == f"6:24 'x' is undefined (on web2 and 1 more) | {NAME_HINT} -e x=…"

    def test_group_vars_beside_the_playbook(self, site: Site) -> None:
        """The playbook's own group_vars and host_vars are read."""
        site.write("group_vars/all.yaml", "replicas: 7\n")
        site.write("host_vars/web1.yaml", "rack: own\n")
        body = "environment: {RACK: '{{ rack }}'}\ndeploy: {replicas: '{{ replicas }}'}"
        assert site.service(body).replicas == 7
        assert site.body(body)["environment"] == {"RACK": "own"}

    def test_services_may_be_templates(self, site: Site) -> None:
        """Names and whole services may come from variables of the play."""
        text = """
            - name: Shop
              hosts: web
              vars: {who: api, body: {image: "x:{{ region }}", deploy: {mode: global}}}
              services:
                "{{ who }}-1": "{{ body }}"
            """
        (service,) = site.project(text).services
        assert (service.name, service.mode) == ("api-1", Mode.GLOBAL)
        assert site.definition(text).services["api-1"]["image"] == "x:eu"


@pytest.mark.parametrize(
    ("tags", "skip", "expected"),
    [
        ("", "", "abdu"),
        ("one", "", "ad"),
        ("two", "", "bd"),
        ("all", "", "abdu"),
        ("tagged", "", "abd"),
        ("untagged", "", "du"),
        ("never", "", "dn"),
        ("", "one", "bdu"),
        ("", "tagged", "u"),
        ("one", "always", "a"),
    ],
)
def test_tags(site: Site, tags: str, skip: str, expected: str) -> None:
    """--tags and --skip-tags choose plays as ansible-playbook does."""
    plays = {"a": "[one]", "b": "two", "d": "[always]", "u": "[]", "n": "[never]"}
    text = "".join(
        f"- name: {name}\n  hosts: web\n  tags: {own}\n  services: {{x: {{image: x}}}}\n"
        for name, own in plays.items()
    )
    chosen = site.load(text, tags={tags} - {""}, skip_tags={skip} - {""}).projects
    assert {project.name for project in chosen} == set(expected)


def test_tags_that_match_nothing(site: Site) -> None:
    """A misspelt tag is an error with the nearest one, since it would run nothing in silence."""
    text = play("").replace("hosts: web", "hosts: web\n  tags: [frontend]")
    with pytest.raises(UsageError, match="--tags frontnd leaves no play") as caught:
        site.load(text, tags={"frontnd"})
    assert caught.value.hint == "did you mean 'frontend'?"


def test_find_playbook(tmp_path: Path) -> None:
    """The default playbook is looked for here, then from the inventory upwards."""
    inventory = tmp_path / "a" / "b" / "hosts.yaml"
    inventory.parent.mkdir(parents=True)
    inventory.write_text("")
    with pytest.raises(InputError, match="no such file"):
        find_playbook(str(inventory), tmp_path / "a")
    above = tmp_path / "playbooks" / "site.yml"
    above.parent.mkdir()
    above.write_text("")
    assert find_playbook(str(inventory), tmp_path / "a") == above.resolve()
    here = tmp_path / "a" / "playbooks" / "site.yaml"
    here.parent.mkdir()
    here.write_text("")
    assert find_playbook(str(inventory), tmp_path / "a") == Path("playbooks/site.yaml")


@pytest.mark.parametrize("name", ["site.yaml", "nats.yaml", "example.yaml"])
def test_shipped_playbooks_load(site: Site, name: str) -> None:
    """The demo and the annotated examples load on the inventories that they are written for."""
    inventory = ROOT / "inventories" / ("example.yaml" if name == "example.yaml" else "lab.yaml")
    site.inventory = inventory.read_text()
    book = ROOT / "playbooks" / name
    for file in (book.parent / "files").iterdir():
        site.write(f"files/{file.name}", file.read_bytes())
    assert site.load(book.read_text()).projects
