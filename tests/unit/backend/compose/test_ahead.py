"""The first look, begun before anybody asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from bench.standin import CountingTransport, StandIn
from deploytool.backend.compose.engine import ComposeEngine
from deploytool.backend.memory.host import MemoryHost
from deploytool.errors import HostUnreachable
from deploytool.transport.base import Result


class Held(CountingTransport):
    """A transport whose commands wait until they may; ``before`` is called as each begins."""

    may: threading.Event
    before: Callable[[], object]

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Result:
        self.before()
        assert self.may.wait(20)
        return super().run(argv, stdin=stdin, timeout_s=timeout_s)


@pytest.fixture
def transport() -> Held:
    held = Held(StandIn(MemoryHost("h1")))
    held.may, held.before = threading.Event(), lambda: None
    return held


def test_a_look_that_was_begun_is_the_first_one(transport: Held) -> None:
    """It is under way when ``begin`` returns, ``observe`` waits for it, and the next one looks again."""
    begun = threading.Event()
    transport.before = begun.set
    engine = ComposeEngine("h1", transport)
    engine.begin()
    assert begun.wait(20)
    transport.may.set()
    assert engine.observe() == engine.observe()
    assert transport.execs == 2


def test_what_went_wrong_is_said_once(transport: Held) -> None:
    """A dead host costs its timeout once, by the first look; the next one tries again."""
    answers = iter([HostUnreachable("no answer", host="h1")])

    def fail_once() -> None:
        for error in answers:
            raise error

    transport.before = fail_once
    transport.may.set()
    engine = ComposeEngine("h1", transport)
    engine.begin()
    with pytest.raises(HostUnreachable, match="no answer"):
        engine.observe()
    assert engine.observe().facts
    assert transport.execs == 1
