"""YAML files → located values.

Mappings are ``Map``, lists ``Seq``, strings ``Str``; they are ordinary dicts, lists and strings with a
``place``. Other scalars are plain: ask the mapping or list around them with ``place_of``. Templates stay
strings. Merge keys and anchors work. Scalars without quotes are read as YAML 1.1, as Ansible does, unless a
``Dialect`` says otherwise. What a file may not do: repeat a key, nest deeper than ``MAX_DEPTH``,
refer to itself, or grow beyond ``MAX_NODES`` by aliases (a YAML bomb).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from deploytool.errors import Place
from deploytool.load.text.input_log import note_file
from deploytool.load.text.located import Map, Raw, Seq, Str, place_of
from deploytool.load.text.plain_scalars import Dialect
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_build import Builder

__all__ = [
    "Dialect",
    "Map",
    "Seq",
    "Str",
    "decoded",
    "parse_yaml",
    "place_of",
    "read_bounded",
    "read_text",
    "read_yaml",
]

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 500_000

_Loader: Raw = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_text(path: Path, name: str, problems: Problems) -> str | None:
    """The text of a file, or None with a problem at ``name``."""
    try:
        raw = read_bounded(path)
    except FileNotFoundError:
        problems.add(Place(name), "no such file", "a relative path starts from the working directory")
    except OSError as error:
        problems.add(Place(name), f"cannot be read: {error.strerror}")
    else:
        if len(raw) > MAX_BYTES:
            problems.add(Place(name), f"larger than {MAX_BYTES // 1024 // 1024} MiB")
            return None
        note_file(path, raw)
        return decoded(raw, name, problems)
    return None


def read_bounded(path: Path) -> bytes:
    """The content of a file; of one that is larger, as a device is, the first ``MAX_BYTES`` and one more."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def decoded(raw: bytes, name: str, problems: Problems) -> str | None:
    """UTF-8 text, without a byte order mark; None with a problem at the line that is none."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.add(Place(name, line), "is not UTF-8 text", "save the file as UTF-8")
        return None


def read_yaml(path: Path, name: str, problems: Problems, dialect: Dialect = Dialect.ANSIBLE) -> Raw:
    """The one document of a YAML file; None for an empty file, or with problems added."""
    text = read_text(path, name, problems)
    return None if text is None else parse_yaml(text, name, problems, dialect)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Parsing makes very many objects that stay; looking for garbage among them takes twice its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_collector_paused()
def parse_yaml(text: str, name: str, problems: Problems, dialect: Dialect = Dialect.ANSIBLE) -> Raw:
    """The one document in ``text``; ``name`` is the file in the places."""
    try:
        line, excess = _excess(text)
        if excess:
            problems.add(Place(name, line), excess)
            return None
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _refuse_bomb(node)
            return Builder(name, problems, loader, dialect).build(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name)
        problems.add(place, *_yaml_sentence(error, text))
    except yaml.YAMLError as error:
        problems.add(Place(name, _line_of_bad_character(error, text)), f"is not YAML: {_first_line(error)}")
    except (RecursionError, _Bomb):
        message = f"aliases expand to more than {MAX_NODES} values or {MAX_DEPTH} levels"
        problems.add(Place(name), message, "use fewer aliases")
    return None


def _excess(text: str) -> tuple[int, str]:
    """The line where a document becomes too deep or too large, and a sentence; empty when it never does.

    Checked on the event stream, since libyaml's composer recurses in C and would end the process.
    """
    depth = count = 0
    loader = _Loader(text)
    try:
        while loader.check_event():
            event = loader.get_event()
            count += 1
            if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                depth += 1
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                depth -= 1
            if depth > MAX_DEPTH or count > MAX_NODES:
                too = (
                    f"nested deeper than {MAX_DEPTH} levels"
                    if depth > MAX_DEPTH
                    else f"more than {MAX_NODES} values"
                )
                return int(event.start_mark.line) + 1, too
    finally:
        loader.dispose()
    return 0, ""


def _yaml_sentence(error: yaml.MarkedYAMLError, text: str) -> tuple[str, str]:
    what = error.problem or error.context or "cannot be parsed"
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines()
    if mark and mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]:
        return "a tab where YAML wants spaces", "indent with spaces"
    if "did not find expected <document start>" in what or "but found another document" in what:
        return "more than one YAML document", "put it into a file of its own"
    if "found undefined alias" in what or "mapping values are not allowed" in what:
        return what, "quote a value that contains ': ', or starts with '*' or '&'"
    if "unhashable" in what or "found unacceptable key" in what:
        return "a mapping or list as a key", "quote a value that starts with '{{'"
    return f"is not YAML: {what}", "quote a value that starts with '{{'" if _opens_template(
        lines, mark
    ) else ""


def _opens_template(lines: list[str], mark: Any) -> bool:
    return bool(mark and mark.line < len(lines) and "{{" in lines[mark.line])


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else "cannot be parsed"


def _line_of_bad_character(error: yaml.YAMLError, text: str) -> int:
    position = getattr(error, "position", None)
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else 0


class _Bomb(Exception):
    """Aliases expand to more than ``MAX_NODES`` values or ``MAX_DEPTH`` levels."""


def _refuse_bomb(root: Node) -> None:
    """Count the values and levels that aliases expand to, without expanding them.

    Raises:
        _Bomb: there are too many.
    """
    known: dict[int, tuple[int, int]] = {}

    def measure(node: Node) -> tuple[int, int]:
        if isinstance(node, ScalarNode):
            return 1, 0
        if id(node) not in known:
            known[id(node)] = 1, 1
            parts = [measure(part) for part in _parts(node)]
            known[id(node)] = (
                1 + sum(size for size, _ in parts),
                1 + max((depth for _, depth in parts), default=0),
            )
        return known[id(node)]

    size, depth = measure(root)
    if size > MAX_NODES or depth > MAX_DEPTH:
        raise _Bomb


def _parts(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value)
