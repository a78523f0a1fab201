"""A host that is this machine, with a stand-in for Docker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.backend.compose.host.fake_docker import FakeHost, environment, fake_host


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    return fake_host(tmp_path)
