"""The Jinja filters that users of Ansible expect; those with regular expressions are in ``expressions``.

Whatever writes data as JSON or YAML gives text that every YAML reader turns back into the same data, any
Unicode included: no surrogate pairs, nothing that counts as a line break unescaped.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import posixpath
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2 import Undefined

from deploytool.load.dataformats import (
    from_json,
    from_yaml,
    jsonable,
    to_json,
    to_nice_json,
    to_nice_yaml,
    to_yaml,
)
from deploytool.load.limits import Mistake, defined

_TRUE = ("yes", "on", "1", "true", "y", "t")
_FALSE = ("no", "off", "0", "false", "n", "f", "")


def mandatory(value: Any, msg: str | None = None) -> Any:
    """The value; an error where it is undefined."""
    if isinstance(value, Undefined):
        if msg is not None:
            raise Mistake(str(msg))
        str(value)
    return value


def to_bool(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    word = str(defined(value)).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise Mistake(f"bool: '{word[:40]}' is neither true nor false")


def ternary(value: Any, true_val: Any, false_val: Any, none_val: Any = None) -> Any:
    """``true_val`` where the value is true, else ``false_val``; ``none_val``, if given, where it is null."""
    if value is None and none_val is not None:
        return none_val
    return true_val if bool(defined(value)) else false_val


def b64encode(value: Any, encoding: str = "utf-8") -> str:
    return base64.b64encode(str(defined(value)).encode(encoding)).decode("ascii")


def b64decode(value: Any, encoding: str = "utf-8") -> str:
    try:
        return base64.b64decode(str(defined(value)), validate=False).decode(encoding)
    except (binascii.Error, ValueError, LookupError) as error:
        raise Mistake(f"b64decode: {error}") from None


def hash_text(value: Any, hashtype: str = "sha1") -> str:
    if hashtype not in hashlib.algorithms_guaranteed or hashtype.startswith("shake"):
        raise Mistake(f"hash: there is no '{hashtype}'; take sha256")
    return hashlib.new(hashtype, str(defined(value)).encode(), usedforsecurity=False).hexdigest()


def quote(value: Any) -> str:
    return shlex.quote("" if value is None else str(defined(value)))


def combine(*mappings: Any, recursive: bool = False, list_merge: str = "replace") -> dict[str, Any]:
    """One mapping of several, the later winning; ``recursive`` merges mappings within."""
    if list_merge not in ("replace", "keep", "append", "prepend", "append_rp", "prepend_rp"):
        raise Mistake(f"combine: there is no list_merge '{list_merge}'")
    result: dict[str, Any] = {}
    for mapping in flat(mappings, None):
        if not isinstance(defined(mapping), Mapping):
            raise Mistake(f"combine: takes mappings, not a {type(mapping).__name__}")
        result = _merged(result, mapping, recursive, list_merge)
    return result


def _merged(low: Mapping[str, Any], high: Mapping[str, Any], recursive: bool, lists: str) -> dict[str, Any]:
    result = dict(low)
    for key, value in high.items():
        old = result.get(key)
        if recursive and isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = _merged(old, value, recursive, lists)
        elif isinstance(old, list) and isinstance(value, list):
            result[key] = _merged_lists(old, value, lists)
        else:
            result[key] = value
    return result


def _merged_lists(low: list[Any], high: list[Any], how: str) -> list[Any]:
    match how:
        case "keep":
            return low
        case "append":
            return low + high
        case "prepend":
            return high + low
        case "append_rp":
            return [item for item in low if item not in high] + high
        case "prepend_rp":
            return high + [item for item in low if item not in high]
        case _:
            return high


def dict2items(value: Any, key_name: str = "key", value_name: str = "value") -> list[dict[str, Any]]:
    if not isinstance(defined(value), Mapping):
        raise Mistake(f"dict2items: takes a mapping, not a {type(value).__name__}")
    return [{key_name: key, value_name: item} for key, item in value.items()]


def items2dict(value: Any, key_name: str = "key", value_name: str = "value") -> dict[str, Any]:
    try:
        return {str(item[key_name]): item[value_name] for item in defined(value)}
    except (TypeError, KeyError):
        raise Mistake(f"items2dict: takes a list of mappings with {key_name} and {value_name}") from None


def _list(name: str, value: Any) -> list[Any]:
    if isinstance(defined(value), (str, Mapping)) or not isinstance(value, Iterable):
        raise Mistake(f"{name}: takes lists, not a {type(value).__name__}")
    return list(value)


def unique(value: Any) -> list[Any]:
    return _distinct(_list("unique", value))


def union(value: Any, other: Any) -> list[Any]:
    return _distinct(_list("union", value) + _list("union", other))


def difference(value: Any, other: Any) -> list[Any]:
    out = _Members(_list("difference", other))
    return _distinct(item for item in _list("difference", value) if item not in out)


def intersect(value: Any, other: Any) -> list[Any]:
    kept = _Members(_list("intersect", other))
    return _distinct(item for item in _list("intersect", value) if item in kept)


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
    "b64decode": b64decode,
    "b64encode": b64encode,
    "basename": lambda value: posixpath.basename(str(defined(value))),
    "bool": to_bool,
    "combine": combine,
    "dict2items": dict2items,
    "difference": difference,
    "dirname": lambda value: posixpath.dirname(str(defined(value))),
    "flatten": flatten,
    "from_json": from_json,
    "from_yaml": from_yaml,
    "hash": hash_text,
    "intersect": intersect,
    "items2dict": items2dict,
    "mandatory": mandatory,
    "quote": quote,
    "ternary": ternary,
    "to_json": to_json,
    "to_nice_json": to_nice_json,
    "to_nice_yaml": to_nice_yaml,
    "to_yaml": to_yaml,
    "tojson": to_json,
    "union": union,
    "unique": unique,
}
