"""Files and annotations for CI systems, whatever the end of a command."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.command_line import run

GITHUB = {"GITHUB_ACTIONS": "true", "GITLAB_CI": ""}


def test_on_github_an_error_is_annotated_and_in_the_summary(site):
    """Of every command; the summary is appended to."""
    (site / "summary.md").write_text("# before\n", "utf-8")
    (site / "site.yaml").write_text("- {name: Shop, hosts: all, serail: 1, services: {}}\n", "utf-8")
    done = run(
        "validate",
        "hosts.yaml",
        "site.yaml",
        cwd=site,
        **GITHUB,
        GITHUB_STEP_SUMMARY=str(site / "summary.md"),
    )
    assert done.returncode == 3
    assert "::error file=site.yaml,line=1" in done.stderr
    text = (site / "summary.md").read_text("utf-8")
    assert text.startswith("# before\n### deploytool: error\n")


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "markdown"])
def test_files_are_written_beside_every_format(site, form):
    """The outcome as Markdown and as JUnit; a host that does not answer is in both."""
    files = ("--summary", "summary.md", "--junit", "junit.xml")
    done = run("plan", "hosts.yaml", "site.yaml", "-o", form, *files, cwd=site)
    assert done.returncode == 4, done.stderr
    assert "<code>h1</code> is unreachable" in (site / "summary.md").read_text("utf-8")
    root = ElementTree.parse(site / "junit.xml").getroot()  # noqa: S314 - our own
    assert [case.get("name") for case in root.iter("testcase")] == ["h1"]


def test_a_command_that_fails_early_leaves_a_junit_file(site):
    """A CI system takes a missing file for a failure of its own."""
    done = run("plan", "none.yaml", "site.yaml", "--junit", "junit.xml", cwd=site)
    assert done.returncode == 3
    root = ElementTree.parse(site / "junit.xml").getroot()  # noqa: S314 - our own
    assert root.get("errors") == "1"


def test_a_file_that_cannot_be_written_is_named_with_its_option(site):
    """Exit code 2, as for other wrong options."""
    done = run("plan", "hosts.yaml", "site.yaml", "--summary", "none/summary.md", cwd=site)
    assert done.returncode == 2
    assert "--summary: none/summary.md cannot be written: No such file" in done.stderr
