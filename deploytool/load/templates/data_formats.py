"""Data → JSON and YAML text in templates, and back.

What is written reads back as the same data in every YAML reader, any Unicode included: no surrogate pairs
(YAML knows none), and nothing unescaped that some version counts as a line break.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from deploytool.load.templates.limits import Data, defined
from deploytool.load.text.problems import Mistake, Problems
from deploytool.load.text.yaml_file import parse_yaml

# Compiled where they are first needed: such sets of characters take as long as the rest of this module.
_NOT_YAML = "[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]"
_NOT_ASCII = "[\x7f-\uffff]"
_NOT_PLAIN = "[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029\ufeff]"


class _Dumper(yaml.SafeDumper):
    """Plain YAML, also for subclasses of str, dict and list; no anchors."""

    def ignore_aliases(self, data: Data) -> bool:
        return True


def _yaml_string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if re.search(_NOT_PLAIN, value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style=style)


_Dumper.add_multi_representer(str, _yaml_string)
_Dumper.add_multi_representer(dict, lambda dumper, value: dumper.represent_dict(value))
_Dumper.add_multi_representer(list, lambda dumper, value: dumper.represent_list(value))
_Dumper.add_multi_representer(tuple, lambda dumper, value: dumper.represent_list(value))


def to_json(value: Data, **options: Any) -> str:
    """JSON text that is YAML too, on one line unless ``indent`` is given.

    As in Ansible, characters beyond ASCII are escaped unless ``ensure_ascii`` is false; those that JSON
    can escape by a pair of surrogates alone stay as they are, since YAML has no such pairs.
    """
    escaped = _NOT_YAML if options.get("ensure_ascii") is False else _NOT_ASCII
    text = json.dumps(defined(value), **{"default": jsonable, **options, "ensure_ascii": False})
    return re.sub(escaped, lambda match: f"\\u{ord(match.group()):04x}", text)


def to_nice_json(value: Data, indent: int = 4, sort_keys: bool = True, **options: Any) -> str:
    return to_json(value, indent=indent, sort_keys=sort_keys, **options)


def to_yaml(value: Data, default_flow_style: bool | None = None, **options: Any) -> str:
    """YAML text; block style or flow style as PyYAML chooses, unless ``default_flow_style`` says so."""
    text: str = yaml.dump(
        defined(value),
        Dumper=_Dumper,
        **{**options, "allow_unicode": True, "default_flow_style": default_flow_style},
    )
    return text.removesuffix("...\n")  # which PyYAML writes after a scalar that stands alone


def to_nice_yaml(value: Data, indent: int = 4, **options: Any) -> str:
    return to_yaml(value, **{"default_flow_style": False, **options, "indent": indent})


def from_json(value: Data) -> Data:
    """The data in JSON text."""
    try:
        return json.loads(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise Mistake(f"from_json: this is not JSON: {error}") from None


def from_yaml(value: Data) -> Data:
    """The data in YAML text."""
    problems = Problems()
    result = parse_yaml(str(value), "", problems)
    if problems.found:
        raise Mistake(f"from_yaml: {problems.found[0].message}")
    return result


def jsonable(value: Data) -> Data:
    """A value that JSON does not have as one that it has."""
    if isinstance(defined(value), Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    return str(value)
