"""The base image of lab hosts: built on a registry's image where one is in reach, else by debootstrap."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploytool.errors import LabError
from deploytool.lab import apt
from deploytool.lab.commands import Say, attempt, docker, last_words, run
from deploytool.lab.image_build import BUILD_S, LABEL, build, data, digest, labelled

_COMMON = "openssh-server,docker.io,iptables,iproute2,ca-certificates,procps,busybox-static,sudo,tini"
# Long enough for a registry that is in reach. Without another way, it may take as long as it takes.
_PULL_S = 30.0


@dataclass(frozen=True, slots=True)
class Flavour:
    """The arguments of debootstrap. ``script`` is the name of one of debootstrap's own scripts."""

    suite: str
    components: str
    packages: str
    script: str


# The first suites that have Compose v2, whatever this machine's own suite is.
DEBIAN = Flavour("trixie", "main", f"{_COMMON},docker-cli,docker-compose", "sid")
UBUNTU = Flavour("noble", "main,universe", f"{_COMMON},docker-compose-v2", "gutsy")


def base_image(say: Say) -> str:
    """The name of the image with all packages of a host; builds it if it is missing.

    Raises:
        LabError: neither a registry nor debootstrap is available, or debootstrap failed.
    """
    recipe = digest(repr((DEBIAN, UBUNTU)), data("packages.Dockerfile"), data("debootstrap.sh"))
    name = f"deploytool-lab/base:{recipe}"
    if name in labelled(recipe):
        return name
    failure = _from_registry(name, recipe, say)
    if not failure:
        return name
    if not _can_debootstrap():
        hint = "run this where a registry is in reach, or as root on Debian or Ubuntu"
        raise LabError(f"cannot make the hosts' base image: {failure}", hint=hint)
    say(f"no image from a registry ({failure})")
    _by_debootstrap(name, recipe, say)
    return name


def _from_registry(name: str, recipe: str, say: Say) -> str:
    """Build the image on Debian's from a registry; returns the error message, empty on success."""
    pull_s = _PULL_S if _can_debootstrap() else BUILD_S
    try:
        pulled = attempt(("docker", "pull", "--quiet", "debian:trixie-slim"), timeout_s=pull_s)
        if pulled.exit_code:
            return last_words(pulled)
        say("building the hosts' base image, which takes a minute or two")
        files = {"Dockerfile": data("packages.Dockerfile")}
        build(name, files, {"PACKAGES": DEBIAN.packages.replace(",", " ")}, recipe)
    except LabError as error:
        return error.message
    return ""


def _can_debootstrap() -> bool:
    return os.geteuid() == 0 and bool(apt.distributions(apt.os_release()) & {"debian", "ubuntu"})


def _by_debootstrap(name: str, recipe: str, say: Say) -> None:
    flavour = UBUNTU if "ubuntu" in apt.distributions(apt.os_release()) else DEBIAN
    mirror = apt.mirror()
    if shutil.which("debootstrap") is None:
        say("installing debootstrap with apt-get")
        apt.install("debootstrap")
    say("making the hosts' base image with debootstrap, which takes about a minute")
    # Not in /tmp, which may be small or in memory.
    with tempfile.TemporaryDirectory(prefix="deploytool-lab-", dir="/var/tmp") as folder:
        script, tar = Path(folder, "debootstrap.sh"), Path(folder, "rootfs.tar")
        script.write_bytes(data("debootstrap.sh"))
        arguments = (flavour.suite, flavour.components, flavour.packages, mirror, flavour.script, str(tar))
        run(("unshare", "--mount", "sh", str(script), *arguments), timeout_s=BUILD_S)
        docker("import", "--change", f"LABEL {LABEL}={recipe}", str(tar), name, timeout_s=BUILD_S)
