"""Commands of this machine, and what is told of them."""

from __future__ import annotations

import pytest

from deploytool.errors import LabError
from deploytool.lab.commands import last_words, run
from deploytool.transport.base import Result


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Result(1, b"out", b"Error: no such network\nexit status 1\n"), "Error: no such network"),
        (Result(1, b"one\ntwo\n"), "two"),
        (Result(1, b"", b"exit status 1\n"), "it said nothing"),
    ],
)
def test_the_cause_is_told(said: Result, told: str) -> None:
    """Not the exit status that docker repeats below it."""
    assert last_words(said) == told


def test_a_failure_names_the_command_and_the_cause() -> None:
    """In one sentence."""
    with pytest.raises(LabError, match="'sh -c' failed with 3: no room"):
        run(("sh", "-c", "echo no room >&2; exit 3"))
