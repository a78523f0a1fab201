"""``deploytool logs``: moments and numbers of lines."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from deploytool.cli import app
from deploytool.cli.commands.logs import since, tail


@pytest.mark.parametrize(
    ("given", "docker"),
    [("10m", "600s"), ("1h30m", "5400s"), ("2026-01-31T12:00:00Z", "1769860800.000000000")],
)
def test_since_is_a_duration_or_a_moment(given, docker):
    """As Docker takes it, whatever the host's time zone."""
    assert since(given) == docker


@pytest.mark.parametrize("given", ["", "yesterday", "-5m", "12:00", "1;reboot"])
def test_since_is_nothing_else(arguments, given):
    """A sentence with what can be written."""
    done = CliRunner().invoke(app, ["logs", *arguments, "--since", given])
    assert done.exit_code == 2
    assert "is neither a duration (10m, 1h30m) nor a moment" in done.output


def test_tail_is_a_number_or_all():
    """Nothing else."""
    assert [tail("all"), tail("0"), tail("12")] == [None, 0, 12]
    for given in ("-1", "few", "1.5", "٣"):
        with pytest.raises(Exception, match="neither a number of lines nor 'all'"):
            tail(given)
