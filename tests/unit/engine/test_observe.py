"""The script that looks at a host, run on a folder of this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

from deploytool.engine.compose import _observe_script

FOLDERS = {
    "deploytool-ingress/lease": "run-1\n99\n{}\n",
    "deploytool-ingress/projects/shop/digest": "d1\n",
    "deploytool-ingress/projects/shop/offers.json": "[]\n",
    "shop/release.json": '{"number": 3}',
}


def test_a_lease_is_its_own_projects(tmp_path: Path) -> None:
    """Also that of the edge, whose folder has parts of other projects in it."""
    for name, text in FOLDERS.items():
        path = tmp_path / "deploytool" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text("#!/bin/sh\n", "utf-8")
    docker.chmod(0o755)
    said = subprocess.run(
        ["sh", "-c", _observe_script(), "deploytool", str(tmp_path / "deploytool")],
        env={"PATH": f"{docker.parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert [line for line in said if line.startswith("lease ")] == ["lease deploytool-ingress run-1 99 {} "]
    assert "ingress shop d1 []" in said
