"""Differences between what hosts have and what they would get, as a unified diff.

shop · h1, h2
--- compose.yaml, release 1
+++ compose.yaml, wanted
@@ -1,6 +1,6 @@
 name: shop
 services:
   web:
-    image: "demo/web:1"
+    image: "demo/web:2"
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import unified_diff

from deploytool.model.difference import Difference

_HUNK = re.compile(r"@@ -(\d+)")
_FILE = re.compile(r"files/([0-9a-f]+|\[masked \w+\])/([^\"\n]+)")


def diff_text(differences: Iterable[Difference]) -> str:
    """Hosts with the same difference share one; empty where there is none, else ends with a line break."""
    hosts: dict[tuple[str, str], list[str]] = {}
    for difference in differences:
        body = "".join(f"{line}\n" for line in _body(difference))
        if body:
            hosts.setdefault((difference.project, body), []).append(difference.host)
    return "".join(f"{project} · {', '.join(names)}\n{body}" for (project, body), names in hosts.items())


def diff_json(differences: Iterable[Difference]) -> str:
    """One line of JSON, as for an event."""
    return json.dumps({"event": "Diff", "text": diff_text(differences)})


def _body(difference: Difference) -> Iterator[str]:
    if difference.note:
        yield f"note: {difference.note}"
    before, after = difference.before.splitlines(), difference.after.splitlines()
    old = f"compose.yaml, release {difference.release}" if before else "/dev/null"
    new = "compose.yaml, wanted" if after else "/dev/null"
    for line in unified_diff(before, after, old, new, lineterm=""):
        hunk = _HUNK.match(line)
        yield f"{line} {_inside(before, int(hunk[1]))}".rstrip() if hunk else line
    yield from _contents(difference)


def _inside(lines: Sequence[str], number: int) -> str:
    """The keys around a line, counted from 1: ``services.web.environment``."""
    keys: list[str] = []
    indent = _indent(lines[number - 1]) if number else 0
    for line in reversed(lines[: max(number - 1, 0)]):
        if _indent(line) < indent:
            indent = _indent(line)
            keys += [line.strip()[:-1]] if line.endswith(":") else []  # not where an item of a list begins
    return ".".join(reversed(keys))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _contents(difference: Difference) -> Iterator[str]:
    """Files that stay but say something else."""
    before, after = _files(difference.before), _files(difference.after)
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name]:
            yield f"content of {name}: {before[name]} → {after[name]}, not shown"


def _files(text: str) -> dict[str, str]:
    """The name of each file that a definition mentions → its hash, or the hashes of all of that name."""
    found: dict[str, dict[str, None]] = {}
    for sha, name in _FILE.findall(text):
        found.setdefault(name, {})[sha] = None
    return {name: ", ".join(shas) for name, shas in found.items()}
