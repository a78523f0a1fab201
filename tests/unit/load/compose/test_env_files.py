"""The variables of ``env_file``, and which of the process's own they depend on."""

from __future__ import annotations

from deploytool.load.text.input_log import begin, noted, noted_so_far
from deploytool.model.inputs import ENVIRONMENT
from tests.unit.load.playbooks import Site, play


def asked_for(site: Site, playbook: str) -> list[str]:
    """The variables of the process that count as inputs of a plan."""
    begin()
    site.environ = noted({"HOME": "/root", "BUILD_ID": "7"})
    site.load(playbook)
    return [entry.name for entry in noted_so_far() if entry.kind == ENVIRONMENT]


def test_only_variables_that_a_file_refers_to_are_inputs(site: Site) -> None:
    """A saved plan still holds when a variable differs that no file asks for, as in another job of CI."""
    site.write("a.env", "A=1\n")
    site.write("b.env", "B=${HOME}-${A}\n")
    assert asked_for(site, play("env_file: [a.env, b.env]")) == ["HOME"]


def test_variables_that_dotenv_refers_to_are_inputs(site: Site) -> None:
    """A saved plan does not hold any more when a variable differs that ``.env`` takes over."""
    site.write(".env", "A=${HOME}\n")
    assert "HOME" in asked_for(site, play("environment: {X: $A}"))
