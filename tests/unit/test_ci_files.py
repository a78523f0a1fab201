"""What other systems read of this repository: the pre-commit hook, the installer of the action, the image."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.command_line import ROOT, run


def test_the_pre_commit_hook_validates(site):
    """As pre-commit runs it: the entry, then what a user gives as args, and no file names."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert (hook["language"], hook["pass_filenames"]) == ("python", False)
    program, *words = hook["entry"].split()
    assert program == "deploytool"
    assert run(*words, "hosts.yaml", "site.yaml", cwd=site).returncode == 0
    (site / "site.yaml").write_text("- {name: Shop, hosts: none}\n", "utf-8")
    assert run(*words, "hosts.yaml", "site.yaml", cwd=site).returncode == 3


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A package that is installed without a network: a command ``deploytool`` that says so."""
    path = tmp_path / "deploytool-9.9-py3-none-any.whl"
    files = {
        "stub.py": "def main():\n    print('the stub')\n",
        "deploytool-9.9.dist-info/METADATA": "Metadata-Version: 2.1\nName: deploytool\nVersion: 9.9\n",
        "deploytool-9.9.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "deploytool-9.9.dist-info/entry_points.txt": "[console_scripts]\ndeploytool = stub:main\n",
        "deploytool-9.9.dist-info/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_the_action_installs_into_an_environment_of_its_own(tmp_path, wheel):
    """Only the command comes on the PATH of later steps, not that environment's python."""
    temp = tmp_path / "with space"
    temp.mkdir()
    env = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "RUNNER_TEMP": str(temp),
        "GITHUB_PATH": str(temp / "paths"),
        "GITHUB_ACTION_PATH": str(ROOT),
        "INPUT_INSTALL": str(wheel),
    }
    argv = ["bash", str(ROOT / "ci" / "install.sh")]
    subprocess.run(argv, env=env, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    (folder,) = (temp / "paths").read_text("utf-8").splitlines()
    assert [path.name for path in Path(folder).iterdir()] == ["deploytool"]
    said = subprocess.run([f"{folder}/deploytool"], check=True, capture_output=True, text=True, timeout=60)
    assert said.stdout == "the stub\n"


def test_the_image_runs_as_a_user_without_rights_and_gets_no_more_than_it_needs():
    """No secret of a working copy can slip into it."""
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    assert lines.index("USER deploytool") > max(n for n, line in enumerate(lines) if line.startswith("RUN"))
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    copied = {word.rstrip("/") for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]}
    assert ignored[0] == "*"
    assert {f"!{name}" for name in copied if not name.startswith(("--", "/"))} <= set(ignored)
