"""A call whose outcome others wait for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def settle(outcome: Future[T], work: Callable[[], T]) -> None:
    """Do the work; what it returned, or raised, is the outcome."""
    try:
        outcome.set_result(work())
    except BaseException as error:
        # Whatever it is, those who wait have to hear of it.
        outcome.set_exception(error)
