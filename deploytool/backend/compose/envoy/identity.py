"""Mutual TLS between proxies: each has a certificate of the play's own authority.

Key and certificate are derived from the authority and the host's name alone, so that rendering twice gives
the same, and another authority renews them all.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from deploytool.backend.compose.envoy.names import typed, watched
from deploytool.model.secret import Secret

NAME = "mesh.deploytool"
"""The DNS name in every such certificate, which proxies check."""

CERTIFICATE, TRUST = "mesh", "mesh-ca"
_SECRET = "transport_sockets.tls.v3.Secret"  # noqa: S105 - the name of a type


def secrets(authority: Secret, host_name: str) -> dict[str, dict[str, Any]]:
    """Envoy's secrets by name: the certificate and key of this host, and the trusted certificates."""
    certificate, key, trusted = _issued(authority, host_name)
    shown = {
        "certificate_chain": {"inline_string": certificate},
        "private_key": {"inline_string": key},
    }
    names = {"san_type": "DNS", "matcher": {"exact": NAME}}
    trust = {"trusted_ca": {"inline_string": trusted}, "match_typed_subject_alt_names": [names]}
    return {
        CERTIFICATE: typed(_SECRET, name=CERTIFICATE, tls_certificate=shown),
        TRUST: typed(_SECRET, name=TRUST, validation_context=trust),
    }


def client() -> dict[str, Any]:
    """TLS settings of a front cluster: TLS for endpoints with ``MARK``, plain TCP for the others."""
    context = typed("transport_sockets.tls.v3.UpstreamTlsContext", common_tls_context=_COMMON, sni=NAME)
    plain = typed("transport_sockets.raw_buffer.v3.RawBuffer")
    return {
        "transport_socket_matches": [
            {"name": "mesh", "match": {"mesh": True}, "transport_socket": _socket("tls", context)},
            {"name": "here", "match": {}, "transport_socket": _socket("raw_buffer", plain)},
        ]
    }


MARK = {"filter_metadata": {"envoy.transport_socket_match": {"mesh": True}}}
"""The metadata of an endpoint on another host."""


def server() -> dict[str, Any]:
    """TLS settings of a mesh port: it accepts clients with a certificate of the authority."""
    context = typed(
        "transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context=_COMMON,
        require_client_certificate=True,
    )
    return {"transport_socket": _socket("tls", context)}


_COMMON = {
    "tls_certificate_sds_secret_configs": [
        {"name": CERTIFICATE, "sds_config": watched(f"sds-{CERTIFICATE}.json")}
    ],
    "validation_context_sds_secret_config": {"name": TRUST, "sds_config": watched(f"sds-{TRUST}.json")},
}


def _socket(name: str, context: dict[str, Any]) -> dict[str, Any]:
    return {"name": f"envoy.transport_sockets.{name}", "typed_config": context}


@cache
def _issued(authority: Secret, host_name: str) -> tuple[str, str, str]:
    """Certificate, key and the trusted certificates, all PEM."""
    # Imported only where a play has ``mtls``, since it takes long.
    import hashlib

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    text = authority.reveal().encode()
    signer = serialization.load_pem_private_key(text, password=None)
    if not isinstance(signer, rsa.RSAPrivateKey):
        raise TypeError("the authority was checked when it was loaded")
    issuer, *others = x509.load_pem_x509_certificates(text)
    seed = signer.private_bytes(serialization.Encoding.DER, *plain)
    about = f"deploytool mesh {host_name}".encode()
    drawn = HKDF(hashes.SHA256(), 48, None, about).derive(seed)
    key = ec.derive_private_key(int.from_bytes(drawn, "big") % (_ORDER - 1) + 1, ec.SECP256R1())
    uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host_name[:64])]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(hashlib.sha256(drawn).digest()[:15], "big") + 1)
        .not_valid_before(issuer.not_valid_before_utc)
        .not_valid_after(issuer.not_valid_after_utc)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .sign(signer, hashes.SHA256())  # RSA's PKCS #1 v1.5 is deterministic
    )
    trusted = b"".join(one.public_bytes(pem) for one in (issuer, *others))
    return (
        certificate.public_bytes(pem).decode(),
        key.private_bytes(pem, *plain).decode(),
        trusted.decode(),
    )


# The order of the curve P-256: a private key is a number from 1 to one below it.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
