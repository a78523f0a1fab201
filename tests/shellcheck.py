"""Checks the scripts that run on hosts with shellcheck, put together as they travel. ``make lint`` runs it.

A file of ``host/`` alone would use names that another one gives; together nothing may be left undefined.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import deploytool.backend.compose
from deploytool.backend.compose.scripts import FILES, look_source, stream_source, verb_source

HOST = Path(deploytool.backend.compose.__file__).parent / "host"
STREAMS = ("events", "logs", "releases")
# Not asked for, of any of them:
EVERYWHERE = (
    "SC3043",  # POSIX has no local, but each sh on a host with Docker does: dash, the ash of busybox, bash
    "SC2015",  # "a && b || c" is meant as it reads: c follows where either fails
    "SC2317",  # a verb reaches no function by its name in a variable, as far as shellcheck sees
    "SC2329",
)
# Nor of what travels, which is more than a verb uses; of all files together it is.
IN_A_VERB = ("SC2034",)


def main() -> int:
    """Exit code 1 where there is anything to say."""
    scripts = {"look": look_source(), **{verb: verb_source(verb) for verb in FILES}}
    scripts |= {name: stream_source(name) for name in STREAMS}
    paths = sorted(path for path in HOST.glob("*.sh") if path.stem not in STREAMS)
    together = "\n".join(path.read_text("utf-8") for path in paths)
    return _check(scripts, (*EVERYWHERE, *IN_A_VERB)) or _check({"all": together}, EVERYWHERE)


def _check(scripts: Mapping[str, str], excluded: Iterable[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, text in scripts.items():
            paths.append(Path(folder, f"{name}.sh"))
            paths[-1].write_text(text, "utf-8")
        program = Path(sys.executable).with_name("shellcheck")
        argv = [str(program), "--shell=sh", f"--exclude={','.join(excluded)}", *map(str, paths)]
        return subprocess.run(argv).returncode


if __name__ == "__main__":
    sys.exit(main())
