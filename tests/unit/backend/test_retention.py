"""How long a host remembers the releases of a project."""

from __future__ import annotations

import pytest

from deploytool.backend.retention import Records


def drop(
    runs: tuple[int, ...], attempts: tuple[int, ...], number: int, *, attempt: bool = False, current: int = 0
) -> tuple[int, ...]:
    """The releases that go when the newest two of each sort are kept."""
    return Records(runs, attempts).to_drop(number, keep=2, current=current, with_manifest=not attempt)


def test_nothing_goes_while_there_is_room() -> None:
    """The one that comes counts."""
    assert drop((), (), 1) == ()
    assert drop((1,), (2, 3), 4) == ()


@pytest.mark.parametrize("runs", [(1, 2, 3), (3, 2, 1)])
def test_the_oldest_go(runs: tuple[int, ...]) -> None:
    """In whatever order they are told."""
    assert drop(runs, (), 4) == (1, 2)


def test_attempts_push_out_attempts_only() -> None:
    """However many fail, one can go back as far as before."""
    assert drop((1, 2), (3, 4), 5, attempt=True, current=2) == (3,)
    assert drop((1, 2), (3, 4), 5) == (1,)


def test_the_current_one_stays() -> None:
    """It is what runs."""
    assert drop((1, 2, 3), (), 9, attempt=True, current=1) == ()
    assert drop((1, 2, 3, 4), (), 9, attempt=True, current=1) == (2,)


def test_a_number_that_comes_again_is_counted_once() -> None:
    """A record that was lost on the way is done again."""
    assert drop((1, 2), (), 2) == ()
    assert drop((), (1, 2), 2) == ()


def test_the_latest_is_the_highest_of_all() -> None:
    """The next number must be new."""
    assert Records((1, 3), (4, 2)).latest == 4
    assert Records().latest == 0
