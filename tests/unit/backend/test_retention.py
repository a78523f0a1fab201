"""How long a host remembers the releases of a project."""

from __future__ import annotations

import pytest

from deploytool.backend.retention import Records


def drop(
    defined: tuple[int, ...],
    bare: tuple[int, ...],
    number: int,
    *,
    of_attempt: bool = False,
    current: int = 0,
) -> tuple[int, ...]:
    """What goes, of the newest two of each sort."""
    records = Records(defined, bare)
    return records.to_drop(number=number, defined=not of_attempt, keep=2, current=current)


def test_nothing_goes_while_there_is_room() -> None:
    """The one that comes counts."""
    assert drop((), (), 1) == ()
    assert drop((1,), (2, 3), 4) == ()


@pytest.mark.parametrize("defined", [(1, 2, 3), (3, 2, 1)])
def test_the_oldest_go(defined: tuple[int, ...]) -> None:
    """In whatever order they are told."""
    assert drop(defined, (), 4) == (1, 2)


def test_attempts_push_out_attempts_only() -> None:
    """However many fail, one can go back as far as before."""
    assert drop((1, 2), (3, 4), 5, of_attempt=True, current=2) == (3,)
    assert drop((1, 2), (3, 4), 5) == (1,)


def test_the_current_one_stays() -> None:
    """It is what runs."""
    assert drop((1, 2, 3), (), 9, of_attempt=True, current=1) == ()
    assert drop((1, 2, 3, 4), (), 9, of_attempt=True, current=1) == (2,)


def test_a_number_that_comes_again_is_counted_once() -> None:
    """A record that was lost on the way is done again."""
    assert drop((1, 2), (), 2) == ()
    assert drop((), (1, 2), 2) == ()


def test_the_latest_is_the_highest_of_all() -> None:
    """The next number must be new."""
    assert Records((1, 3), (4, 2)).latest == 4
    assert Records().latest == 0
