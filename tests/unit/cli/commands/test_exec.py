"""``deploytool exec``: which replica, and what to run in it."""

from __future__ import annotations

import pytest

from deploytool.errors import UsageError
from tests.unit.cli.in_process import run


def test_exec_needs_a_service_and_a_command(arguments):
    """And says how they are written."""
    with pytest.raises(UsageError, match="what to run") as caught:
        run("exec", *arguments, "web")
    assert "--" in caught.value.hint


def test_exec_asks_which_project_is_meant(arguments):
    """Where several have the service."""
    with pytest.raises(UsageError, match="several projects") as caught:
        run("exec", *arguments, "web", "--", "true")
    assert "shop/web" in caught.value.hint
