"""Runs the oracle once for all tests, and shares its answers between the workers of a parallel run."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.ansible.oracle_cases import HAND_WRITTEN, REFUSED, Case, oracle_environment
from tests.ansible.oracle_generate import generated

CASES = [*HAND_WRITTEN, *REFUSED, *generated()]

Answer = dict[str, Any]


def _ask(questions: list[dict[str, Any]], folder: Path) -> list[Answer]:
    program = Path(__file__).with_name("oracle.py")
    run = subprocess.run(
        [sys.executable, str(program)],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        timeout=600,  # ten seconds on an idle machine
        env=oracle_environment(folder),
        check=True,
    )
    return json.loads(run.stdout)


@pytest.fixture(scope="session")
def folder_of(worker_folder: Path) -> Callable[[Case], Path]:
    """Where the files of a case are."""
    return lambda case: (
        worker_folder / str(next(i for i, known in enumerate(CASES) if known.name == case.name))
    )


@pytest.fixture(scope="session")
def worker_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "oracle"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def answers(worker_folder: Path, folder_of: Callable[[Case], Path]) -> dict[str, Answer]:
    """What ansible-core says about each case, by the case's name."""
    kept = worker_folder / "answers.json"
    with (worker_folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            for case in CASES:
                case.write(folder_of(case))
            said = _ask([case.question(folder_of(case)) for case in CASES], worker_folder)
            kept.write_text(json.dumps(dict(zip((case.name for case in CASES), said, strict=True))))
    return json.loads(kept.read_text())
