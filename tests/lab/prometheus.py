"""Prometheus itself, as Debian packages it: had from apt where it is not there, run on loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.watchlab import wait_for
from deploytool.lab.commands import attempt, run


def binary(cache: Path) -> Path:
    """The program. It is unpacked below ``cache``, not installed: its service would start by itself.

    Raises:
        LabError: apt cannot give it.
    """
    found = shutil.which("prometheus")
    unpacked = cache / "usr" / "bin" / "prometheus"
    if found or unpacked.exists():
        return Path(found) if found else unpacked
    cache.mkdir(parents=True, exist_ok=True)
    download = ("sh", "-c", 'cd "$1" && apt-get download prometheus', "sh", str(cache))
    if attempt(download, timeout_s=300).exit_code:  # a fresh machine has no package lists yet
        run(("apt-get", "update"), timeout_s=300)
        run(download, timeout_s=300)
    (package,) = cache.glob("prometheus_*.deb")
    run(("dpkg-deb", "--extract", str(package), str(cache)), timeout_s=120)
    return unpacked


@dataclass(frozen=True)
class Prometheus:
    """A server that scrapes every second."""

    port: int

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series of an expression, now."""
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.port}/api/v1/query?{query}", timeout=10
        ) as answer:
            found = json.load(answer)["data"]["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def total(self, expression: str) -> float:
        return sum(value for _, value in self.query(expression))

    def targets(self) -> dict[str, dict[str, str]]:
        """URL → labels of all that it scrapes."""
        return {target["scrapeUrl"]: target["labels"] for target in self._ask("targets")["activeTargets"]}

    def _ask(self, what: str) -> dict:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{what}", timeout=10) as answer:
            return json.load(answer)["data"]


@contextmanager
def prometheus(
    program: Path, folder: Path, watcher_port: int, targets: Path, port: int
) -> Iterator[Prometheus]:
    """A running server that scrapes a watcher, and what ``targets`` lists.

    Raises:
        AssertionError: it does not get ready.
    """
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [
            {"job_name": "watch", "static_configs": [{"targets": [f"127.0.0.1:{watcher_port}"]}]},
            {
                "job_name": "replicas",
                "file_sd_configs": [{"files": [str(targets)], "refresh_interval": "1s"}],
            },
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config), "utf-8")
    argv = [str(program), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    argv += [f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    server = Prometheus(port)

    def ready() -> bool:
        assert process.poll() is None, (folder / "prometheus.log").read_text()
        try:
            return bool(server.query("up{job='watch'} == 1"))
        except OSError:
            return False

    try:
        wait_for("Prometheus scrapes the watcher", ready, 120, 0.25)
        yield server
    finally:
        process.kill()
        process.wait()
