"""The certificates between proxies: of one authority, the same each time, another for each host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from deploytool.backend.compose.envoy.identity import secrets
from deploytool.load.compose.ingress_authority import read_authority
from deploytool.model.ingress import ProxySettings
from deploytool.model.secret import Secret
from tests.unit.backend.compose.envoy.test_ingress import json, parts, shop


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Secret:
    """One that was made where there was none."""
    path = tmp_path_factory.mktemp("ca") / "ingress-ca.pem"
    return read_authority(path, str(path), make=True)


def shown(authority: Secret, host: str) -> str:
    return str(secrets(authority, host)["mesh"]["tls_certificate"]["certificate_chain"]["inline_string"])


def test_a_certificate_follows_from_authority_and_host(authority: Secret) -> None:
    """So nothing differs when nothing changed, and every host has its own."""
    assert shown(authority, "h1") == shown(Secret(authority.reveal()), "h1")
    assert shown(authority, "h1") != shown(authority, "h2")
    issuer, leaf = (
        x509.load_pem_x509_certificates(text.encode())[0]
        for text in (authority.reveal(), shown(authority, "h1"))
    )
    leaf.verify_directly_issued_by(issuer)


def test_more_certificates_in_the_file_are_trusted_too(authority: Secret, tmp_path: Path) -> None:
    """An authority is replaced in two steps: both are trusted, then the new one alone."""
    other = read_authority(tmp_path / "new.pem", "new.pem", make=True)
    both = Secret(other.reveal() + authority.reveal().partition("-----END PRIVATE KEY-----\n")[2])
    trusted = secrets(both, "h1")["mesh-ca"]["validation_context"]["trusted_ca"]["inline_string"]
    assert trusted.count("BEGIN CERTIFICATE") == 2


def test_with_mtls_a_mesh_port_asks_for_a_certificate(authority: Secret) -> None:
    """Other hosts are reached by TLS, replicas of the host itself as before."""
    found = parts(replace(shop(), proxy_settings=ProxySettings(authority=authority)))
    mesh = json.loads(found["chains/15080"])["transport_socket"]["typed_config"]
    assert mesh["require_client_certificate"] is True
    front, local = (json.loads(line) for line in found["clusters/web~0"].splitlines())
    assert [match["name"] for match in front["transport_socket_matches"]] == ["mesh", "here"]
    assert "transport_socket_matches" not in local
    marked = json.loads(found["remote/web~0/h2"])["metadata"]["filter_metadata"]
    assert marked == {"envoy.transport_socket_match": {"mesh": True}}
    assert "metadata" not in json.loads(found["local/web~0"])
    assert "transport_socket" not in json.loads(found["chains/80"])
    assert "secrets/mesh" not in parts(shop())
