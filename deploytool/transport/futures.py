"""Futures that one thread completes while others wait for the result."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def complete(future: Future[T], work: Callable[[], T]) -> None:
    """Run ``work`` and complete the future with the value it returned or the exception it raised."""
    try:
        future.set_result(work())
    except BaseException as error:
        # Every exception, KeyboardInterrupt too: the waiting threads would wait for ever.
        future.set_exception(error)
