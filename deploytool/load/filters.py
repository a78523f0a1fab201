"""The Jinja filters, tests and lookups that users of Ansible expect.

Whatever writes data as JSON or YAML gives text that every YAML reader turns back into the same data, any
Unicode included: no surrogate pairs, nothing that counts as a line break unescaped.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Undefined

from deploytool.load.problems import Problems
from deploytool.load.sandbox import Mistake
from deploytool.load.yamlfile import parse_yaml

MAX_LOOKUP_BYTES = 1024 * 1024

_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_NOT_PLAIN = re.compile("[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029\ufeff]")
_TRUE = ("yes", "on", "1", "true", "y", "t")
_FALSE = ("no", "off", "0", "false", "n", "f", "")


class _Dumper(yaml.SafeDumper):
    """Plain YAML whatever subclass of str, dict or list comes in; no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml_string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if _NOT_PLAIN.search(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style=style)


_Dumper.add_multi_representer(str, _yaml_string)
_Dumper.add_multi_representer(dict, lambda dumper, value: dumper.represent_dict(value))
_Dumper.add_multi_representer(list, lambda dumper, value: dumper.represent_list(value))
_Dumper.add_multi_representer(tuple, lambda dumper, value: dumper.represent_list(value))


def to_json(value: Any, **options: Any) -> str:
    """JSON text that is YAML too, on one line unless ``indent`` is given."""
    text = json.dumps(_checked(value), **{"default": _jsonable, **options, "ensure_ascii": False})
    return _NOT_YAML.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def to_nice_json(value: Any, indent: int = 4, sort_keys: bool = True, **options: Any) -> str:
    return to_json(value, indent=indent, sort_keys=sort_keys, **options)


def to_yaml(value: Any, default_flow_style: bool | None = None, **options: Any) -> str:
    text: str = yaml.dump(
        _checked(value),
        Dumper=_Dumper,
        **{"width": 4096, **options, "allow_unicode": True, "default_flow_style": default_flow_style},
    )
    return text


def to_nice_yaml(value: Any, indent: int = 4, **options: Any) -> str:
    return to_yaml(value, **{"default_flow_style": False, **options, "indent": indent})


def from_json(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise Mistake(f"from_json: this is not JSON: {error}") from None


def from_yaml(value: Any) -> Any:
    problems = Problems()
    result = parse_yaml(str(value), "", problems)
    if problems.found:
        raise Mistake(f"from_yaml: {problems.found[0].message}")
    return result


def _checked(value: Any) -> Any:
    if isinstance(value, Undefined):
        str(value)  # strict: raises and names it
    return value


def _jsonable(value: Any) -> Any:
    if isinstance(value, Undefined):
        str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    return str(value)


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
    word = str(_checked(value)).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise Mistake(f"bool: '{word[:40]}' is neither true nor false")


def ternary(value: Any, true_val: Any, false_val: Any, none_val: Any = None) -> Any:
    """``true_val`` where the value is true, else ``false_val``; ``none_val``, if given, where it is null."""
    if value is None and none_val is not None:
        return none_val
    return true_val if bool(_checked(value)) else false_val


def b64encode(value: Any, encoding: str = "utf-8") -> str:
    return base64.b64encode(str(_checked(value)).encode(encoding)).decode("ascii")


def b64decode(value: Any, encoding: str = "utf-8") -> str:
    try:
        return base64.b64decode(str(_checked(value)), validate=False).decode(encoding)
    except (binascii.Error, ValueError, LookupError) as error:
        raise Mistake(f"b64decode: {error}") from None


def hash_text(value: Any, hashtype: str = "sha1") -> str:
    if hashtype not in hashlib.algorithms_guaranteed or hashtype.startswith("shake"):
        raise Mistake(f"hash: there is no '{hashtype}'; take sha256")
    return hashlib.new(hashtype, str(_checked(value)).encode(), usedforsecurity=False).hexdigest()


def quote(value: Any) -> str:
    return shlex.quote("" if value is None else str(_checked(value)))


def combine(*mappings: Any, recursive: bool = False, list_merge: str = "replace") -> dict[str, Any]:
    """One mapping of several, the later winning; ``recursive`` merges mappings within."""
    if list_merge not in ("replace", "keep", "append", "prepend", "append_rp", "prepend_rp"):
        raise Mistake(f"combine: there is no list_merge '{list_merge}'")
    result: dict[str, Any] = {}
    for mapping in _flat(mappings, None):
        if not isinstance(_checked(mapping), Mapping):
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
    if not isinstance(_checked(value), Mapping):
        raise Mistake(f"dict2items: takes a mapping, not a {type(value).__name__}")
    return [{key_name: key, value_name: item} for key, item in value.items()]


def items2dict(value: Any, key_name: str = "key", value_name: str = "value") -> dict[str, Any]:
    try:
        return {str(item[key_name]): item[value_name] for item in _checked(value)}
    except (TypeError, KeyError):
        raise Mistake(f"items2dict: takes a list of mappings with {key_name} and {value_name}") from None


def _pattern(text: Any, ignorecase: bool, multiline: bool) -> re.Pattern[str]:
    flags = (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)
    try:
        return re.compile(str(text), flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise Mistake(f"'{str(text)[:60]}' is not a regular expression: {error}") from None


def regex_replace(
    value: Any = "",
    pattern: str = "",
    replacement: str = "",
    ignorecase: bool = False,
    multiline: bool = False,
    count: int = 0,
) -> str:
    try:
        return _pattern(pattern, ignorecase, multiline).sub(replacement, str(_checked(value)), count=count)
    except (re.error, IndexError) as error:
        raise Mistake(f"regex_replace: {error}") from None


def regex_search(
    value: Any, regex: str, *groups: str, ignorecase: bool = False, multiline: bool = False
) -> str | list[str] | None:
    r"""The first match, or with ``'\1'`` or ``'\g<name>'`` the list of those groups; null without a match."""
    match = _pattern(regex, ignorecase, multiline).search(str(_checked(value)))
    if match is None:
        return None
    if not groups:
        return match.group()
    try:
        return [match.expand(group) for group in groups]
    except (re.error, IndexError) as error:
        raise Mistake(f"regex_search: {error}") from None


def _list(name: str, value: Any) -> list[Any]:
    if isinstance(_checked(value), (str, Mapping)) or not isinstance(value, Iterable):
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
        return ("json", json.dumps(item, sort_keys=True, default=_jsonable))
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
    items = _flat(_list("flatten", value), levels)
    return [item for item in items if not (skip_nulls and item is None)]


def _flat(items: Iterable[Any], levels: int | None) -> list[Any]:
    result: list[Any] = []
    for item in items:
        if isinstance(item, (list, tuple)) and levels != 0:
            result += _flat(item, None if levels is None else levels - 1)
        else:
            result.append(item)
    return result


FILTERS: Mapping[str, Callable[..., Any]] = {
    "b64decode": b64decode,
    "b64encode": b64encode,
    "basename": lambda value: posixpath.basename(str(_checked(value))),
    "bool": to_bool,
    "combine": combine,
    "dict2items": dict2items,
    "difference": difference,
    "dirname": lambda value: posixpath.dirname(str(_checked(value))),
    "flatten": flatten,
    "from_json": from_json,
    "from_yaml": from_yaml,
    "hash": hash_text,
    "intersect": intersect,
    "items2dict": items2dict,
    "mandatory": mandatory,
    "quote": quote,
    "regex_replace": regex_replace,
    "regex_search": regex_search,
    "ternary": ternary,
    "to_json": to_json,
    "to_nice_json": to_nice_json,
    "to_nice_yaml": to_nice_yaml,
    "to_yaml": to_yaml,
    "tojson": to_json,
    "union": union,
    "unique": unique,
}

TESTS: Mapping[str, Callable[..., Any]] = {
    "match": lambda value, pattern, ignorecase=False: bool(
        _pattern(pattern, ignorecase, False).match(str(_checked(value)))
    ),
    "search": lambda value, pattern, ignorecase=False: bool(
        _pattern(pattern, ignorecase, False).search(str(_checked(value)))
    ),
}


class Lookups:
    """``lookup('env', …)`` and ``lookup('file', …)``; ``query`` gives the list instead of one text."""

    def __init__(self, search: Path, environ: Mapping[str, str]) -> None:
        self._search = search
        self._environ = environ

    def lookup(self, kind: str, *terms: str, **options: Any) -> str:
        return ",".join(self.query(kind, *terms, **options))

    def query(self, kind: str, *terms: str, **options: Any) -> list[str]:
        name = str(kind).removeprefix("ansible.builtin.")
        names = _flat(terms, None)
        if name == "env":
            return [self._environ.get(str(term), str(options.get("default", ""))) for term in names]
        if name == "file":
            return [self._file(str(term), bool(options.get("rstrip", True))) for term in names]
        raise Mistake(f"there is no lookup '{name}'; known are env and file")

    def _file(self, name: str, rstrip: bool) -> str:
        candidates = (self._search / "files" / name, self._search / name)
        try:
            path = next((path for path in candidates if path.is_file()), None)
            if path is None:
                raise Mistake(f"lookup: there is no file '{name}' in {self._search}")
            if path.stat().st_size > MAX_LOOKUP_BYTES:
                raise Mistake(f"lookup: '{name}' is larger than {MAX_LOOKUP_BYTES // 1024} KiB")
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise Mistake(f"lookup: '{name}' cannot be read: {error}") from None
        return text.rstrip() if rstrip else text
