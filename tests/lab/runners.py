"""The runners of CI systems as far as a step can tell: files, variables, a shell without a terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import yaml

from tests.lab.labhosts import ROOT, LabHosts

_INPUT = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")


@dataclass
class Api:
    """The comments of one pull request, or the notes of one merge request, behind a real HTTP server."""

    comments: dict[int, str] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, token
    refuse: int = 0
    url: str = ""

    def answer(self, method: str, path: str, body: str) -> object:
        if method == "GET":
            return [{"id": key, "body": text} for key, text in self.comments.items()]
        key = int(path.rpartition("/")[2]) if method == "PATCH" else len(self.comments) + 1
        self.comments[key] = body
        return {"id": key}


@contextmanager
def serving(api: Api) -> Iterator[Api]:
    """Answer on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            token = self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or ""
            api.requests.append((self.command, self.path, token))
            form = "urlencoded" in (self.headers.get("Content-Type") or "")
            body = parse_qs(raw)["body"][0] if form else json.loads(raw or "{}").get("body", "")
            answer = json.dumps(api.answer(self.command, self.path, body)).encode()
            self.send_response(api.refuse or 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_PATCH = do_GET

        def log_message(self, *ignored: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Workspace:
    """A checkout with an inventory that names neither key nor known_hosts, and a home that has none."""

    lab: LabHosts
    folder: Path

    def __post_init__(self) -> None:
        hosts = {host.name: {"ansible_port": host.ssh_port} for host in self.lab.all}
        inventory = {
            "all": {"vars": {"ansible_host": "127.0.0.1", "ansible_user": "root"}},
            "web": {"hosts": hosts},
        }
        (self.folder / "hosts.yaml").write_text(yaml.safe_dump(inventory), "utf-8")
        (self.folder / "home").mkdir()
        (self.folder / "bin").mkdir()
        command = self.folder / "bin" / "deploytool"
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m deploytool "$@"\n', "utf-8")
        command.chmod(0o755)

    @property
    def key(self) -> str:
        return self.lab.key_file.read_text("utf-8")

    @property
    def known_hosts(self) -> str:
        return self.lab.known_hosts_file.read_text("utf-8")

    def shell(self, script: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """A script as a runner runs it: from a file, with these variables, without a terminal."""
        path = self.folder / "script.sh"
        path.write_text(script, "utf-8")
        kept = {name: os.environ[name] for name in ("TMPDIR", "PYTHONPATH") if name in os.environ}
        env = {
            **kept,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "CI": "true",
            "LANG": "C.UTF-8",
            **environ,
        }
        argv = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(path)]
        ends: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
        return subprocess.run(argv, env=env, cwd=self.folder, timeout=300, check=False, **ends)


@dataclass
class GitHub:
    """Runs the steps of action.yml, after the one that installs."""

    workspace: Workspace
    api: Api
    runs: int = 0

    def run(self, **inputs: str) -> Outcome:
        """All steps with these inputs, of which ``plan_file`` is plan-file."""
        action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
        defaults = {name: str(one.get("default", "")) for name, one in action["inputs"].items()}
        given = {**defaults, "token": "a-token", **{name.replace("_", "-"): v for name, v in inputs.items()}}
        self.runs += 1
        temp = self.workspace.folder / f"runner{self.runs}"
        temp.mkdir()
        outcome = Outcome(temp)
        for step in action["runs"]["steps"][1:]:
            condition = step.get("if", "")
            if condition and (given["comment"] != "true" or "summary" not in outcome.outputs):
                continue
            env = {
                name: _INPUT.sub(lambda found: given[found[1]], value) for name, value in step["env"].items()
            }
            env = {
                name: value.replace("${{ steps.run.outputs.summary }}", outcome.outputs.get("summary", ""))
                for name, value in env.items()
            }
            done = self.workspace.shell(step["run"], {**env, **self._runner(temp)})
            outcome.codes.append(done.returncode)
            outcome.log += done.stdout + done.stderr
        return outcome

    def _runner(self, temp: Path) -> dict[str, str]:
        event = temp / "event.json"
        event.write_text(json.dumps({"pull_request": {"number": 7}}), "utf-8")
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_API_URL": self.api.url,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_OUTPUT": str(temp / "output"),
            "GITHUB_REPOSITORY": "shop/site",
            "GITHUB_STEP_SUMMARY": str(temp / "summary"),
            "RUNNER_TEMP": str(temp),
        }


@dataclass
class Outcome:
    """The results of a job: the exit codes of its steps, its log, outputs and summary."""

    temp: Path
    codes: list[int] = field(default_factory=list)
    log: str = ""

    @property
    def outputs(self) -> dict[str, str]:
        path = self.temp / "output"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return dict(line.split("=", 1) for line in lines)

    @property
    def summary(self) -> str:
        path = self.temp / "summary"
        return path.read_text("utf-8") if path.exists() else ""


def gitlab_job(name: str) -> tuple[str, dict[str, str]]:
    """The script and the variables of a job that extends one of ci/gitlab.yml."""
    jobs = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text("utf-8"))
    base, job = jobs[".deploytool"], jobs[name]
    script = "\n".join([*base["before_script"], *job["script"]])
    return script, {**base["variables"], **job.get("variables", {})}
