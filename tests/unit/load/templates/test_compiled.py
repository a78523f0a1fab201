"""Templates of others within strings: those of Docker and Swarm."""

from __future__ import annotations

from tests.unit.load.playbooks import Site, play


class TestDockersTemplates:
    """Docker's own ``{{.Name}}``, as people have it in their log tags."""

    def test_they_stay(self, site: Site) -> None:
        """No expression begins with a dot, so nothing has to be marked."""
        body = site.body('labels: {a: "{{.Name}}/{{ role }}/{{ .ID }}", b: "{{.Name}}"}')
        assert body["labels"] == {"a": "{{.Name}}/web/{{ .ID }}", "b": "{{.Name}}"}

    def test_swarms_are_refused(self, site: Site) -> None:
        """What only Swarm fills in is never left standing."""
        (problem,) = site.problems(play('hostname: "{{.Node.Hostname}}"'))
        assert "'{{.Node.Hostname}}' is filled in by Swarm only" in problem

    def test_others_need_marks(self, site: Site) -> None:
        """The error of a template that is another's says how to mark it."""
        (problem,) = site.problems(play('labels: {a: "{{ $x }}"}'))
        assert "between {% raw %} and {% endraw %}" in problem
