"""The variables of a play at two levels: for the play, and for each host."""

from __future__ import annotations

import pytest

from tests.unit.load.playbooks import Site, play

NAME_HINT = "define it under 'vars' of the play or in the inventory, or pass"


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

    def test_group_vars_beside_the_playbook(self, site: Site) -> None:
        """The playbook's own group_vars and host_vars are read."""
        site.write("group_vars/all.yaml", "replicas: 7\n")
        site.write("host_vars/web1.yaml", "rack: own\n")
        body = "environment: {RACK: '{{ rack }}'}\ndeploy: {replicas: '{{ replicas }}'}"
        assert site.service(body).replicas == 7
        assert site.body(body)["environment"] == {"RACK": "own"}
