"""The steps for GitHub and GitLab as their runners run them: variables, files, no terminal, real hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from tests.lab.labhosts import ROOT, LabHosts
from tests.lab.runners import Api, GitHub, Workspace, gitlab_job, serving
from tests.lab.user import User

SHOP = """\
- name: Shop
  hosts: web
  services:
    web:
      image: "demo/web:{{ tag }}"
      environment: {PASSWORD: "{{ password }}"}
      init: true
      stop_grace_period: 1s
      deploy: {replicas: 3, update_config: {parallelism: 0, monitor: 0s}}
"""
SECRET = "correct horse"


@pytest.fixture
def workspace(lab: LabHosts, tmp_path: Path) -> Workspace:
    made = Workspace(lab, tmp_path)
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "site.yaml").write_text(SHOP, "utf-8")
    return made


@pytest.fixture
def github(workspace: Workspace) -> Iterator[GitHub]:
    with serving(Api()) as api:
        yield GitHub(workspace, api)


def test_plan_on_a_pull_request_then_converge_exactly_that(github):
    """One comment that is kept up to date, a summary, a saved plan that is carried out; nothing secret."""
    user = User(github.workspace.lab, github.workspace.folder)
    access = {"ssh_key": github.workspace.key, "known_hosts": github.workspace.known_hosts}
    common = {**access, "inventory": "hosts.yaml", "extra_vars": f'{{"tag": "1", "password": "{SECRET}"}}'}
    plan = github.run(**common, comment="true", plan_file="plan.json", junit="junit.xml", options="--diff")
    assert plan.codes == [0, 0], plan.log
    assert user.counts() == [0, 0, 0]
    assert plan.outputs["changes"] == "true"
    (comment,) = github.api.comments.values()
    assert "### Plan: 3 to start, 0 to replace, 0 to stop on 3 hosts." in comment
    assert comment.partition("\n")[2].strip() == plan.summary.strip()
    assert github.api.requests[-1] == ("POST", "/repos/shop/site/issues/7/comments", "Bearer a-token")
    assert "::group::Looking at 3 hosts" in plan.log

    done = github.run(**common, command="converge", plan_file="plan.json", lock_wait="1m")
    assert done.codes == [0], done.log
    assert user.counts() == [1, 1, 1]
    assert "Converged" in done.summary

    again = github.run(**common, comment="true")
    assert (again.codes, again.outputs["changes"]) == ([0, 0], "false"), again.log
    (comment,) = github.api.comments.values()
    assert "Nothing to do." in comment

    for host in ("lab1", "lab2"):
        user.lab.exec(host, "sh", "-c", "docker rm --force $(docker ps --quiet)")
    drift = github.run(**common, fail_on_changes="true", junit="junit.xml")
    assert (drift.codes, drift.outputs["exit-code"]) == ([10], "10"), drift.log
    suites = ElementTree.parse(github.workspace.folder / "junit.xml").getroot()  # noqa: S314 - our own
    assert int(suites.get("failures", "0")) >= 2

    for outcome in (plan, done, again, drift):
        said = outcome.log + outcome.summary + (github.workspace.folder / "plan.json").read_text("utf-8")
        assert SECRET not in said
        assert "PRIVATE KEY" not in said
        assert not [
            path for path in outcome.temp.rglob("*") if path.is_file() and "PRIVATE KEY" in path.read_text()
        ]


def test_failures_on_github_are_annotated_and_commented(github):
    """A wrong file at its line; hosts whose key is not known; a comment that is refused; inputs stay text."""
    folder = github.workspace.folder
    (folder / "playbooks" / "site.yaml").write_text(SHOP.replace("image:", "imge:"), "utf-8")
    wrong = github.run(inventory="hosts.yaml", extra_vars="tag=1 password=2", comment="true")
    assert wrong.codes == [3, 0], wrong.log
    assert "::error file=playbooks/site.yaml,line=5," in wrong.log
    (comment,) = github.api.comments.values()
    assert "imge" in comment

    (folder / "playbooks" / "site.yaml").write_text(SHOP, "utf-8")
    unknown = github.run(inventory="hosts.yaml", extra_vars="tag=1 password=2", ssh_key=github.workspace.key)
    assert unknown.codes == [4], unknown.log
    assert "ssh-keyscan" in unknown.log

    github.api.refuse = 403
    refused = github.run(inventory="hosts.yaml", extra_vars="tag=1", comment="true")
    assert refused.codes == [3, 1]
    assert "pull-requests: write" in refused.log

    evil = "$(touch pwned)`touch pwned`;touch pwned\n'\"; touch pwned; #"
    names = ("inventory", "playbooks", "options", "extra_vars", "plan_file", "vault_password", "junit")
    for inputs in (dict.fromkeys(names, evil), {"command": evil}):
        hostile = github.run(**inputs)
        assert hostile.codes[0] in (2, 3), hostile.log
        assert not list(folder.rglob("*pwned"))


def test_the_action_pastes_no_input_into_a_script():
    """An expression in a script would be replaced as text before a shell reads it."""
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    for step in action["runs"]["steps"]:
        assert "${{" not in step["run"]
    used = {value for step in action["runs"]["steps"] for value in step["env"].values()}
    assert {f"${{{{ inputs.{name} }}}}" for name in action["inputs"]} - {"${{ inputs.comment }}"} <= used


def test_the_jobs_of_gitlab(workspace):
    """Plan with a note on the merge request, converge, and a check for drift that fails with exit 10."""
    user = User(workspace.lab, workspace.folder)
    with serving(Api()) as api:
        ci = {
            "GITLAB_CI": "true",
            "DEPLOYTOOL_INVENTORY": "hosts.yaml",
            "DEPLOYTOOL_SSH_KEY": workspace.key.replace("\n", "\r\n"),
            "DEPLOYTOOL_KNOWN_HOSTS": str(workspace.lab.known_hosts_file),
            "DEPLOYTOOL_EXTRA_VARS": f'{{"tag": "1", "password": "{SECRET}"}}',
            "DEPLOYTOOL_GITLAB_TOKEN": "a-token",
            "CI_API_V4_URL": api.url,
            "CI_PROJECT_ID": "5",
            "CI_MERGE_REQUEST_IID": "7",
        }
        said = []
        codes = []
        for name in (".deploytool-plan", ".deploytool-converge", ".deploytool-drift"):
            script, variables = gitlab_job(name)
            done = workspace.shell(script, {**variables, **ci})
            said.append(done.stdout + done.stderr)
            codes.append(done.returncode)
        assert codes == [0, 0, 0], said
        assert user.counts() == [1, 1, 1]
        user.lab.exec("lab2", "sh", "-c", "docker rm --force $(docker ps --quiet)")
        drift = workspace.shell(script, {**variables, **ci})
        assert drift.returncode == 10, drift.stderr
        no_inventory = workspace.shell(script, {**variables, **ci, "DEPLOYTOOL_INVENTORY": ""})
    assert no_inventory.returncode not in (0, 10)
    assert "set it to the inventory" in no_inventory.stderr
    assert api.requests == [("POST", "/projects/5/merge_requests/7/notes", "a-token")]
    assert "### Plan: 3 to start" in api.comments[1]
    assert "section_start:" in said[1]
    assert "PRIVATE KEY" not in "".join(said)
    assert SECRET not in "".join(said)
    assert (workspace.folder / "deploytool-plan.json").exists()
    assert ElementTree.parse(workspace.folder / "deploytool-junit.xml").getroot().get("failures") == "1"  # noqa: S314
