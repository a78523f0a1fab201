"""YAML files → plain values that remember where they were written.

Mappings are ``Map``, lists ``Seq``, strings ``Str``; they are ordinary dicts, lists and strings with a
``place``. Other scalars are plain: ask the mapping or list around them with ``place_of``. Templates stay
strings. Merge keys and anchors work. What a file may not do: repeat a key, nest deeper than ``MAX_DEPTH``,
refer to itself, or grow beyond ``MAX_NODES`` by aliases (a YAML bomb).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from deploytool.errors import Place
from deploytool.load.inputs import note_file
from deploytool.load.problems import Problems

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 500_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Str(str):
    """A string with its place. ``vault`` marks a ``!vault`` value that is not decrypted yet."""

    __slots__ = ("place", "unsafe", "vault")
    place: Place
    vault: bool
    unsafe: bool

    @classmethod
    def at(cls, value: str, place: Place, *, vault: bool = False, unsafe: bool = False) -> Str:
        text = cls(value)
        text.place, text.vault, text.unsafe = place, vault, unsafe
        return text


class Map(dict[str, Any]):
    """A mapping with its place and the places of its keys and values."""

    __slots__ = ("keys_at", "place", "values_at")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.keys_at: dict[str, Place] = {}
        self.values_at: dict[str, Place] = {}

    def put(self, key: str, value: Any, place: Place) -> None:
        """Set a value that was written at ``place``."""
        self[key] = value
        self.keys_at[key] = self.values_at[key] = place

    def lay(self, other: Mapping[str, Any]) -> None:
        """Lay another mapping over this one; its values win, and their places come along."""
        self.update(other)
        if isinstance(other, Map):
            self.keys_at.update(other.keys_at)
            self.values_at.update(other.values_at)

    def key_place(self, key: str) -> Place:
        return self.keys_at.get(key, self.place)

    def place_of(self, key: str) -> Place:
        return self.values_at.get(key, self.place)


class Seq(list[Any]):
    """A list with its place and the places of its items."""

    __slots__ = ("items_at", "place")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.items_at: list[Place] = []

    def place_of(self, index: int) -> Place:
        return self.items_at[index] if index < len(self.items_at) else self.place


def place_of(container: Any, key: Any, default: Place) -> Place:
    """Where ``container[key]`` was written, for any container; ``default`` where nobody knows."""
    return container.place_of(key) if isinstance(container, (Map, Seq)) else default


def read_text(path: Path, name: str, problems: Problems) -> str | None:
    """The text of a file, or None with a problem at ``name``."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        problems.add(Place(name), "no such file", "a relative path starts from the working directory")
    except OSError as error:
        problems.add(Place(name), f"cannot be read: {error.strerror}")
    else:
        if len(raw) > MAX_BYTES:
            problems.add(Place(name), f"larger than {MAX_BYTES // 1024 // 1024} MiB")
            return None
        note_file(path, raw)
        return _decode(raw, name, problems)
    return None


def _decode(raw: bytes, name: str, problems: Problems) -> str | None:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.add(Place(name, line), "is not UTF-8 text", "save the file as UTF-8")
        return None


def read_yaml(path: Path, name: str, problems: Problems) -> Any:
    """The one document of a YAML file; None for an empty file, or with problems added."""
    text = read_text(path, name, problems)
    return None if text is None else parse_yaml(text, name, problems)


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
def parse_yaml(text: str, name: str, problems: Problems) -> Any:
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
            return _Builder(name, problems, loader).build(node)
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
    """Aliases would make more values, or more levels, than anybody wants."""


def _refuse_bomb(root: Node) -> None:
    """Count what a document expands to, without expanding it: each node is looked at once."""
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


class _Builder:
    """Turns a node graph into values. Aliases are expanded, so the size is counted on the way."""

    def __init__(self, name: str, problems: Problems, loader: Any) -> None:
        self.name = name
        self.problems = problems
        self.loader = loader
        self.open: set[int] = set()
        self.scalars: dict[tuple[str, str], Any] = {}

    def place(self, node: Node) -> Place:
        return Place(self.name, node.start_mark.line + 1, node.start_mark.column + 1)

    def build(self, node: Node) -> Any:
        if isinstance(node, ScalarNode):
            return self.scalar(node)
        if id(node) in self.open:
            self.problems.add(self.place(node), "an alias that contains itself")
            return None
        self.open.add(id(node))
        value = self.mapping(node) if isinstance(node, MappingNode) else self.sequence(node)
        self.open.discard(id(node))
        return value

    def scalar(self, node: ScalarNode) -> Any:
        if node.tag == "tag:yaml.org,2002:str":
            return Str.at(node.value, self.place(node))
        if node.tag in ("!vault", "!vault-encrypted"):
            return Str.at(node.value, self.place(node), vault=True)
        if node.tag == "!unsafe":
            return Str.at(node.value, self.place(node), unsafe=True)
        key = (node.tag, node.value)
        if key not in self.scalars:
            self.scalars[key] = self.construct(node)
        return self.scalars[key]

    def construct(self, node: ScalarNode) -> Any:
        if not node.tag.startswith("tag:yaml.org,2002:"):
            self.problems.add(
                self.place(node), f"unknown tag '{node.tag}'", "only plain YAML, !vault and !unsafe"
            )
            return None
        try:
            return self.loader.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            self.problems.add(
                self.place(node), f"'{node.value[:40]}' is no {node.tag.rsplit(':')[-1]}: {error}"
            )
            return None

    def sequence(self, node: Node) -> Seq:
        result = Seq(self.place(node))
        if not isinstance(node, SequenceNode):
            return result
        for item in node.value:
            result.append(self.build(item))
            result.items_at.append(self.place(item))
        return result

    def mapping(self, node: MappingNode) -> Map:
        result = Map(self.place(node))
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.key(key_node)
            if key is None:
                continue
            if key in result:
                first = result.key_place(key).line
                self.problems.add(
                    self.place(key_node), f"key '{key}' is repeated", f"first written in line {first}"
                )
                continue
            result[key] = self.build(value_node)
            result.keys_at[key], result.values_at[key] = self.place(key_node), self.place(value_node)
        self.merge(node, result)
        return result

    def key(self, node: Node) -> str | None:
        if not isinstance(node, ScalarNode):
            self.problems.add(
                self.place(node), "a mapping or list as a key", "quote a value that starts with '{{'"
            )
            return None
        return str(node.value)

    def merge(self, node: MappingNode, result: Map) -> None:
        """``<<: *anchor``: keys that are written here win, then the earlier of several merges."""
        for key_node, value_node in node.value:
            if key_node.tag != "tag:yaml.org,2002:merge":
                continue
            sources = value_node.value if isinstance(value_node, SequenceNode) else [value_node]
            for source in (self.build(source) for source in sources):
                if not isinstance(source, Map):
                    self.problems.add(self.place(value_node), "'<<' takes a mapping or a list of mappings")
                    continue
                for key in source:
                    if key not in result:
                        result[key] = source[key]
                        result.keys_at[key] = source.key_place(key)
                        result.values_at[key] = source.place_of(key)
