"""``plan --explain SERVICE``: why each host was chosen or refused."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from deploytool.cli import app
from deploytool.errors import UsageError
from deploytool.model.intent import Service
from deploytool.report.plan import explain_text
from tests.builders import Fleet, drained, host, intent, project

HOSTS = [host("h1"), host("h2"), drained(host("h3"))]


def explained(*projects, service: str = "web") -> str:
    """What is printed for a fleet on which nothing runs yet."""
    fleet = Fleet.of("h1", "h2", "h3")
    run = fleet.run(intent(*projects))
    return "".join(
        explain_text(p.name, service, [(v.host, v.kept + v.chosen, v.text) for v in verdicts])
        for p, verdicts in run.backend.explain(run.intent, run.observe(), run.policy, service)
    )


def test_each_host_has_a_line_with_its_reason():
    """In every project that has the service, and in no other; the first one's claims count for the second."""
    shop = project(Service("web", replicas=3), hosts=HOSTS)
    blog = project(Service("web", replicas=1), hosts=HOSTS, name="blog")
    other = project(Service("api"), hosts=HOSTS, name="other")
    assert explained(shop, other, blog) == (
        "shop · web · 3 replicas on 2 of 3 hosts\n"
        "  h1   2   chosen for 2 (had 0 of web, 0 in all)\n"
        "  h2   1   chosen for 1 (had 0 of web, 0 in all)\n"
        "  h3   –   refused: is drained\n"
        "blog · web · 1 replica on 1 of 3 hosts\n"
        "  h1   1   chosen for 1 (had 0 of web, 2 in all)\n"
        "  h2   –   not needed: others come first\n"
        "  h3   –   refused: is drained\n"
    )


def test_it_explains_also_what_cannot_be_scheduled():
    """That is when one needs it."""
    crowded = project(Service("web", replicas=3, max_per_host=1), hosts=HOSTS)
    assert "h1   1   chosen for 1 (had 0 of web, 0 in all); takes no more: holds the most" in explained(
        crowded
    )


def test_an_unknown_service_is_a_usage_error_with_the_nearest_name(tmp_path):
    """Said before any host is contacted."""
    inventory = tmp_path / "hosts.yaml"
    inventory.write_text("web: {hosts: {h1: {ansible_host: 192.0.2.1}}}\n")
    playbook = tmp_path / "site.yaml"
    playbook.write_text("- {name: shop, hosts: web, services: {web: {image: demo/web}}}\n")
    arguments = ["plan", str(inventory), str(playbook), "--explain", "wbe"]
    with pytest.raises(UsageError, match="there is no service 'wbe'") as caught:
        CliRunner().invoke(app, arguments, catch_exceptions=False, standalone_mode=False)
    assert caught.value.hint == "did you mean 'web'?"
