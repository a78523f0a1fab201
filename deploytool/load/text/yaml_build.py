"""A graph of YAML nodes → located values."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from deploytool.errors import Place
from deploytool.load.text.located import Map, Raw, Seq, Str
from deploytool.load.text.plain_scalars import Dialect, json_scalar, yaml12_scalar
from deploytool.load.text.problems import Problems

# The top-level keys of a Compose file that a play may have, too.
COMPOSE_SECTIONS = frozenset({"services", "networks", "volumes", "configs", "secrets"})

_YAML = "tag:yaml.org,2002:"
_COLLECTIONS = frozenset({f"{_YAML}map", f"{_YAML}seq", "!unsafe"})
_OTHER_TAGS_HINT = "only plain YAML, !vault and !unsafe"
_TAG_HINTS = dict.fromkeys(
    ("!reset", "!override"), "it is for Compose files that are laid over each other; write what is wanted"
)
_PLAY_DEPTH = 2  # a list of plays, and in it the mapping of one


class Builder:
    """Builds the values of a node graph, aliases expanded. The caller has checked that it is no bomb."""

    def __init__(self, name: str, problems: Problems, loader: Any, dialect: Dialect) -> None:
        self.name = name
        self.problems = problems
        self.loader = loader
        self.dialect = Dialect.ANSIBLE if dialect is Dialect.PLAYBOOK else dialect
        self.playbook = dialect is Dialect.PLAYBOOK
        self.unsafe = False
        self.open: set[int] = set()
        self.scalars: dict[tuple[str, str], Raw] = {}

    def place(self, node: Node) -> Place:
        return Place(self.name, node.start_mark.line + 1, node.start_mark.column + 1)

    def build(self, node: Node) -> Raw:
        if isinstance(node, ScalarNode):
            return self.scalar(node)
        if id(node) in self.open:
            self.problems.add(self.place(node), "an alias that contains itself")
            return None
        if node.tag not in _COLLECTIONS:
            return self.unknown_tag(node)
        outer, self.unsafe = self.unsafe, self.unsafe or node.tag == "!unsafe"
        self.open.add(id(node))
        value = self.mapping(node) if isinstance(node, MappingNode) else self.sequence(node)
        self.open.discard(id(node))
        self.unsafe = outer
        return value

    def scalar(self, node: ScalarNode) -> Raw:
        if self.dialect is not Dialect.ANSIBLE and not node.style and self.is_untagged(node):
            return self.plain(node)
        if node.tag == f"{_YAML}str":
            return Str.at(node.value, self.place(node), unsafe=self.unsafe)
        if node.tag in ("!vault", "!vault-encrypted"):
            return Str.at(node.value, self.place(node), vault=True)
        if node.tag == "!unsafe":
            return Str.at(node.value, self.place(node), unsafe=True)
        key = (node.tag, node.value)
        if key not in self.scalars:
            self.scalars[key] = self.construct(node)
        return self.scalars[key]

    def is_untagged(self, node: ScalarNode) -> bool:
        return self.dialect is Dialect.JSON or node.tag == self.loader.resolve(
            ScalarNode, node.value, (True, False)
        )

    def plain(self, node: ScalarNode) -> Raw:
        """A scalar without quotes, in a dialect that does not read it as YAML 1.1 does."""
        read = json_scalar if self.dialect is Dialect.JSON else yaml12_scalar
        value = read(node.value)
        return Str.at(value, self.place(node)) if isinstance(value, str) else value

    def construct(self, node: ScalarNode) -> Raw:
        if not node.tag.startswith(_YAML) or node.tag == f"{_YAML}binary":
            return self.unknown_tag(node)
        try:
            return self.loader.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            kind = node.tag.rsplit(":")[-1]
            self.problems.add(self.place(node), f"'{node.value[:40]}' is no {kind}: {error}")
            return None

    def unknown_tag(self, node: Node) -> None:
        name = f"!!{node.tag.removeprefix(_YAML)}" if node.tag.startswith(_YAML) else node.tag
        self.problems.add(self.place(node), f"unknown tag '{name}'", _TAG_HINTS.get(name, _OTHER_TAGS_HINT))

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
            if key_node.tag == f"{_YAML}merge":
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
            result[key] = self.entry(key, value_node)
            result.keys_at[key], result.values_at[key] = self.place(key_node), self.place(value_node)
        self.merge(node, result)
        return result

    def entry(self, key: str, node: Node) -> Raw:
        """A value; the Compose sections of a play are read as a Compose file is."""
        if not (self.playbook and key in COMPOSE_SECTIONS and len(self.open) == _PLAY_DEPTH):
            return self.build(node)
        self.dialect = Dialect.COMPOSE
        value = self.build(node)
        self.dialect = Dialect.ANSIBLE
        return value

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
            if key_node.tag != f"{_YAML}merge":
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
