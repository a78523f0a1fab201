"""``deploytool targets``: a file that Prometheus reads."""

from __future__ import annotations

from tests.unit.cli.commands.silent_host import command, ended


def test_targets_are_left_as_they_are_while_a_host_does_not_answer(site):
    """Else its replicas would vanish from Prometheus, and their alerts with them."""
    (site / "targets.json").write_text("[]", "utf-8")
    argv = (
        "targets",
        "hosts.yaml",
        "site.yaml",
        "--prometheus",
        "--connect-timeout",
        "1s",
        "--out",
        "targets.json",
    )
    done = ended(site, command(*argv))
    assert done.returncode == 4
    assert (site / "targets.json").read_text() == "[]"
