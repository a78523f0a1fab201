"""A watcher on a fleet in memory, with a clock that tests move: nothing waits, nothing is left to chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from deploytool.model.container import Container
from deploytool.model.event import Event, Note
from deploytool.model.intent import Intent
from deploytool.model.release import Lease, Stamp
from deploytool.model.snapshot import Snapshot
from deploytool.plan.policy import PlanPolicy
from deploytool.watch.next_plan import Limits
from deploytool.watch.watcher import Wanted, Watcher, WatchOptions
from tests.builders import Fleet


class Watching:
    """``turns`` lets time pass until there is nothing to do; work of other threads is done at once."""

    def __init__(self, fleet: Fleet, intent: Intent, **options: Any) -> None:
        self.fleet, self.intent, self.now_s = fleet, intent, 1000.0
        self.events: list[Event] = []
        self.broken: Exception | None = None
        self.dirty = False
        self.fingerprint: object = None
        limits = {key: options.pop(key) for key in ("reschedule_after_s", "restart_budget") if key in options}
        self.options = WatchOptions(forks=4, limits=Limits(**limits), **options)
        self.later: list[Callable[[], None]] = []
        self.watcher = self.started()

    def started(self) -> Watcher:
        """A new watcher, as after a restart of the process: it remembers nothing."""
        lease = Lease(owner="watch", who="watcher", reason="watch", yields=True)
        made = Watcher(
            self._wanted(),
            self.fleet.backend(),
            lease,
            self.events.append,
            self._do,
            self._read,
            self._changed,
            self.options,
            clock=lambda: self.now_s,
            wall=lambda: self.now_s + 1_000_000,
        )
        made.host_cache.events.listen = lambda host_name: None  # events come from ``stir`` alone
        return made

    def _wanted(self) -> Wanted:
        return Wanted(self.intent, PlanPolicy(stamp=Stamp("now", "watcher", "abc")), self.fingerprint)

    def _read(self) -> Wanted:
        self.dirty = False
        if self.broken:
            raise self.broken
        return self._wanted()

    def _changed(self) -> bool:
        return self.dirty

    def _do(self, work: Callable[[], None]) -> None:
        work()

    def turns(self, seconds: float = 0.0, most: int = 2000) -> None:
        """Let ``seconds`` pass, and all that is due in them happen."""
        end_s = self.now_s + seconds
        for _ in range(most):
            delay_s = self.watcher.turn()
            if delay_s > 0 and self.watcher.quiet:
                if self.now_s + delay_s > end_s:
                    self.now_s = max(self.now_s, end_s)
                    return
                self.now_s += delay_s
        raise AssertionError("the watcher finds no rest")

    def settle(self) -> None:
        """Let time pass until the last events are seen and repaired."""
        self.turns(5.0)

    def stir(self, host: str) -> None:
        """An event of the host arrives."""
        self.watcher.host_cache.stirred(host)

    def change(self, host: str, index: int = 0, **fields: Any) -> Container:
        """Something happens to a container of the host, and the host tells."""
        containers = self.fleet.hosts[host].containers
        containers[index] = replace(containers[index], **fields)
        self.stir(host)
        return containers[index]

    def remove(self, host: str, index: int = 0) -> Container:
        """Somebody removes a container of the host, and the host tells."""
        gone = self.fleet.hosts[host].containers.pop(index)
        self.stir(host)
        return gone

    @property
    def snapshot(self) -> Snapshot:
        return self.watcher.publisher.snapshot

    @property
    def notes(self) -> str:
        return "\n".join(event.message for event in self.events if isinstance(event, Note))

    def looks(self, host: str) -> int:
        """The number of looks at the host so far."""
        return sum(
            engine.execs.count("observe") for name, engine in self.fleet.engines.items() if name == host
        )
