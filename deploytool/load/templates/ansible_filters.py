"""The Jinja filters that users of Ansible expect; those with regular expressions are in ``regex_filters``.

Whatever writes data as JSON or YAML gives text that every YAML reader turns back into the same data, any
Unicode included: no surrogate pairs, nothing that counts as a line break unescaped.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import operator
import posixpath
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Undefined

from deploytool.load.templates import list_filters
from deploytool.load.templates.data_formats import (
    from_json,
    from_yaml,
    to_json,
    to_nice_json,
    to_nice_yaml,
    to_yaml,
)
from deploytool.load.templates.limits import Data, defined
from deploytool.load.templates.list_filters import flat
from deploytool.load.text.problems import Mistake

_TRUE = ("yes", "on", "1", "true", "1.0")
_FALSE = ("no", "off", "0", "false", "n", "f", "", "none", "0.0")


def mandatory(value: Data, msg: str | None = None) -> Data:
    """The value; an error where it is undefined."""
    if isinstance(value, Undefined):
        if msg is not None:
            raise Mistake(str(msg))
        str(value)
    return value


def to_bool(value: Data) -> bool:
    """True for ``yes``, ``on``, ``1``, ``true``; false for their opposites, empty text and null."""
    word = str(defined(value)).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise Mistake(f"bool: '{word[:40]}' is neither true nor false")


def ternary(value: Data, true_val: Data, false_val: Data, none_val: Data = None) -> Data:
    """``true_val`` where the value is true, else ``false_val``; ``none_val``, if given, where it is null."""
    if value is None and none_val is not None:
        return none_val
    return true_val if bool(defined(value)) else false_val


def b64encode(value: Data, encoding: str = "utf-8") -> str:
    return base64.b64encode(str(defined(value)).encode(encoding)).decode("ascii")


def b64decode(value: Data, encoding: str = "utf-8") -> str:
    try:
        return base64.b64decode(str(defined(value)), validate=False).decode(encoding)
    except (binascii.Error, ValueError, LookupError) as error:
        raise Mistake(f"b64decode: {error}") from None


def hash_text(value: Data, hashtype: str = "sha1") -> str:
    """The hexadecimal digest of a text by one of the algorithms of ``hashlib``."""
    if hashtype not in hashlib.algorithms_guaranteed or hashtype.startswith("shake"):
        raise Mistake(f"hash: there is no '{hashtype}'; take sha256")
    return hashlib.new(hashtype, str(defined(value)).encode(), usedforsecurity=False).hexdigest()


def quote(value: Data) -> str:
    """The text as one word of a shell."""
    return shlex.quote("" if value is None else str(defined(value)))


def combine(*mappings: Any, recursive: bool = False, list_merge: str = "replace") -> dict[str, Data]:
    """One mapping of several, the later winning; ``recursive`` merges mappings within."""
    if list_merge not in ("replace", "keep", "append", "prepend", "append_rp", "prepend_rp"):
        raise Mistake(f"combine: there is no list_merge '{list_merge}'")
    result: dict[str, Data] = {}
    for mapping in flat(mappings, None):
        if not isinstance(defined(mapping), Mapping):
            raise Mistake(f"combine: takes mappings, not a {type(mapping).__name__}")
        result = _merged(result, mapping, recursive, list_merge)
    return result


def _merged(
    low: Mapping[str, Data], high: Mapping[str, Data], recursive: bool, lists: str
) -> dict[str, Data]:
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


def _merged_lists(low: list[Data], high: list[Data], how: str) -> list[Data]:
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


def dict2items(value: Data, key_name: str = "key", value_name: str = "value") -> list[dict[str, Data]]:
    """A list of ``{key, value}`` of a mapping."""
    if not isinstance(defined(value), Mapping):
        raise Mistake(f"dict2items: takes a mapping, not a {type(value).__name__}")
    return [{key_name: key, value_name: item} for key, item in value.items()]


def items2dict(value: Data, key_name: str = "key", value_name: str = "value") -> dict[str, Data]:
    """The mapping of a list of ``{key, value}``."""
    try:
        return {str(item[key_name]): item[value_name] for item in defined(value)}
    except (TypeError, KeyError):
        raise Mistake(f"items2dict: takes a list of mappings with {key_name} and {value_name}") from None


def split(value: Data, separator: str | None = None, maxsplit: int = -1) -> list[str]:
    return str(defined(value)).split(separator, maxsplit)


def path_join(parts: Data) -> str:
    """One path of several."""
    return posixpath.join(*map(str, parts if isinstance(defined(parts), list) else [parts]))


def truthy(value: Data, convert_bool: bool = False) -> bool:
    """True where the value counts as true; with ``convert_bool``, words like ``no`` count as false."""
    if convert_bool and str(defined(value)).strip().lower() in (*_TRUE, *_FALSE):
        return to_bool(value)
    return bool(defined(value))


def compare_versions(value: Data, version: Data, sign: str = "eq", **_options: Any) -> bool:
    """``'1.10' is version('1.9', '>')``: number by number, as Ansible does by itself."""
    compare = _SIGNS.get(sign)
    if compare is None:
        raise Mistake(f"version: there is no operator '{sign}'; take one of == != < <= > >=")
    try:
        return bool(compare(*(_version(str(defined(one))) for one in (value, version))))
    except TypeError:
        raise Mistake(f"version: '{value}' and '{version}' cannot be compared") from None


def _version(text: str) -> list[int | str]:
    return [int(part) if part.isdecimal() else part for part in _VERSION_PARTS.findall(text)]


_VERSION_PARTS = re.compile(r"[0-9]+|[a-z]+")
_SIGNS: Mapping[str, Callable[[Data, Data], Data]] = {
    **dict.fromkeys(("==", "=", "eq"), operator.eq),
    **dict.fromkeys(("!=", "<>", "ne"), operator.ne),
    **dict.fromkeys(("<", "lt"), operator.lt),
    **dict.fromkeys(("<=", "le"), operator.le),
    **dict.fromkeys((">", "gt"), operator.gt),
    **dict.fromkeys((">=", "ge"), operator.ge),
}

TESTS: Mapping[str, Callable[..., Any]] = {
    **list_filters.TESTS,
    "falsy": lambda value, convert_bool=False: not truthy(value, convert_bool),
    "truthy": truthy,
    "version": compare_versions,
    "version_compare": compare_versions,
}
FILTERS: Mapping[str, Callable[..., Any]] = {
    **list_filters.FILTERS,
    "checksum": hash_text,
    "md5": lambda value: hash_text(value, "md5"),
    "path_join": path_join,
    "sha1": hash_text,
    "split": split,
    "splitext": lambda value: list(posixpath.splitext(str(defined(value)))),
    "b64decode": b64decode,
    "b64encode": b64encode,
    "basename": lambda value: posixpath.basename(str(defined(value))),
    "bool": to_bool,
    "combine": combine,
    "dict2items": dict2items,
    "dirname": lambda value: posixpath.dirname(str(defined(value))),
    "from_json": from_json,
    "from_yaml": from_yaml,
    "hash": hash_text,
    "items2dict": items2dict,
    "mandatory": mandatory,
    "quote": quote,
    "ternary": ternary,
    "to_json": to_json,
    "to_nice_json": to_nice_json,
    "to_nice_yaml": to_nice_yaml,
    "to_yaml": to_yaml,
    "tojson": to_json,
}
