"""Deadlines for calls that take no timeout."""

from __future__ import annotations

import threading

import pytest

from deploytool.transport.watchdog import Watchdog
from tests.streams import DEADLINE_S, until


def test_a_body_that_takes_too_long_is_stopped() -> None:
    """``stop`` makes the guarded call return, and ``expired`` tells that it was called."""
    stopped = threading.Event()
    with Watchdog(0.05, stopped.set) as watchdog:
        assert stopped.wait(DEADLINE_S)
    assert watchdog.expired


def test_a_body_that_ends_in_time_is_not_stopped() -> None:
    """Nor is it afterwards, when its deadline is over."""
    calls: list[str] = []
    with Watchdog(0.05, lambda: calls.append("early")) as early:
        pass
    with Watchdog(0.2, lambda: calls.append("late")) as late:
        until(lambda: late.expired)
    until(lambda: calls == ["late"])
    assert not early.expired


def test_one_thread_watches_all_deadlines() -> None:
    """A thread for each would be a good part of what a connection costs."""
    with Watchdog(DEADLINE_S, lambda: None):
        threads = threading.active_count()
        dogs = [Watchdog(DEADLINE_S, lambda: None) for _ in range(20)]
        for dog in dogs:
            dog.__enter__()
        assert threading.active_count() == threads
        for dog in dogs:
            dog.__exit__(None, None, None)


def test_an_exception_passes() -> None:
    """The watchdog is removed, and what was raised is what comes out."""
    with pytest.raises(ValueError, match="own"), Watchdog(DEADLINE_S, lambda: None):
        raise ValueError("its own")
