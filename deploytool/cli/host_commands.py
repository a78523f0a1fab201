"""Commands without a planner (ps, logs, exec, events): their hosts, and lines from all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from deploytool.backend.base import Backend, Feed
from deploytool.cli.host_limit import limited
from deploytool.cli.options import LookingOptions
from deploytool.cli.screen import Screen
from deploytool.cli.session import backend_for
from deploytool.core.placement.replica_names import ReplicaRef
from deploytool.errors import HostsUnusable, UsageError
from deploytool.model.event import Note
from deploytool.model.intent import Intent
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed, Unreachable
from deploytool.run.feeds import Following

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HostSession:
    """The hosts of a command, and the backend that reaches them."""

    intent: Intent
    hosts: Mapping[str, Host]
    backend: Backend
    screen: Screen
    forks: int

    def observe(self) -> Observed:
        """Observe all of them in parallel; unreachable hosts are reported at once."""
        return self.backend.observe(self.hosts, self.forks, self.screen.emit)


@contextmanager
def host_session(
    intent: Intent, wanted: Sequence[ReplicaRef], options: LookingOptions
) -> Iterator[HostSession]:
    """The hosts that may run what is wanted, within ``--limit``; their connections are closed at the end.

    Raises:
        UsageError: ``--limit`` leaves none of them.
    """
    projects = {one.project for one in wanted}
    limit = limited(intent, options.hosts.limit)
    every = {host.name: host for p in intent.projects if p.name in projects for host in p.hosts}
    hosts = {name: host for name, host in every.items() if limit is None or name in limit}
    if not hosts:
        raise UsageError(
            f"--limit: {options.hosts.limit} leaves no host of {', '.join(sorted(projects))}",
            hint=f"the hosts are {', '.join(every)}",
        )
    # Plain lines: what these commands print may come while hosts are still looked at.
    screen = Screen(verbose=options.files.verbose, progress="plain")
    backend, forks = backend_for(screen, options.hosts, options.change), options.hosts.forks
    backend.reach(hosts.values())
    try:
        with screen:
            yield HostSession(intent, hosts, backend, screen, forks)
    finally:
        backend.close(forks)


def exit_code_of(seen: Observed) -> int:
    """``HostsUnusable``'s exit code where a host did not answer, else 0."""
    return HostsUnusable.exit_code if seen.unreachable() else 0


def follow(
    hosts: HostSession,
    open_feed: Callable[[str, T | None], Feed[T]],
    key: Callable[[T], tuple[str, float]],
    show: Callable[[str, T], str],
    *,
    again: bool,
    is_live: Callable[[T], bool] | None = None,
) -> int:
    """Print the feeds of all hosts, merged, until they end; returns the exit code.

    ``open_feed`` takes a host and its last item, to go on behind it; ``key`` orders items; ``show`` makes an
    item's line, empty for none. Lost hosts are reported on stderr.
    """

    def said(host: str, lost: Unreachable | None) -> None:
        text = f"unreachable: {lost.reason}" if lost else "answers again"
        hosts.screen.emit(Note(f"{host}: {text}", host=host))
        if lost and lost.hint:
            hosts.screen.emit(Note(f"  hint: {lost.hint}", host=host))

    with Following(hosts.hosts, open_feed, key, said, is_live=is_live, again=again) as told:
        for batch in told.batches():
            _print([line for one in batch if (line := show(one.host, one.value))])
        return HostsUnusable.exit_code if told.lost else 0


def _print(lines: list[str]) -> None:
    """Print lines as they are, with replicas' colours, whatever this terminal's encoding."""
    sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
    sys.stdout.buffer.flush()
