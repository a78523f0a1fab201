"""Futures that one thread completes, and one call for many hosts."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from deploytool.transport.futures import complete, each


def test_a_future_gets_what_was_returned() -> None:
    """Whoever waits for it has the value."""
    future: Future[int] = Future()
    complete(future, lambda: 7)
    assert future.result(0) == 7


def test_a_future_gets_what_was_raised() -> None:
    """An interrupt as well: without it the other threads would wait for ever."""
    future: Future[int] = Future()

    def interrupted() -> int:
        raise KeyboardInterrupt

    complete(future, interrupted)
    with pytest.raises(KeyboardInterrupt):
        future.result(0)


def test_results_come_in_the_order_of_the_names() -> None:
    """Whichever call ends first."""
    both = threading.Barrier(2)

    def work(name: str) -> str:
        both.wait(20)
        return name.upper()

    assert list(each(["b", "a"], work, forks=2).items()) == [("b", "B"), ("a", "A")]
    assert each([], work, forks=2) == {}


def test_one_fork_is_this_thread() -> None:
    """With ``--forks 1`` nothing happens at the same time as something else."""
    here = threading.get_ident()
    assert set(each("abc", lambda name: threading.get_ident(), forks=1).values()) == {here}
