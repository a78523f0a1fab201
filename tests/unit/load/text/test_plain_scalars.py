"""Scalars without quotes."""

from __future__ import annotations

import pytest

from tests.unit.load.playbooks import Site, play


class TestScalars:
    """Scalars without quotes mean what they mean to Compose, not to YAML 1.1."""

    @pytest.mark.parametrize(
        ("written", "text"),
        [
            *(("yes", "yes"), ("off", "off"), ("true", "true"), ("tRue", "tRue"), ("12:30", "12:30")),
            *(("190:20:30.15",) * 2, ("2024-01-01",) * 2, ("1.2.3",) * 2, ("1e400",) * 2, ("_1",) * 2),
            *(("012", "10"), ("0o12", "10"), ("0x1F", "31"), ("0b11", "3"), ("1_000", "1000"), ("08", "8")),
            *(("1.0", "1"), ("1.50", "1.5"), ("5.", "5"), (".5", "0.5"), ("-0.5", "-0.5"), ("1e3", "1000")),
            *(("1000000.0", "1e+06"), ("-1.5e7", "-1.5e+07"), ("0.00001", "1e-05"), ("!!str 1:30", "1:30")),
            ("123456789012345678901234567890", "1.2345678901234568e+29"),
        ],
    )
    def test_as_text(self, site: Site, written: str, text: str) -> None:
        """What a variable of a container is."""
        assert site.body(f"environment: {{X: {written}}}")["environment"] == {"X": text}

    def test_ports_are_no_base_60(self, site: Site) -> None:
        """``22:22`` without quotes is a port, not the number 1342."""
        (port,) = site.body("ports: [22:22]")["ports"]
        assert (port["target"], port["published"]) == (22, "22")

    def test_variables_of_a_play_stay_ansibles(self, site: Site) -> None:
        """``yes`` is true in the variables of the same play."""
        body = site.body('environment: {X: "{{ v }}", Y: yes}', "vars: {v: yes}")
        assert body["environment"] == {"X": "true", "Y": "yes"}

    def test_no_number_without_end(self, site: Site) -> None:
        """What Compose refuses is refused here."""
        assert site.problems(play("environment: {X: .inf}")) == [
            "6:24 'X' has to be text, not a number without end"
        ]
