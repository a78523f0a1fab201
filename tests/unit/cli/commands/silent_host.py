"""The program in a process of its own, beside a host that says nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]


LONG_S = 60.0


def command(*argv: str) -> list[str]:
    return [sys.executable, "-m", "deploytool", *argv]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def ended(site: Path, argv: list[str]) -> subprocess.CompletedProcess[str]:
    """What a process said that ended by itself."""
    return subprocess.run(
        argv, cwd=site, env=ENVIRONMENT, capture_output=True, text=True, timeout=LONG_S, check=False
    )
