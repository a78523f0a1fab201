"""The image of the gRPC server: this Python, its standard library and grpcio, and nothing else."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from os.path import normpath
from pathlib import Path

import grpc

from deploytool.lab.commands import run
from deploytool.lab.image_build import LABEL, digest, labelled
from tests.lab.labhosts import LabHosts
from tests.lab.traffic.image import load_images

IMAGES = ("traffic/rpc:1", "traffic/rpc:2")
_SERVER = Path(__file__).with_name("rpc_server.py")
_LEFT_OUT = {
    "test",
    "idlelib",
    "tkinter",
    "lib2to3",
    "ensurepip",
    "site-packages",
    "dist-packages",
    "__pycache__",
}
_LIBRARY = re.compile(r"(/\S+) \(0x")


def give_rpc_images(lab_hosts: LabHosts) -> None:
    """See to it that every host has the images; they are built once, and kept."""
    recipe = digest(sys.version, grpc.__version__, _SERVER.read_bytes())
    if not set(IMAGES) <= set(labelled(recipe)):
        _build(recipe)
    load_images(lab_hosts, IMAGES, recipe)


def _build(recipe: str) -> None:
    packed = _packed()
    for name in IMAGES:
        changes = (
            f"ENV VERSION={name.partition(':')[2]} PYTHONPATH=/rpc PYTHONDONTWRITEBYTECODE=1",
            f"LABEL {LABEL}={recipe}",
            f'ENTRYPOINT ["{_python()}", "/rpc/server.py"]',
        )
        options = [word for change in changes for word in ("--change", change)]
        run(("docker", "import", *options, "-", name), stdin=packed, timeout_s=120.0)


def _python() -> Path:
    return Path(sys.executable).resolve()


def _packed() -> bytes:
    buffer = io.BytesIO()
    packages = Path(grpc.__file__).parent.parent
    library = Path(sysconfig.get_path("stdlib"))
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as archive:
        archive.add(_SERVER, "rpc/server.py")
        archive.add(packages / "grpc", "rpc/grpc", filter=_needed)
        archive.add(packages / "typing_extensions.py", "rpc/typing_extensions.py")
        archive.add(_python(), str(_python()))
        archive.add(library, str(library), filter=_needed)
        built_in = [file for file in library.glob("lib-dynload/*.so") if not _is_left_out(file.name)]
        for found in sorted(set(_shared([_python(), *built_in, *packages.glob("grpc/**/*.so")]))):
            archive.add(found, found)
    return buffer.getvalue()


def _needed(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if _is_left_out(Path(member.name).name) else member


def _is_left_out(name: str) -> bool:
    return name in _LEFT_OUT or name.startswith(("config-", "_tkinter")) or name.endswith(".a")


def _shared(binaries: list[Path]) -> Iterator[str]:
    said = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False).stdout
    return (normpath(match[1]) for match in _LIBRARY.finditer(said))
