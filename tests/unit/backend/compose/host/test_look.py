"""The script that looks at a host, run on folders of this machine with a stand-in for Docker."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from deploytool.backend.compose.scripts import look_script

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
        ["sh", "-c", look_script(), "deploytool", str(tmp_path / "deploytool")],
        env={"PATH": f"{docker.parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    told = [json.loads(line) for line in said]
    leases = [(raw["project"], raw["lease"]) for raw in told if "lease" in raw]
    assert leases == [("deploytool-ingress", "run-1\n99\n{}")]
    assert {"ingress": "shop", "digest": "d1", "offers": "[]"} in told


# The engine knows the containers that the file `known` names, one a line.
DOCKER = r"""#!/bin/sh
cd "$(dirname "$0")" || exit
echo "$1" >>calls
case $1 in
  ps) cat known ;;
  inspect)
    shift 5
    for id in "$@"; do
      grep -qx "$id" known || { echo "Error: No such container: $id" >&2; exit 1; }
      echo "container $id"
    done
    ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    return tmp_path


def look(
    folder: Path, known: list[str], kept: list[str], root: str = "engine"
) -> tuple[list[str], list[str]]:
    """What it found, and what Docker was asked: an engine with ``known``, and ``kept`` in a folder."""
    (folder / "known").write_text("".join(f"{one}\n" for one in known))
    (folder / "calls").write_text("")
    for one in kept:
        (folder / "engine" / "containers" / one).mkdir(parents=True, exist_ok=True)
    script = look_script().replace('look "$1"', 'containers "$1"')
    done = subprocess.run(
        ["sh", "-c", script, "look", f"{folder / root}" if root else ""],
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = [line.removeprefix("container ") for line in done.stdout.splitlines()]
    return found, (folder / "calls").read_text().split()


def test_whoever_may_read_the_engines_folder_need_not_ask_it_for_a_list(folder: Path) -> None:
    """One process of Docker instead of two."""
    assert look(folder, ["a", "b"], ["a", "b"]) == (["a", "b"], ["inspect"])


@pytest.mark.parametrize("kept", [["a", "b", "c"], ["c"]], ids=["more", "others"])
def test_the_folder_of_another_engine_is_not_believed(folder: Path, kept: list[str]) -> None:
    """Nor one in which something is left of a container that is gone."""
    assert look(folder, ["a", "b"], kept) == (["a", "b"], ["inspect", "ps", "inspect"])


@pytest.mark.parametrize("root", ["", "nowhere", "engine"], ids=["unknown", "not there", "empty"])
def test_where_the_folder_says_nothing_the_engine_is_asked(folder: Path, root: str) -> None:
    """Nobody is taken for absent because a folder cannot be read."""
    (folder / "engine" / "containers").mkdir(parents=True)
    assert look(folder, ["a"], [], root) == (["a"], ["ps", "inspect"])
    assert look(folder, [], [], root) == ([], ["ps"])
