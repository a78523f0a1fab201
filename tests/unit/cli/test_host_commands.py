"""Commands that look across hosts: what is wrong with the command line is said before any host is reached."""

from __future__ import annotations

import pytest

from deploytool.errors import UsageError
from tests.unit.cli.in_process import run


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
