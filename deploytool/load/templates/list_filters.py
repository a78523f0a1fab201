"""The filters and tests for lists that users of Ansible expect."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import zip_longest
from typing import Any

from jinja2 import Environment, pass_environment
from jinja2.filters import do_unique

from deploytool.load.templates.data_formats import jsonable
from deploytool.load.templates.limits import defined
from deploytool.load.text.problems import Mistake


def _list(name: str, value: Any) -> list[Any]:
    if isinstance(defined(value), (str, Mapping)) or not isinstance(value, Iterable):
        raise Mistake(f"{name}: takes lists, not a {type(value).__name__}")
    return list(value)


@pass_environment
def unique(
    environment: Environment, value: Any, case_sensitive: bool | None = None, attribute: Any = None
) -> list[Any]:
    """Each item once. Text is the same whatever its case, unless ``case_sensitive`` is true."""
    items = _list("unique", value)
    if attribute is None and not all(isinstance(item, Hashable) for item in items):
        return _distinct(items)
    return list(do_unique(environment, items, bool(case_sensitive), attribute))


def union(value: Any, other: Any) -> list[Any]:
    return _distinct(_list("union", value) + _list("union", other))


def difference(value: Any, other: Any) -> list[Any]:
    out = _Members(_list("difference", other))
    return _distinct(item for item in _list("difference", value) if item not in out)


def intersect(value: Any, other: Any) -> list[Any]:
    kept = _Members(_list("intersect", other))
    return _distinct(item for item in _list("intersect", value) if item in kept)


def symmetric_difference(value: Any, other: Any) -> list[Any]:
    return union(difference(value, other), difference(other, value))


def zipped(value: Any, *others: Any) -> list[list[Any]]:
    columns = [_list("zip", one) for one in (value, *others)]
    return [list(row) for row in zip(*columns, strict=False)]


def zipped_longest(value: Any, *others: Any, fillvalue: Any = None) -> list[list[Any]]:
    columns = [_list("zip_longest", one) for one in (value, *others)]
    return [list(row) for row in zip_longest(*columns, fillvalue=fillvalue)]


@pass_environment
def extract(environment: Environment, key: Any, container: Any, morekeys: Any = None) -> Any:
    """``container[key]``, then one level down for each of ``morekeys``."""
    further = [] if morekeys is None else morekeys if isinstance(morekeys, list) else [morekeys]
    for name in (key, *further):
        container = environment.getitem(container, defined(name))
    return container


def contains(value: Any, item: Any) -> bool:
    return item in defined(value)


def subset(value: Any, other: Any) -> bool:
    return not difference(value, other)


def superset(value: Any, other: Any) -> bool:
    return subset(other, value)


class _Members:
    """A set that also holds what cannot be hashed, by its JSON."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        self._keys = {_key(item) for item in items}

    def __contains__(self, item: Any) -> bool:
        return _key(item) in self._keys

    def add(self, item: Any) -> None:
        self._keys.add(_key(item))


def _key(item: Any) -> Any:
    if isinstance(item, (Mapping, list, tuple)):
        return ("json", json.dumps(item, sort_keys=True, default=jsonable))
    return item


def _distinct(items: Iterable[Any]) -> list[Any]:
    seen = _Members()
    result = []
    for item in items:
        if item not in seen:
            seen.add(item)
            result.append(item)
    return result


def flatten(value: Any, levels: int | None = None, skip_nulls: bool = True) -> list[Any]:
    items = flat(_list("flatten", value), levels)
    return [item for item in items if not (skip_nulls and item is None)]


def flat(items: Iterable[Any], levels: int | None) -> list[Any]:
    result: list[Any] = []
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
