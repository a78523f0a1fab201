"""What the commands that only look across hosts share: the hosts they are about, without a planner."""

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
class Across:
    """Hosts and how to reach them."""

    intent: Intent
    hosts: Mapping[str, Host]
    backend: Backend
    screen: Screen
    forks: int

    def observe(self) -> Observed:
        """Look at all of them, side by side; who does not answer is said at once."""
        return self.backend.observe(self.hosts, self.forks, self.screen.emit)


@contextmanager
def across(intent: Intent, wanted: Sequence[ReplicaRef], options: LookingOptions) -> Iterator[Across]:
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
            yield Across(intent, hosts, backend, screen, forks)
    finally:
        backend.close(forks)


def exit_code_of(seen: Observed) -> int:
    """4 where a host did not answer."""
    return HostsUnusable.exit_code if seen.unreachable() else 0


def following(
    hosts: Across,
    open_feed: Callable[[str, T | None], Feed[T]],
    key: Callable[[T], tuple[str, float]],
    show: Callable[[str, T], str],
    *,
    again: bool,
    is_live: Callable[[T], bool] | None = None,
) -> int:
    """Print what the hosts tell, a line each, until that ends; returns the exit code.

    ``show`` makes the line, empty where there is nothing to say. Losses are said on stderr.
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
    """As they are: what replicas write may hold colours, and need not be what this terminal can encode."""
    sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
    sys.stdout.buffer.flush()
