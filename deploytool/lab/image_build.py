"""Image builds on this machine's Docker engine, from files of this package.

Each image of a lab carries ``LABEL`` with its recipe: the hash of everything that it is built from. It gets
its name when it is complete, so an interrupted build leaves none.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from importlib import resources

from deploytool.lab.commands import docker, run

LABEL = "deploytool.lab.image"
BUILD_S = 900.0


def data(name: str) -> bytes:
    """The content of a file in this package's ``image`` folder."""
    return resources.files("deploytool.lab").joinpath("image").joinpath(name).read_bytes()


def digest(*parts: str | bytes) -> str:
    """A short hash of all parts, in order."""
    sha = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        sha.update(len(content).to_bytes(8, "big") + content)
    return sha.hexdigest()[:12]


def labelled(recipe: str = "") -> tuple[str, ...]:
    """The images of ``recipe``, or of every recipe if it is empty: names, or ids of nameless ones."""
    wanted = f"label={LABEL}={recipe}" if recipe else f"label={LABEL}"
    listing = docker("image", "ls", "--filter", wanted, "--format", "{{.Repository}}:{{.Tag}} {{.ID}}")
    pairs = (line.split() for line in listing.splitlines())
    return tuple(image_id if "<none>" in name else name for name, image_id in pairs)


def build(name: str, files: Mapping[str, bytes], arguments: Mapping[str, str], recipe: str) -> None:
    """Build an image from ``files``, one of which is the Dockerfile.

    Raises:
        LabError: a step of the Dockerfile failed.
    """
    options = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    # A builder of the user's own may not see local images; the default one, and the one before BuildKit, do.
    command = ("env", "BUILDX_BUILDER=default", "docker", "build", "--label", f"{LABEL}={recipe}", *options)
    run((*command, "--tag", name, "-"), stdin=tar(files), timeout_s=BUILD_S)


def tar(files: Mapping[str, bytes]) -> bytes:
    """An archive of executable files, reproducible: equal files give equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.mode, member.size = 0o755, len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
