"""Replicas across hosts as a table and as JSON."""

from __future__ import annotations

import json

from deploytool.model.container import Container, HostPort
from deploytool.report.ps import Listed
from deploytool.report.registry import PS_FORMATS


def listed(project: str = "shop", **fields: object) -> Listed:
    known = {"project": project, "service": "web", "image": "demo/web:1", "started_s": 100.0}
    return Listed("web/1", "h1", Container("x", f"{project}-web-1", **{**known, **fields}), 142.0)


def test_the_project_is_a_column_where_there_are_several():
    """A line a replica, with its age by the host's clock."""
    (head, row) = PS_FORMATS["text"]([listed(ports=(HostPort(80),))], {}).splitlines()
    assert head.split()[0] == "REPLICA"
    assert row.split() == ["web/1", "h1", "running", "42s", "0", "demo/web:1", "80", "shop-web-1"]
    assert PS_FORMATS["text"]([listed(), listed("blog")], {}).startswith("PROJECT")
    assert PS_FORMATS["text"]([], {"h2": "no answer"}) == "No replicas.\n"


def test_programs_get_who_did_not_answer_too():
    """And an exit code only of what ended."""
    document = json.loads(PS_FORMATS["json"]([listed()], {"h2": "no answer"}))
    assert document["unreachable"] == {"h2": "no answer"}
    (replica,) = document["replicas"]
    assert (replica["age_s"], replica["exit_code"]) == (42.0, None)
