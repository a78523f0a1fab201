"""Plain values → YAML that every reader understands the same way.

Compose reads YAML 1.2 and we write with a 1.1 library: they disagree on ``1e3``, ``0o17`` or ``y``. So a
string stays bare only where no version could read anything else into it.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_BARE = re.compile(r"[A-Za-z/][A-Za-z0-9_./@-]*(:[A-Za-z0-9_./@-]+)*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "inf", "nan"})


class _Dumper(yaml.SafeDumper):
    """Two spaces for lists, and no anchors: each service stands alone."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    bare = _BARE.fullmatch(value) and value.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if bare else '"')


_Dumper.add_representer(str, _string)
_Dumper.add_multi_representer(str, _string)
_Dumper.add_multi_representer(dict, lambda dumper, value: dumper.represent_dict(value.items()))
_Dumper.add_multi_representer(list, lambda dumper, value: dumper.represent_list(value))
_Dumper.add_representer(tuple, lambda dumper, value: dumper.represent_list(value))


def to_yaml(value: Any) -> str:
    """YAML text of plain values, keys in the order given; any Unicode comes back as it was."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=4096)
    return text
