"""What each host's definition says now, and what a plan would write there. Asks only where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploytool.backend.compose.render.compose import text_sha256
from deploytool.backend.compose.render.mask import showable
from deploytool.backend.compose.render.yaml_text import to_yaml
from deploytool.errors import HostUnreachable, InputError, Place, Problem
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import parse_yaml
from deploytool.model.difference import Difference
from deploytool.model.observed import Observed, ObservedHost, ProjectFolder, Unreachable
from deploytool.model.plan import Plan
from deploytool.model.release import StoredRelease
from deploytool.run.parallel import Engines, each

_ONLY_OURS = "only comments and deploytool's own labels differ"


def differences(plan: Plan, seen: Observed, engines: Engines, forks: int, salt: bytes) -> list[Difference]:
    """By project and host: where the file would be another one than is there now.

    One exec for each project of a host that has a file and is to get another, hosts side by side. Secrets
    are masked with ``salt``: one that is made anew for each run lets nobody try values.
    """
    hosts = {name: wanted for name, host in seen.items() if (wanted := _differing(plan, name, host))}

    def of_host(name: str) -> list[Difference]:
        return [_difference(engines, name, folder, text, salt) for folder, text in hosts[name]]

    found = [difference for told in each(hosts, of_host, forks).values() for difference in told]
    return sorted(found, key=lambda difference: (difference.project, difference.host))


def _differing(
    plan: Plan, host_name: str, host: ObservedHost | Unreachable
) -> list[tuple[ProjectFolder, str | None]]:
    """The folders of a host that are to hold another text, each with that text."""
    if isinstance(host, Unreachable):
        return []
    found = []
    for project in plan.projects:
        files = project.files.get(host_name)
        folder = host.projects.get(project.project, ProjectFolder(project.project))
        if files and folder.compose_sha256 != text_sha256(files.compose):
            found.append((folder, files.compose))
    return found


def _difference(
    engines: Engines, host_name: str, folder: ProjectFolder, wanted: str | None, salt: bytes
) -> Difference:
    if not folder.compose_sha256:
        return Difference(folder.name, host_name, after=_shown(wanted, salt))
    number = folder.release.number if folder.release else 0
    try:
        stored = _on_record(engines, host_name, folder.name, number)
        before = _shown(stored.compose, salt) if stored else ""
    except HostUnreachable as error:
        return Difference(folder.name, host_name, note=f"what is there now is not known: {error.message}")
    except InputError:
        stored = None  # its message may quote a line of the file
    if stored is None:
        return Difference(
            folder.name, host_name, note="what is there now is not known: no release can be read"
        )
    after, note = _shown(wanted, salt), ""
    if text_sha256(stored.compose) != folder.compose_sha256:
        note = (
            f"compose.yaml is not that of release {number} and will be replaced: "
            "it was edited by hand, or an interrupted run left it"
        )
    elif before == after:
        note = _ONLY_OURS
    return Difference(folder.name, host_name, before, after, number, note)


def _on_record(engines: Engines, host_name: str, project: str, number: int) -> StoredRelease | None:
    stored = engines.named(host_name).releases(project)
    return next((one for one in stored if one.release.number == number), None)


def _shown(text: str | None, salt: bytes) -> str:
    """A definition as it may be shown; empty where there is none.

    Raises:
        InputError: the file was damaged on the host.
    """
    return to_yaml(showable(_parsed(text), salt)) if text is not None else ""


def _parsed(text: str) -> Mapping[str, Any]:
    problems = Problems()
    document = parse_yaml(text, "compose.yaml", problems)
    problems.raise_if_any()
    if not isinstance(document, dict) or not isinstance(document.get("services"), dict):
        raise InputError([Problem(Place("compose.yaml"), "is no definition of deploytool")])
    return document
