"""Loads playbooks that a test writes down, on a small inventory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

from deploytool.core.placement.patterns import select
from deploytool.errors import InputError
from deploytool.load.inventory.inventory_loader import Sources, load_inventory
from deploytool.load.playbook.playbook_loader import load_intent
from deploytool.model.intent import Definition, Intent, Project, Service

INVENTORY = """
all:
  vars: {region: eu, replicas: 3, password: "a$b${c}$$"}
web:
  hosts:
    web1: {rack: r1, deploytool_labels: {zone: a}}
    web2: {rack: r2, deploytool_labels: {zone: b}}
  vars: {role: web}
db:
  hosts: {db1: }
"""


@dataclass
class Site:
    """A folder with an inventory and playbooks."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    inventory: str = INVENTORY

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).lstrip("\n").encode())
        return path

    def load(self, playbook: str | Mapping[str, str], **options: Any) -> Intent:
        """The intent of one playbook, or of several by their names."""
        books = {"play.yaml": playbook} if isinstance(playbook, str) else playbook
        paths = [self.write(name, text) for name, text in books.items()]
        extra = options.pop("extra_vars", {})
        source = str(self.write("hosts.yaml", self.inventory))
        inventory = load_inventory(source, Sources(extra, None, self.environ))
        return load_intent(inventory, paths, select=select, **options)

    def project(self, playbook: str, **options: Any) -> Project:
        (project,) = self.load(playbook, **options).projects
        return project

    def service(self, body: str, top: str = "") -> Service:
        """The service ``web`` with the given keys, one on a line."""
        found = self.project(play(body, top)).service("web")
        assert found is not None
        return found

    def body(self, body: str, top: str = "", host: str = "web1") -> Mapping[str, Any]:
        """The canonical definition of the service ``web`` on a host."""
        return self.definition(play(body, top), host).services["web"]

    def definition(self, playbook: str, host: str = "web1") -> Definition:
        project = self.project(playbook)
        (found,) = [candidate for candidate in project.hosts if candidate.name == host]
        return project.definitions.on(found, {service.name: (host,) for service in project.services})

    def problems(self, playbook: str | Mapping[str, str], **options: Any) -> list[str]:
        """What is wrong with a playbook, as ``line:column message | hint``, in order."""
        try:
            self.load(playbook, **options)
        except InputError as error:
            return [_line(problem, self.folder) for problem in error.problems]
        raise AssertionError("the playbook loads, though it is wrong")


def _line(problem: Any, folder: Path) -> str:
    place = str(problem.place).replace(f"{folder}/", "").removeprefix("play.yaml:")
    hint = f" | {problem.hint}" if problem.hint else ""
    return f"{place} {problem.message}{hint}".replace(f"{folder}/", "")


def play(body: str, top: str = "") -> str:
    """A play on the group web with one service ``web``, on line 6 and following."""
    return (
        "- name: Shop\n  hosts: web\n"
        + _indented(top, 2)
        + "  services:\n    web:\n      image: web\n"
        + _indented(body, 6)
    )


def _indented(text: str, depth: int) -> str:
    lines = dedent(text).strip("\n").splitlines()
    return "".join(f"{' ' * depth}{line}\n" for line in lines)
