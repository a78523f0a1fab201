"""Commands that look across hosts: what is wrong with the command line is said before any host is reached."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from deploytool.cli import app
from deploytool.cli.commands.logs import since, tail
from deploytool.cli.options import split_words
from deploytool.errors import UsageError


@pytest.fixture
def arguments(tmp_path):
    inventory = tmp_path / "hosts.yaml"
    inventory.write_text("web: {hosts: {h1: {ansible_host: 192.0.2.1}, h2: {ansible_host: 192.0.2.2}}}\n")
    playbook = tmp_path / "site.yaml"
    playbook.write_text(
        "- {name: shop, hosts: h1, services: {web: {image: demo/web}}}\n"
        "- {name: blog, hosts: h2, services: {web: {image: demo/web}, api: {image: demo/web}}}\n"
    )
    return [str(inventory), str(playbook)]


def run(*words: str) -> None:
    CliRunner().invoke(app, words, catch_exceptions=False, standalone_mode=False)


@pytest.mark.parametrize(
    "words", [["logs", "wbe"], ["exec", "wbe", "--", "true"], ["ps", "-s", "wbe"], ["events", "-s", "wbe"]]
)
def test_an_unknown_service_is_an_error_with_the_nearest_name(arguments, words):
    """In every command that takes one."""
    with pytest.raises(UsageError, match="there is no service 'wbe'") as caught:
        run(words[0], *arguments, *words[1:])
    assert caught.value.hint == "did you mean 'web'?"


@pytest.mark.parametrize("words", [["logs", "api"], ["ps", "-s", "api"], ["exec", "api", "--", "true"]])
def test_a_limit_that_leaves_no_host_is_an_error(arguments, words):
    """Hosts that never run the service are of no use."""
    with pytest.raises(UsageError, match="--limit: h1 leaves no host of blog") as caught:
        run(words[0], *arguments, "-l", "h1", *words[1:])
    assert "h2" in caught.value.hint


def test_exec_needs_a_service_and_a_command(arguments):
    """And says how they are written."""
    with pytest.raises(UsageError, match="what to run") as caught:
        run("exec", *arguments, "web")
    assert "--" in caught.value.hint


def test_exec_asks_which_project_is_meant(arguments):
    """Where several have the service."""
    with pytest.raises(UsageError, match="several projects") as caught:
        run("exec", *arguments, "web", "--", "true")
    assert "shop/web" in caught.value.hint


def test_playbooks_come_first():
    """A service may be called like a file, behind the first that is none."""
    playbooks, rest = split_words(("a.yaml", "b/c.yml", "web", "cat", "x.yaml"))
    assert [str(path) for path in playbooks] == ["a.yaml", "b/c.yml"]
    assert rest == ("web", "cat", "x.yaml")


@pytest.mark.parametrize(
    ("given", "docker"),
    [("10m", "600s"), ("1h30m", "5400s"), ("2026-01-31T12:00:00Z", "1769860800.000000000")],
)
def test_since_is_a_duration_or_a_moment(given, docker):
    """As Docker takes it, whatever the host's time zone."""
    assert since(given) == docker


@pytest.mark.parametrize("given", ["", "yesterday", "-5m", "12:00", "1;reboot"])
def test_since_is_nothing_else(arguments, given):
    """A sentence with what can be written."""
    done = CliRunner().invoke(app, ["logs", *arguments, "--since", given])
    assert done.exit_code == 2
    assert "is neither a duration (10m, 1h30m) nor a moment" in done.output


def test_tail_is_a_number_or_all():
    """Nothing else."""
    assert [tail("all"), tail("0"), tail("12")] == [None, 0, 12]
    for given in ("-1", "few", "1.5", "٣"):
        with pytest.raises(Exception, match="neither a number of lines nor 'all'"):
            tail(given)
