"""``converge --plan`` before any host is asked: which files it takes, and which options beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploytool.model.document import sealed, text_of
from tests.command_line import run


@pytest.fixture
def plan(site: Path) -> Path:
    """Made for a host that does not answer: it is about nothing, and a plan all the same."""
    path = site / "plan.json"
    done = run(
        "plan", "hosts.yaml", "site.yaml", "--limit", "h1", "--timeout", "90s", "--out", str(path), cwd=site
    )
    assert done.returncode == 4, done.stderr
    return path


def edited(plan: Path, **options: object) -> None:
    document = json.loads(plan.read_text("utf-8"))
    document["command"]["options"].update(options)
    plan.write_text(
        text_of(sealed({key: value for key, value in document.items() if key != "digest"})), "utf-8"
    )


def test_a_plan_knows_files_and_options(plan, site):
    """Nothing has to be typed again; what is typed has to be the same."""
    made = json.loads(plan.read_text("utf-8"))
    assert made["command"] == {
        "inventory": "hosts.yaml",
        "playbooks": ["site.yaml"],
        "options": {"limit": "h1", "timeout": 90.0},
    }
    assert run("converge", "--plan", "plan.json", cwd=site).returncode == 4
    same = run("converge", "hosts.yaml", "site.yaml", "--plan", "plan.json", "--limit", "h1", cwd=site)
    assert same.returncode == 4
    other = run("converge", "--plan", "plan.json", "--limit", "all", cwd=site)
    assert (other.returncode, "--limit is not what the plan was made with" in other.stderr) == (2, True)
    adopt = run("converge", "--plan", "plan.json", cwd=site, DEPLOYTOOL_ADOPT="1")
    assert (adopt.returncode, "--adopt is not what the plan was made with" in adopt.stderr) == (2, True)


def test_a_damaged_plan_is_bad_input(plan, site):
    """Exit 3, a sentence, no traceback."""
    plan.write_text(plan.read_text("utf-8").replace("h1", "h2"), "utf-8")
    done = run("converge", "--plan", "plan.json", cwd=site)
    assert (done.returncode, done.stderr.startswith("plan.json: error: was changed since")) == (3, True)
    missing = run("converge", "--plan", "none.json", cwd=site)
    assert (missing.returncode, "no such file" in missing.stderr) == (3, True)


@pytest.mark.parametrize(
    "options", [{"limit": {"a": 1}}, {"tags": 5}, {"timeout": "soon"}, {"adopt": "maybe"}]
)
def test_a_forged_option_is_bad_input(plan, site, options):
    """Also where somebody made a checksum for it."""
    edited(plan, **options)
    done = run("converge", "--plan", "plan.json", cwd=site)
    assert done.returncode in (2, 3), done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


def test_an_inventory_or_a_plan_is_needed(site):
    """As ever."""
    done = run("converge", cwd=site)
    assert (done.returncode, "Missing argument 'INVENTORY'" in done.stderr) == (2, True)
