"""The definition on each host beside the one that a plan would write, for ``--diff``."""

from __future__ import annotations

from deploytool.backend.base import Backend
from deploytool.errors import HostUnreachable, InputError
from deploytool.model.desired import Manifest
from deploytool.model.difference import Difference
from deploytool.model.observed import Observed, ObservedHost, ProjectFolder, Unreachable
from deploytool.model.plan import Plan
from deploytool.model.release import StoredRelease
from deploytool.transport.futures import each

_ONLY_OURS = "only comments and deploytool's own labels differ"


def differences(plan: Plan, seen: Observed, backend: Backend, forks: int, salt: bytes) -> list[Difference]:
    """The definitions that the plan would replace, sorted by project and host.

    One exec for each project of a host whose file differs, ``forks`` hosts at a time. Secrets are masked by
    hashes with ``salt``: a new salt for each run, so that nobody can test guesses against them.
    """
    hosts = {name: wanted for name, host in seen.items() if (wanted := _differing(plan, name, host))}

    def of_host(name: str) -> list[Difference]:
        return [_difference(backend, name, folder, text, salt) for folder, text in hosts[name]]

    found = [difference for told in each(hosts, of_host, forks).values() for difference in told]
    return sorted(found, key=lambda difference: (difference.project, difference.host))


def _differing(
    plan: Plan, host_name: str, host: ObservedHost | Unreachable
) -> list[tuple[ProjectFolder, Manifest | None]]:
    """The folders of a host whose definition differs from the planned one, each with the planned one."""
    if isinstance(host, Unreachable):
        return []
    found = []
    for project in plan.projects:
        files = project.files.get(host_name)
        folder = host.projects.get(project.project, ProjectFolder(project.project))
        if files and folder.manifest_digest != files.manifest_digest:
            found.append((folder, files.manifest))
    return found


def _difference(
    backend: Backend, host_name: str, folder: ProjectFolder, wanted: Manifest | None, salt: bytes
) -> Difference:
    if not folder.manifest_digest:
        return Difference(folder.name, host_name, after=_shown(backend, wanted, salt))
    number = folder.release.number if folder.release else 0
    try:
        stored = _on_record(backend, host_name, folder.name, number)
        before = _shown(backend, stored.manifest, salt) if stored else ""
    except HostUnreachable as error:
        return Difference(folder.name, host_name, note=f"what is there now is not known: {error.message}")
    except InputError:
        stored = None  # its message may quote a line of the file
    if stored is None:
        return Difference(
            folder.name, host_name, note="what is there now is not known: no release can be read"
        )
    after, note = _shown(backend, wanted, salt), ""
    if (stored.manifest.digest if stored.manifest else "") != folder.manifest_digest:
        note = (
            f"compose.yaml is not that of release {number} and will be replaced: "
            "it was edited by hand, or an interrupted run left it"
        )
    elif before == after:
        note = _ONLY_OURS
    return Difference(folder.name, host_name, before, after, number, note)


def _on_record(backend: Backend, host_name: str, project: str, number: int) -> StoredRelease | None:
    stored = backend.releases(host_name, project)
    return next((one for one in stored if one.release.number == number), None)


def _shown(backend: Backend, manifest: Manifest | None, salt: bytes) -> str:
    return backend.shown(manifest, salt) if manifest else ""
