"""Rendering the strings of a Compose document: Jinja first, then ``${}``."""

from __future__ import annotations

from tests.unit.load.playbooks import Site, play


class TestInterpolation:
    """``${}`` in what was written, never in what a variable holds."""

    def test_sources(self, site: Site) -> None:
        """The play's environment wins over .env, and .env over the process."""
        site.write(".env", "A=dotenv\nB=dotenv\n")
        site.environ = {"A": "process", "B": "process", "C": "process"}
        body = site.body("environment: {V: '$A $B $C', C: , D: }", "environment: {A: play}")
        assert body["environment"] == {"V": "play dotenv process", "C": "process"}

    def test_values_of_variables_are_literal(self, site: Site) -> None:
        """A password with dollar signs survives, alone and within text."""
        body = site.body('environment: {A: "{{ password }}", B: "x-{{ password }}-${X:-$$}"}')
        assert body["environment"] == {"A": "a$b${c}$$", "B": "x-a$b${c}$$-$"}

    def test_types_after_interpolation(self, site: Site) -> None:
        """A number or a truth may come from a variable, which always holds text."""
        body = "init: ${INIT:-true}\nmem_swappiness: ${X:-5}\ndeploy: {replicas: '${N:-3}'}"
        assert site.service(body).replicas == 3
        assert (site.body(body)["init"], site.body(body)["mem_swappiness"]) == (True, 5)

    def test_unset_variables_are_errors(self, site: Site) -> None:
        """Where Compose takes the empty string, a forgotten variable is told."""
        (found,) = site.problems(play("command: run ${NOPE}"))
        assert found.startswith("6:16 the variable 'NOPE' is not set | set it under 'environment'")
