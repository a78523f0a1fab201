"""Commands in this process, for their errors."""

from __future__ import annotations

from click.testing import CliRunner

from deploytool.cli import app


def run(*words: str) -> None:
    CliRunner().invoke(app, words, catch_exceptions=False, standalone_mode=False)
