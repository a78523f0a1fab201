"""Hands out replicas one by one over hosts, down a spread tree.

Each step goes to the branch with the fewest, level by level, then to the host with the fewest of the
service, then to the one with the fewest in all, then to the first by name. Taking replicas away is the
mirror image: the same walk with every number negated.

Source: SwarmKit's decision tree; the tree of heaps makes a step logarithmic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heapreplace
from typing import Any, NamedTuple

Path = tuple[str, ...]


class Leaf(NamedTuple):
    """A host: how many of the service and how many in all it has, its place by name, and what it can take.

    Compares in the order in which hosts are chosen: those in doubt come last. One without room still counts
    for its branches.
    """

    doubt: int
    of_service: int
    total: int
    rank: int
    room: int


Leaves = Mapping[Path, list[Leaf]]  # by the values of the spread keys, outermost first


def add(leaves: Leaves, number: int) -> dict[int, int]:
    """Hand out up to ``number`` replicas: rank of the host → how many. Fewer where the room ends."""
    return _walk(leaves, number)


def remove(leaves: Leaves, number: int) -> dict[int, int]:
    """Take up to ``number`` replicas away, ``room`` being how many a host can give: rank → how many."""
    mirrored = {
        path: [Leaf(-doubt, -count, -total, -rank, room) for doubt, count, total, rank, room in own]
        for path, own in leaves.items()
    }
    return {-rank: taken for rank, taken in _walk(mirrored, number).items()}


def _walk(leaves: Leaves, number: int) -> dict[int, int]:
    tree = _grow(leaves.items())
    steps: dict[int, int] = {}
    while number > 0 and tree.heap:
        rank = tree.step()
        steps[rank] = steps.get(rank, 0) + 1
        number -= 1
    return steps


class _Twig:
    """The hosts that share all values. The heap holds those with room left."""

    __slots__ = ("count", "heap")

    def __init__(self, leaves: list[Leaf]) -> None:
        self.count = sum(leaf.of_service for leaf in leaves)
        self.heap = [leaf for leaf in leaves if leaf.room > 0]
        heapify(self.heap)

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.count, self.heap[0])

    def step(self) -> int:
        doubt, of_service, total, rank, room = self.heap[0]
        self.count += 1
        if room > 1:
            heapreplace(self.heap, Leaf(doubt, of_service + 1, total + 1, rank, room - 1))
        else:
            heappop(self.heap)
        return rank


class _Branch:
    """The hosts that share the values down to one level. The heap has the branches below with room left."""

    __slots__ = ("count", "heap")

    def __init__(self, below: Iterable[_Twig | _Branch]) -> None:
        nodes = list(below)
        self.count: int = sum(node.count for node in nodes)
        self.heap: list[tuple[tuple[Any, ...], _Twig | _Branch]] = [
            (node.key, node) for node in nodes if node.heap
        ]
        heapify(self.heap)

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.count, self.heap[0][0])

    def step(self) -> int:
        node = self.heap[0][1]
        rank = node.step()
        self.count += 1
        if node.heap:
            heapreplace(self.heap, (node.key, node))
        else:
            heappop(self.heap)
        return rank


def _grow(leaves: Iterable[tuple[Path, list[Leaf]]]) -> _Twig | _Branch:
    by_value: dict[str, list[tuple[Path, list[Leaf]]]] = {}
    for path, own in leaves:
        if not path:
            return _Twig(own)
        by_value.setdefault(path[0], []).append((path[1:], own))
    return _Branch(_grow(below) for below in by_value.values())
