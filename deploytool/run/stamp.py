"""The origin of a release, as it is recorded: time, user and commit."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from deploytool.model.release import Stamp
from deploytool.run.lease_owner import this_run

_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "CIRCLE_SHA1", "BUILDKITE_COMMIT")


def stamp(folder: Path, environ: Mapping[str, str], now: datetime | None = None) -> Stamp:
    """The stamp of a run that begins ``now``: in UTC, with the user and the commit checked out in ``folder``.

    The commit is empty where the environment names none and ``folder`` is in no Git repository.
    """
    moment = (now or datetime.now(timezone.utc)).astimezone(timezone.utc)
    when = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Stamp(when, this_run("", environ).who, _commit(folder, environ))


def _commit(folder: Path, environ: Mapping[str, str]) -> str:
    given = next((environ[name] for name in _COMMITS if environ.get(name)), "")
    if given:
        return given
    try:
        asked = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""  # no git, or a folder that cannot be read: a release without a commit is still one
    return asked.stdout.strip() if asked.returncode == 0 else ""
