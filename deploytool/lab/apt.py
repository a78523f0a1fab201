"""apt on this machine: its distribution, its package mirror, and installation of packages.

Both formats of apt's source files are parsed. The parsers are pure; other functions read this machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deploytool.errors import LabError
from deploytool.lab.commands import attempt, last_words, run

_OPTIONS = re.compile(r"\[[^]]*\]")
_APT = Path("/etc/apt")
_INSTALL_S = 600.0
_ROLLING = frozenset({"stable", "oldstable", "testing", "unstable", "sid"})


@dataclass(frozen=True, slots=True)
class Source:
    """An archive of binary packages: ``components`` of ``suite`` at ``uri``."""

    uri: str
    suite: str
    components: tuple[str, ...]


def one_line_sources(text: str) -> Iterator[Source]:
    """The sources of a ``.list`` file: ``deb [options] uri suite component…`` on each line."""
    for line in text.splitlines():
        words = _OPTIONS.sub(" ", line.partition("#")[0]).split()
        if len(words) >= 3 and words[0] == "deb":
            yield Source(words[1], words[2], tuple(words[3:]))


def deb822_sources(text: str) -> Iterator[Source]:
    """The sources of a ``.sources`` file: paragraphs of ``Key: values``, comment lines left out."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for paragraph in re.split(r"\n[ \t]*\n", "\n".join(lines)):
        fields = _fields(paragraph)
        if "deb" not in fields.get("types", ()) or fields.get("enabled", ["yes"])[0].lower() in (
            "no",
            "false",
        ):
            continue
        for uri in fields.get("uris", ()):
            for suite in fields.get("suites", ()):
                yield Source(uri, suite, tuple(fields.get("components", ())))


def distributions(os_release: str) -> frozenset[str]:
    """``ID`` and the names in ``ID_LIKE`` of the text of an os-release file."""
    fields = _os_release_fields(os_release)
    return frozenset(f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".split())


def main_mirror(sources: Iterable[Source], codename: str) -> str:
    """The mirror of the distribution itself, the first one named; empty if there is none.

    ``codename`` is the distribution's release: archives of other parties, of security updates and of
    backports name other suites, or have no component ``main``.
    """
    suites = _ROLLING | {codename}
    return next((one.uri for one in sources if one.suite in suites and "main" in one.components), "")


def os_release() -> str:
    """The text of ``/etc/os-release``; empty where there is no such file."""
    try:
        return Path("/etc/os-release").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def mirror() -> str:
    """The URL of the mirror in this machine's apt sources.

    Raises:
        LabError: its apt sources name none.
    """
    sources: list[Source] = []
    for path in (_APT / "sources.list", *sorted((_APT / "sources.list.d").glob("*.list"))):
        sources += one_line_sources(_text(path))
    for path in sorted((_APT / "sources.list.d").glob("*.sources")):
        sources += deb822_sources(_text(path))
    found = main_mirror(sources, _os_release_fields(os_release()).get("VERSION_CODENAME", ""))
    if not found:
        raise LabError("this machine's apt sources name no mirror", hint=f"add one below {_APT}")
    scheme, _, file = found.partition(":")
    if scheme != "mirror+file":
        return found
    # apt's own indirection: a file with a mirror on each line, followed by what is known of it.
    listed = _text(Path("/" + file.lstrip("/"))).split()
    if not listed:
        raise LabError(f"{found} in this machine's apt sources names no mirror")
    return listed[0]


def install(*packages: str) -> None:
    """Install Debian packages; needs root.

    Raises:
        LabError: apt-get failed.
    """
    apt_get = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=120")
    command = (*apt_get, "install", "-y", "--no-install-recommends", *packages)
    # A fresh machine has no package lists yet, an old one has stale ones: both make the first try fail.
    if attempt(command, timeout_s=_INSTALL_S).exit_code:
        run((*apt_get, "update"), timeout_s=_INSTALL_S)
        result = attempt(command, timeout_s=_INSTALL_S)
        if result.exit_code:
            raise LabError(f"apt-get could not install {' '.join(packages)}: {last_words(result)}")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _os_release_fields(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines())
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def _fields(paragraph: str) -> dict[str, list[str]]:
    """Key, in lower case → its values; a line that begins with white space continues the key before it."""
    fields: dict[str, list[str]] = {}
    values: list[str] = []
    for line in paragraph.splitlines():
        if not line[:1].isspace():
            key, _, line = line.partition(":")
            values = fields.setdefault(key.strip().lower(), [])
        values.extend(line.split())
    return fields
