"""Futures that one thread completes while others wait, and one call for many hosts at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


def complete(future: Future[T], work: Callable[[], T]) -> None:
    """Run ``work`` and complete the future with the value it returned or the exception it raised."""
    try:
        future.set_result(work())
    except BaseException as error:
        # Every exception, KeyboardInterrupt too: the waiting threads would wait for ever.
        future.set_exception(error)


def each(names: Iterable[K], work: Callable[[K], T], forks: int) -> dict[K, T]:
    """``work`` for every name, ``forks`` at a time; results by name, in the order given.

    With one fork it is done in this thread.
    """
    ordered = list(names)
    if forks == 1 or not ordered:
        return {name: work(name) for name in ordered}
    pool = ThreadPoolExecutor(min(forks, len(ordered)), thread_name_prefix="host")
    try:
        return dict(zip(ordered, pool.map(work, ordered), strict=True))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # an interrupt does not wait for slow hosts
