"""Values of many hosts are merged by time, in bounded memory, and no host delays the others for long."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploytool.run import log_merge as module
from deploytool.run.log_merge import LogMerge
from tests.streams import DEADLINE_S, in_thread, until


def by_number(number: int) -> tuple[str, float]:
    return "", number


@given(st.dictionaries(st.sampled_from("abcd"), st.lists(st.integers(0, 99)).map(sorted), min_size=1))
def test_history_is_merged_exactly(told: dict[str, list[int]]) -> None:
    """Each host's in order, all together in order, nothing lost."""
    merge: LogMerge[int] = LogMerge(told, by_number)
    for host, numbers in told.items():
        for number in numbers:
            merge.put(host, number)
        merge.end(host)
    assert list(merge) == sorted(number for numbers in told.values() for number in numbers)


def test_history_is_merged_exactly_while_it_comes() -> None:
    """Whoever is slow for a moment is waited for."""
    told = {
        host: sorted((n * prime) % 9_973 for n in range(2_000))
        for host, prime in (("a", 7), ("b", 911), ("c", 5_003))
    }
    merge: LogMerge[int] = LogMerge(told, by_number)

    def tell(host: str) -> None:
        for number in told[host]:
            merge.put(host, number)
        merge.end(host)

    for host in told:
        in_thread(lambda host=host: tell(host))
    assert list(merge) == sorted(number for numbers in told.values() for number in numbers)


def test_a_host_waits_while_nobody_takes_what_it_tells() -> None:
    """So that memory is bounded, whatever a host has to tell."""
    merge: LogMerge[int] = LogMerge("a", by_number)
    put: list[int] = []

    def tell() -> None:
        for number in range(3 * module.CAPACITY):
            merge.put("a", number)
            put.append(number)
        merge.end("a")

    teller = in_thread(tell)
    until(lambda: len(put) == module.CAPACITY)
    teller.join(0.1)
    assert len(put) == module.CAPACITY
    assert list(merge) == list(range(3 * module.CAPACITY))


def test_a_host_that_says_nothing_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its history comes late, and the others' in time."""
    monkeypatch.setattr(module, "HISTORY_WAIT_S", 0.05)
    merge: LogMerge[int] = LogMerge(["quick", "slow"], by_number)
    merge.put("quick", 2)
    merge.end("quick")
    values = iter(merge)
    assert next(values) == 2
    merge.put("slow", 1)
    merge.end("slow")
    assert list(values) == [1]


def test_live_values_wait_for_a_moment_and_come_in_order() -> None:
    """What was written a little earlier elsewhere may arrive a little later."""
    merge: LogMerge[int] = LogMerge("ab", by_number, live=True)
    merge.put("a", 2)
    merge.put("b", 1)
    values = iter(merge)
    assert [next(values), next(values)] == [1, 2]
    merge.put("b", 3)
    assert next(values) == 3


def test_what_is_live_comes_behind_the_history_of_all() -> None:
    """A host that is quicker with its history does not get ahead."""
    merge: LogMerge[int] = LogMerge("ab", by_number)
    merge.end_history("a")
    merge.put("a", 10)
    values: list[int] = []
    reader = in_thread(lambda: values.extend(merge))
    for number in (1, 2):
        merge.put("b", number)
    merge.end("b")
    merge.end("a")
    reader.join(DEADLINE_S)
    assert values == [1, 2, 10]


def test_closing_lets_all_go() -> None:
    """The reader ends, and whoever waits for room."""
    merge: LogMerge[int] = LogMerge("ab", by_number)
    teller = in_thread(lambda: [merge.put("a", n) for n in range(2 * module.CAPACITY)])
    reader = in_thread(lambda: list(merge))
    threading.Event().wait(0.05)
    merge.close()
    teller.join(DEADLINE_S)
    reader.join(DEADLINE_S)
    assert not (teller.is_alive() or reader.is_alive())
