"""Whether a certificate and its key are what Envoy takes: said here, before any host is touched."""

from __future__ import annotations

from deploytool.model.ingress import Tls


def mistake(tls: Tls, certificate: bytes, key: bytes) -> str:
    """What is wrong with them, as a sentence without their content; empty where nothing is."""
    # Only where a service has TLS: the import takes a while.
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
