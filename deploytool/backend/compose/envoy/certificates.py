"""Checks certificates and keys as Envoy would, before any host is changed."""

from __future__ import annotations

from deploytool.model.ingress import Tls


def mistake(tls: Tls, certificate: bytes, key: bytes) -> str:
    """The error in a certificate or its key, as a sentence without their content; empty without one."""
    # Imported only where a service has TLS, since it takes long.
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificates

    try:
        (first, *_) = load_pem_x509_certificates(certificate)
    except ValueError:
        return f"the secret '{tls.certificate}' is no certificate in PEM"
    try:
        private = load_pem_private_key(key, password=None)
    except (ValueError, TypeError):
        return f"the secret '{tls.key}' is no private key in PEM"
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if first.public_key().public_bytes(*form) != private.public_key().public_bytes(*form):
        return f"the certificate '{tls.certificate}' is not of the key '{tls.key}'"
    return ""
