"""The syntax of hosts: ``web1``, ``web1:2222``, ``[2001:db8::1]:22``, ``web[01:10].example.com``.

Syntax only: no name is resolved and no range expanded.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address

LOCALHOST = ("localhost", "127.0.0.1", "::1")

_RANGE = r"\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]"
_LABEL = rf"(?:\w|{_RANGE})(?:[\w-]|{_RANGE})*(?<![_-])"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
_HEX_RANGE = re.compile(r"\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\]", re.IGNORECASE)
_BRACKETED_PORT = re.compile(r"\[(.+)\]:([0-9]+)")
_PORT = re.compile(r"((?:[^:\[\]]|\[[^\]]*\])*):([0-9]{1,9})")


def split_port(text: str) -> tuple[str, int | None] | None:
    """The host (which may contain ranges) and its port; None where ``text`` is not a host.

    An IPv6 address has a port only when it is in brackets: ``[::1]:22``.

    Source: the inventory rules of ansible-core 2.19.
    """
    match = _BRACKETED_PORT.fullmatch(text) or _PORT.fullmatch(text)
    host, port = (match[1], int(match[2])) if match else (text, None)
    return (host, port) if _NAME.fullmatch(host) or is_ipv6(_HEX_RANGE.sub("1", host)) else None


def is_ipv4(text: str) -> bool:
    """True for four numbers up to 255; leading zeros are allowed, as in Ansible."""
    parts = text.split(".")
    return len(parts) == 4 and all(re.fullmatch(r"[0-9]{1,3}", part) and int(part) < 256 for part in parts)


def is_ipv6(text: str) -> bool:
    """True for an IPv6 address without a zone."""
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return "%" not in text


def short_name(name: str) -> str:
    """A host's name up to its first dot; an IP address is returned unchanged."""
    return name if is_ipv4(name) or is_ipv6(name) else name.split(".")[0]
