"""Ansible Vault: decrypts ``!vault`` values and whole files. Passwords come from files or programs.

The format, as ansible-core 2.19 writes it: a header ``$ANSIBLE_VAULT;1.1;AES256`` (or 1.2 with a label),
then hex of three hex strings: salt, HMAC, ciphertext. PBKDF2-SHA256 with 10,000 rounds gives 80 bytes:
the AES-CTR key, the HMAC key, and the counter.
"""

from __future__ import annotations

import hmac
import os
from binascii import unhexlify
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import pbkdf2_hmac, sha256
from pathlib import Path

from deploytool.errors import Place
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import read_bounded, read_text

HEADER = "$ANSIBLE_VAULT;"
NO_PASSWORD_HINT = "pass --vault-password-file"  # noqa: S105

_ROUNDS = 10_000


@dataclass(frozen=True, slots=True)
class Vault:
    """The vault passwords, tried in order."""

    passwords: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return f"Vault({len(self.passwords)} passwords)"

    def decrypt(self, text: str) -> str:
        """The decrypted content.

        Raises:
            ValueError: a sentence: the text is no vault, no password fits, or the content is no UTF-8.
        """
        salt, mac, secret = _parts(text)
        for password in self.passwords:
            plain = _open(password, salt, mac, secret)
            if plain is not None:
                return _text(plain)
        raise ValueError("is encrypted, and no vault password fits" if self.passwords else "is encrypted")


def is_encrypted(text: str) -> bool:
    """True for the text of a vault."""
    return text.startswith(HEADER)


def read_plain(path: Path, name: str, vault: Vault | None, problems: Problems) -> str | None:
    """The text of a file, decrypted where it is a vault; None with a problem at ``name``."""
    text = read_text(path, name, problems)
    if text is None or not is_encrypted(text):
        return text
    try:
        return (vault or Vault()).decrypt(text)
    except ValueError as error:
        problems.add(Place(name), str(error), NO_PASSWORD_HINT)
        return None


def read_password(path: Path, problems: Problems) -> bytes:
    """The password in a file, or on the stdout of an executable; white space around it is dropped."""
    expanded = path.expanduser()
    try:
        if expanded.is_file() and os.access(expanded, os.X_OK):
            from deploytool.load.text.program import output_of

            password = output_of([str(expanded.resolve())]).strip()
        else:
            password = read_bounded(expanded).strip()
    except OSError as error:
        problems.add(Place(str(path)), f"cannot be read: {error.strerror}", "see --vault-password-file")
        return b""
    except ValueError as error:
        problems.add(Place(str(path)), str(error), "it should print the vault password")
        return b""
    if not password:
        problems.add(Place(str(path)), "holds no vault password")
    return password


def _parts(text: str) -> tuple[bytes, bytes, bytes]:
    """Salt, HMAC and ciphertext."""
    header, _, body = text.strip().partition("\n")
    fields = header.strip().split(";")
    if fields[0] != HEADER[:-1] or len(fields) < 3:
        raise ValueError("is no vault: it does not begin with $ANSIBLE_VAULT;1.1;AES256")
    if fields[1] not in ("1.1", "1.2") or fields[2] != "AES256":
        raise ValueError(f"is a vault of an unknown kind: {';'.join(fields[1:3])}")
    try:
        salt, mac, secret = unhexlify("".join(body.split())).split(b"\n", 2)
        return unhexlify(salt), unhexlify(mac), unhexlify(secret)
    except ValueError:
        raise ValueError("is a damaged vault") from None


@lru_cache(maxsize=1024)
def _keys(password: bytes, salt: bytes) -> bytes:
    return pbkdf2_hmac("sha256", password, salt, _ROUNDS, 80)


def _open(password: bytes, salt: bytes, mac: bytes, secret: bytes) -> bytes | None:
    """The content, or None when the password does not fit."""
    keys = _keys(password, salt)
    if not hmac.compare_digest(hmac.new(keys[32:64], secret, sha256).digest(), mac):
        return None
    # Here, since they take long to import and most projects have no vault.
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CTR

    decryptor = Cipher(AES(keys[:32]), CTR(keys[64:])).decryptor()
    padded = decryptor.update(secret) + decryptor.finalize()
    return padded[: -padded[-1]] if padded else b""


def _text(plain: bytes) -> str:
    try:
        return plain.decode()
    except UnicodeDecodeError:
        raise ValueError("is encrypted, and its content is not UTF-8 text") from None


def passwords_of(paths: Sequence[Path], problems: Problems) -> Vault | None:
    """The vault of all password files; None without one."""
    return Vault(tuple(read_password(path, problems) for path in paths)) if paths else None
