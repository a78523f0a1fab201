"""The filters and tests for lists that users of Ansible expect."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import zip_longest
from typing import Any

from jinja2 import Environment, pass_environment
from jinja2.filters import do_unique

from deploytool.load.templates.data_formats import jsonable
from deploytool.load.templates.limits import Data, defined
from deploytool.load.text.problems import Mistake


def _list(name: str, value: Data) -> list[Data]:
    if isinstance(defined(value), (str, Mapping)) or not isinstance(value, Iterable):
        raise Mistake(f"{name}: takes lists, not a {type(value).__name__}")
    return list(value)


@pass_environment
def unique(
    environment: Environment, value: Data, case_sensitive: bool | None = None, attribute: Data = None
) -> list[Data]:
    """Each item once. Text is the same whatever its case, unless ``case_sensitive`` is true."""
    items = _list("unique", value)
    if attribute is None and not all(isinstance(item, Hashable) for item in items):
        return _distinct(items)
    return list(do_unique(environment, items, bool(case_sensitive), attribute))


def union(value: Data, other: Data) -> list[Data]:
    """The items of both lists, each once."""
    return _distinct(_list("union", value) + _list("union", other))


def difference(value: Data, other: Data) -> list[Data]:
    """The items of the first list that are not in the second."""
    out = _Members(_list("difference", other))
    return _distinct(item for item in _list("difference", value) if item not in out)


def intersect(value: Data, other: Data) -> list[Data]:
    """The items of the first list that are in the second, too."""
    kept = _Members(_list("intersect", other))
    return _distinct(item for item in _list("intersect", value) if item in kept)


def symmetric_difference(value: Data, other: Data) -> list[Data]:
    """The items of either list that are not in the other."""
    return union(difference(value, other), difference(other, value))


def zipped(value: Data, *others: Any) -> list[list[Data]]:
    """Rows of the lists, as many as the shortest has."""
    columns = [_list("zip", one) for one in (value, *others)]
    return [list(row) for row in zip(*columns, strict=False)]


def zipped_longest(value: Data, *others: Any, fillvalue: Data = None) -> list[list[Data]]:
    """Rows of the lists, as many as the longest has."""
    columns = [_list("zip_longest", one) for one in (value, *others)]
    return [list(row) for row in zip_longest(*columns, fillvalue=fillvalue)]


@pass_environment
def extract(environment: Environment, key: Data, container: Data, morekeys: Data = None) -> Data:
    """``container[key]``, then one level down for each of ``morekeys``."""
    further = [] if morekeys is None else morekeys if isinstance(morekeys, list) else [morekeys]
    for name in (key, *further):
        container = environment.getitem(container, defined(name))
    return container


def contains(value: Data, item: Data) -> bool:
    return item in defined(value)


def subset(value: Data, other: Data) -> bool:
    return not difference(value, other)


def superset(value: Data, other: Data) -> bool:
    return subset(other, value)


class _Members:
    """A set that also holds unhashable items, by their JSON."""

    def __init__(self, items: Iterable[Data] = ()) -> None:
        self._keys = {_key(item) for item in items}

    def __contains__(self, item: Data) -> bool:
        return _key(item) in self._keys

    def add(self, item: Data) -> None:
        self._keys.add(_key(item))


def _key(item: Data) -> Data:
    if isinstance(item, (Mapping, list, tuple)):
        return ("json", json.dumps(item, sort_keys=True, default=jsonable))
    return item


def _distinct(items: Iterable[Data]) -> list[Data]:
    seen = _Members()
    result = []
    for item in items:
        if item not in seen:
            seen.add(item)
            result.append(item)
    return result


def flatten(value: Data, levels: int | None = None, skip_nulls: bool = True) -> list[Data]:
    """The items of lists within lists, ``levels`` deep; all where it is None."""
    items = flat(_list("flatten", value), levels)
    return [item for item in items if not (skip_nulls and item is None)]


def flat(items: Iterable[Data], levels: int | None) -> list[Data]:
    """The items of lists and tuples within ``items``, ``levels`` deep; all where it is None."""
    result: list[Data] = []
    for item in items:
        if isinstance(item, (list, tuple)) and levels != 0:
            result += flat(item, None if levels is None else levels - 1)
        else:
            result.append(item)
    return result


FILTERS: Mapping[str, Callable[..., Any]] = {
    "difference": difference,
    "extract": extract,
    "flatten": flatten,
    "intersect": intersect,
    "symmetric_difference": symmetric_difference,
    "union": union,
    "unique": unique,
    "zip": zipped,
    "zip_longest": zipped_longest,
}
TESTS: Mapping[str, Callable[..., Any]] = {
    "all": lambda value: all(_list("all", value)),
    "any": lambda value: any(_list("any", value)),
    "contains": contains,
    "subset": subset,
    "superset": superset,
}
