"""The certificate authority of the connections between proxies: one PEM file beside the playbook.

It holds a private key and its certificate first; more certificates after it are trusted, too, so that an
authority can be replaced in two steps. Where the play names none, one is made.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path

from deploytool.load.compose.shipped_files import FileMistake
from deploytool.model.secret import Secret

_YEARS = 10
_HINT = "a PEM file with an RSA key, not encrypted, and its certificate; leave the name out to have one made"


def read_authority(path: Path, shown: str, *, make: bool) -> Secret:
    """The text of the file; with ``make``, it is made where it is not there.

    Raises:
        FileMistake: it cannot be read or made, or is no authority.
    """
    try:
        if make and not path.exists():
            _write(path, _made())
        text = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise FileMistake(f"the authority '{shown}' cannot be read: {why}", _HINT) from None
    wrong = _mistake(text)
    if wrong:
        raise FileMistake(f"the authority '{shown}' {wrong}", _HINT)
    return Secret(text)


def _write(path: Path, text: str) -> None:
    """For its owner alone, and never over one that another run has just made."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)


def _made() -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "deploytool ingress")])
    begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return (key.private_bytes(*form) + certificate.public_bytes(serialization.Encoding.PEM)).decode()


def _mistake(text: str) -> str:
    """Why a text is no authority, as the predicate of a sentence; empty where it is one."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificates

    try:
        key = load_pem_private_key(text.encode(), password=None)
        (first, *_) = load_pem_x509_certificates(text.encode())
    except (ValueError, TypeError):
        return "does not hold a private key and a certificate in PEM"
    if not isinstance(key, RSAPrivateKey):
        return "has a key that is not RSA"
    if first.public_key() != key.public_key():
        return "has a first certificate that is not of its key"
    return ""
