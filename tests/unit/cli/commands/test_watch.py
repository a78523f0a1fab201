"""``deploytool watch`` as a process: signals, files, options, and its end."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.cli.commands.silent_host import ENVIRONMENT, LONG_S, command, ended


@contextmanager
def watching(site: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """The process, and the file with its log."""
    log = site / "watch.log"
    with log.open("w") as out:
        argv = command("watch", "hosts.yaml", "site.yaml", *more)
        process = subprocess.Popen(argv, cwd=site, env=ENVIRONMENT, stderr=out, stdout=out, text=True)
    try:
        yield process, log
    finally:
        process.kill()
        process.wait()


def said(log: Path, pattern: str) -> re.Match[str]:
    """What the log says, as soon as it does."""
    end = time.monotonic() + LONG_S
    while time.monotonic() < end:
        match = re.search(pattern, log.read_text())
        if match:
            return match
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=LONG_S) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_ends_when_it_is_told_whatever_its_hosts_do(site, number, code):
    """While a connection to a frozen host is being made, too; probes tell alive from ready until then."""
    with watching(site, "--listen", "127.0.0.1:0", "--log-format", "json") as (process, log):
        port = int(said(log, r"listening on port (\d+)")[1])
        said(log, "watching 1 hosts")
        assert (status(port, "/healthz"), status(port, "/readyz"), status(port, "/metrics")) == (
            200,
            503,
            200,
        )
        begun = time.monotonic()
        process.send_signal(number)
        assert process.wait(LONG_S) == code
        assert time.monotonic() - begun < 10  # five, and what a busy machine adds
        assert "Traceback" not in log.read_text()


def test_sighup_reads_the_files_and_does_not_end_it(site):
    """A typo is told with its place, and what was there before goes on to hold."""
    with watching(site) as (process, log):
        said(log, "watching 1 hosts")
        (site / "site.yaml").write_text("- {name: Shop, hosts: all, service: {}}\n", "utf-8")
        process.send_signal(signal.SIGHUP)
        said(log, r"site\.yaml:1:3: the play has neither 'compose' nor 'services' \(and 1 more\)")
        assert process.poll() is None


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (("--listen", "nowhere"), 2, "--listen: 'nowhere' is not an address"),
        (("--listen", "203.0.113.1:80"), 2, "cannot listen on 203.0.113.1:80"),
        (("--textfile", "metrics.txt"), 2, "node_exporter reads only *.prom"),
        (("--textfile", "no/m.prom"), 2, "--textfile: no/m.prom cannot be written"),
        (("--resync", "often"), 2, "is not a duration"),
        (("-e", "@nothing.yaml"), 3, "nothing.yaml"),
    ],
)
def test_wrong_options_are_sentences(site, argv, code, words):
    """Before anything is begun, with the exit code of the table."""
    done = ended(site, command("watch", "hosts.yaml", "site.yaml", *argv))
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_watcher_looks_for_cycles_as_often_as_python_does(site):
    """A threshold that is meant for one plan would let what repairs leave behind pile up for days."""
    script = (
        "import gc, sys\n"
        "from deploytool import cli\n"
        "default = gc.get_threshold()[0]\n"
        "sys.argv = ['deploytool', 'watch', 'none.yaml', 'site.yaml']\n"
        "cli.leave = lambda code: (print(default, gc.get_threshold()[0]), sys.exit(code))\n"
        "cli.main()\n"
    )
    done = ended(site, [sys.executable, "-c", script])
    assert done.stdout == "700 700\n", done
    assert done.returncode == 3, done
