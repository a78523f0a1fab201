"""The authority of the connections between proxies: one PEM file."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploytool.load.compose.ingress_authority import read_authority
from deploytool.load.compose.shipped_files import FileMistake
from deploytool.model.ingress import ProxySettings
from tests.unit.backend.compose.envoy.certificates import certificate


def test_an_authority_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """The next run finds it; nobody else may read it, and no text shows it."""
    path = tmp_path / "ca.pem"
    made = read_authority(path, "ca.pem", make=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_authority(path, "ca.pem", make=True) == made
    assert "PRIVATE" not in repr(ProxySettings(authority=made))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not hold a private key and a certificate"),
        ("".join(part.decode() for part in certificate("x")[::-1]), "has a key that is not RSA"),
    ],
)
def test_what_is_no_authority_is_an_error(tmp_path: Path, text: str, why: str) -> None:
    """With the name of the file and a way out, and nothing of its content."""
    path = tmp_path / "ca.pem"
    path.write_text(text)
    with pytest.raises(FileMistake, match=why) as error:
        read_authority(path, "ca.pem", make=True)
    assert "PRIVATE" not in str(error.value) + error.value.hint
