"""The command line as a whole: every command is documented, every ending has its exit code."""

from __future__ import annotations

import pytest

from deploytool.cli import COMMANDS
from tests.command_line import ROOT, commands, run


@pytest.mark.parametrize(
    ("name", "command"), commands(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_has_help_with_an_example(name, command):
    """One imperative line, and something to copy."""
    help_text = command.help or ""
    assert help_text.splitlines()[0].endswith((".", ";")), name
    assert f"deploytool {name}" in help_text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name):
    """Whoever reads only the README finds them all."""
    assert f"`deploytool {name} " in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["--version"], 0, "deploytool"),
        (["validate", "hosts.yaml", "site.yaml"], 0, "All files are good."),
        (["frobnicate"], 2, "No such command"),
        (["plan"], 2, "INVENTORY"),
        (["plan", "hosts.yaml", "site.yaml", "--limit", "h2"], 2, "did you mean 'h1'?"),
        (["plan", "hosts.yaml", "site.yaml", "--timeout", "soon"], 2, "not a duration"),
        (["plan", "none.yaml", "site.yaml"], 3, "none.yaml: error: no such file"),
        (["plan", "hosts.yaml", "none.yaml"], 3, "none.yaml: error: no such file"),
        (["plan", "hosts.yaml", "site.yaml", "-e", "{"], 3, "--extra-vars"),
        (["plan", "hosts.yaml", "site.yaml"], 4, "h1: unreachable"),
        (["converge", "hosts.yaml", "site.yaml"], 4, "h1: unreachable"),
        (["status", "hosts.yaml", "site.yaml"], 4, "h1: unreachable"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_each_ending_has_its_exit_code_and_no_traceback(site, argv, code, words):
    """A sentence, not a stack trace."""
    done = run(*argv, cwd=site)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert words in said
    assert "Traceback" not in said


def test_data_goes_to_stdout_and_progress_to_stderr(site):
    """So that a pipe gets the plan and nothing else."""
    done = run("plan", "hosts.yaml", "site.yaml", cwd=site)
    assert "unreachable" not in done.stdout
    assert "none of its hosts answered" in done.stdout


def test_options_can_be_set_by_the_environment(site):
    """DEPLOYTOOL_<COMMAND>_<OPTION>."""
    done = run("plan", "hosts.yaml", "site.yaml", cwd=site, DEPLOYTOOL_PLAN_LIMIT="h2")
    assert done.returncode == 2


def test_the_default_playbook_is_looked_for(site):
    """playbooks/site.yaml, from the working directory or upwards from the inventory."""
    assert "playbooks/site.yaml: error: no such file" in run("validate", "hosts.yaml", cwd=site).stderr
    (site / "playbooks").mkdir()
    (site / "site.yaml").rename(site / "playbooks" / "site.yaml")
    assert run("validate", "hosts.yaml", cwd=site).returncode == 0
    (site / "below").mkdir()
    assert run("validate", str(site / "hosts.yaml"), cwd=site / "below").returncode == 0
