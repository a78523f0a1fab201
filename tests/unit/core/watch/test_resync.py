"""When to look at a host."""

from __future__ import annotations

import pytest

from deploytool.core.watch.resync import HostWatch, next_delay

RESYNC_S = 60.0


def test_a_new_host_is_looked_at_at_once_and_then_every_resync():
    """Events or not."""
    new = HostWatch()
    assert new.due_s(RESYNC_S) == 0.0
    assert new.looking().due_s(RESYNC_S) is None
    assert new.looking().answered(5.0).due_s(RESYNC_S) == 65.0


def test_events_are_given_time_to_settle_but_not_for_ever():
    """A tenth of a second after the last one, a second after the first one at most."""
    quiet = HostWatch().answered(0.0)
    assert quiet.stirred(10.0).due_s(RESYNC_S) == pytest.approx(10.1)
    assert quiet.stirred(10.0).stirred(10.05).due_s(RESYNC_S) == pytest.approx(10.15)
    noisy = quiet
    for tick in range(100):
        noisy = noisy.stirred(10.0 + tick * 0.05)
    assert noisy.due_s(RESYNC_S) == pytest.approx(11.0)


def test_what_happens_during_a_look_calls_for_another_one():
    """It may have come too late to be seen; what came before was seen."""
    looking = HostWatch().answered(0.0).stirred(1.0).looking()
    assert looking.answered(2.0).due_s(RESYNC_S) == 62.0
    assert looking.stirred(1.5).answered(2.0).due_s(RESYNC_S) == pytest.approx(1.6)


def test_a_silent_host_is_asked_again_less_and_less_often():
    """After 1, 2, 4, 8 and then every 10 seconds; how long it is away counts from the first silence."""
    silent, delays = HostWatch().answered(0.0), []
    for now_s in (100.0, 200.0, 300.0, 400.0, 500.0):
        silent = silent.looking().fell_silent(now_s)
        delays.append(silent.due_s(RESYNC_S) - now_s)
    assert delays == [1, 2, 4, 8, 10]
    assert silent.silent_s == 100.0
    assert silent.answered(600.0).silent_s is None


def test_a_feed_that_ends_at_once_is_asked_for_less_and_less_often():
    """The host is looked at all the same; one that lasted is asked for again at once."""
    watch, now_s, waits = HostWatch().answered(0.0), 100.0, []
    for _ in range(7):
        assert watch.may_listen(now_s)
        watch = watch.listening(now_s).suspect(now_s + 1).answered(now_s + 2)
        waits.append(next(wait for wait in range(1, 99) if watch.may_listen(now_s + wait)))
        now_s += waits[-1]
    assert waits == [2, 4, 8, 16, 32, 60, 60]
    assert watch.listening(now_s).suspect(now_s + 11).may_listen(now_s + 11)


def test_the_next_delay_is_until_the_first_thing_to_do():
    """Never negative, never longer than asked."""
    assert next_delay([None, 12.0, 11.0], 10.0, 5.0) == 1.0
    assert next_delay([9.0], 10.0, 5.0) == 0.0
    assert next_delay([None, 99.0], 10.0, 5.0) == 5.0
