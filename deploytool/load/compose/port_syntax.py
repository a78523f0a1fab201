"""``ports`` in short and long syntax → long syntax, and → the ports that the scheduler sees.

``80`` · ``8080:80`` · ``127.0.0.1:8080:80/udp`` · ``[::1]:8080:80`` · ``8000-8002:9000-9002`` (three ports)
· ``8080-8089:80`` (each replica takes one of ten).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from deploytool.load.compose.known_keys import Key, Normalized, State, section
from deploytool.load.compose.validators import INVALID, Spot, Valid, integer, kind_of, non_empty, one_of, text
from deploytool.load.text.located import Raw
from deploytool.model.intent import Port, PortMode

PROTOCOLS = ("tcp", "udp", "sctp")

_SHORT = re.compile(
    r"(?:(?:(?P<ip>\[[^\]]*\]|[^:\[\]]*):)?(?P<published>[0-9]*(?:-[0-9]+)?):)?"
    r"(?P<target>[0-9]+(?:-[0-9]+)?)(?:/(?P<protocol>[a-zA-Z]+))?"
)
_HINT = 'write "8080:80", "127.0.0.1:8080:80/tcp" or "8080-8089:80"'


def _published(value: Raw, spot: Spot) -> Valid:
    read = text(value, spot)
    if read is INVALID or read == "":
        return read
    ends = _range(read)
    if ends is not None:
        return _range_text(ends)
    return spot.wrong(f"is no port: '{read:.20}'", 'write "8080" or "8080-8089"')


PORT = {
    "target": Key(State.HONOURED, integer, "the port in the container"),
    "published": Key(State.HONOURED, _published, "the port of the host, or a range to choose from"),
    "host_ip": Key(State.HONOURED, non_empty, "an address of the host"),
    "protocol": Key(State.HONOURED, one_of(*PROTOCOLS), "tcp (default), udp, sctp"),
    "mode": Key(State.HONOURED, one_of(*PortMode), "host (default); ingress: on every host of the play"),
    "app_protocol": Key(State.HONOURED, text, "with mode: ingress and x-ingress.tls: http or https"),
    "name": Key(State.PASSED, text),
}
_LONG = section(PORT)


def ports(value: Raw, spot: Spot) -> Valid:
    """``ports`` as a list of mappings in long syntax, one for each port or range."""
    if not isinstance(value, list):
        return spot.wrong(f"has to be a list, not {kind_of(value)}", _HINT)
    found: list[dict[str, Raw]] = []
    for index, entry in enumerate(value):
        inner = spot.inside(value, index)
        for port in _long(entry, inner) if isinstance(entry, dict) else _short(entry, inner):
            if port not in found:
                _check_free(port, found, inner)
                found.append(port)
    return found


def _check_free(port: Normalized, found: Iterable[Normalized], spot: Spot) -> None:
    """One port of the host cannot lead to two of the container."""
    wanted = _port(port)
    for other in map(_port, found):
        single = wanted.first == wanted.last == other.first == other.last != 0
        meets = wanted.ip == other.ip or "" in (wanted.ip, other.ip)
        if single and meets and wanted.protocol == other.protocol:
            spot.wrong(
                f"publishes {wanted.first}/{wanted.protocol} twice",
                f"it would lead to {other.target} and to {wanted.target}: publish one of them elsewhere",
            )


def published_ports(entries: Iterable[Normalized]) -> tuple[Port, ...]:
    """Ports in long syntax as the scheduler sees them."""
    return tuple(_port(entry) for entry in entries)


def _port(entry: Normalized) -> Port:
    first, last = _range(entry.get("published") or "0") or (0, 0)
    mode, application = PortMode(entry.get("mode", PortMode.HOST)), entry.get("app_protocol", "")
    return Port(
        int(entry["target"]), first, last, entry["protocol"], entry.get("host_ip", ""), mode, application
    )


def _long(entry: dict[str, Raw], spot: Spot) -> list[dict[str, Raw]]:
    read = _LONG(entry, spot)
    if "target" not in read:
        if "target" not in entry:
            spot.wrong("has an entry without 'target'", "target is the port in the container")
        return []
    if not 0 < read["target"] < 65536:
        spot.inside(entry, "target").wrong(f"is no port: {read['target']}")
        return []
    kept = {key: item for key, item in read.items() if (key, item) != ("mode", "host") and item != ""}
    _check_address(kept.get("host_ip", ""), spot)
    if kept.get("mode") == "ingress" and not _check_ingress(kept, spot.inside(entry, "mode")):
        return []
    return [{"protocol": "tcp", **kept}]


def _check_ingress(entry: Normalized, spot: Spot) -> bool:
    """True where a port can be opened on every host of the play: one number, TCP, all addresses."""
    published = _range(entry.get("published", ""))
    if published is None or published[0] != published[1] or not published[0]:
        spot.wrong("cannot be 'ingress' without one published port", 'write published: "80"')
    elif entry.get("protocol", "tcp") != "tcp":
        spot.wrong(f"cannot be 'ingress' for {entry['protocol']}: only tcp is supported", "write mode: host")
    elif "host_ip" in entry:
        spot.wrong("cannot be 'ingress' on one address only", "leave host_ip out, or write mode: host")
    elif not _APPLICATIONS.issuperset({entry.get("app_protocol", "")}):
        spot.wrong(
            f"cannot be 'ingress' with app_protocol {entry['app_protocol']:.20}", "write http or https"
        )
    else:
        return True
    return False


_APPLICATIONS = frozenset({"", "http", "https"})


def _short(entry: Raw, spot: Spot) -> list[dict[str, Raw]]:
    written = text(entry, spot)
    if written is INVALID:
        return []
    match = _SHORT.fullmatch(written.strip())
    protocol = (match["protocol"] or "tcp").lower() if match else ""
    targets = _range(match["target"]) if match else None
    if match is None or targets is None or protocol not in PROTOCOLS:
        spot.wrong(f"has an entry that is no port: '{written:.60}'", _HINT)
        return []
    ip = (match["ip"] or "").strip("[]")
    _check_address(ip, spot)
    fixed = {"protocol": protocol, **({"host_ip": ip} if ip else {})}
    return _expanded(targets, match["published"] or "", fixed, spot)


def _expanded(
    targets: tuple[int, int], published: str, fixed: dict[str, str], spot: Spot
) -> list[dict[str, Raw]]:
    """A range of targets is as many ports; a range for one target stays a range to choose from."""
    first, last = targets
    if not published:
        return [{"target": number, **fixed} for number in range(first, last + 1)]
    host = _range(published)
    if host is None or first == 0:
        spot.wrong(f"has a port that is none: '{published:.20}'", _HINT)
        return []
    if first == last:
        return [{"target": first, "published": _range_text(host), **fixed}]
    if host[1] - host[0] != last - first:
        spot.wrong(f"has two ranges of different length: {published} and {first}-{last}", _HINT)
        return []
    return [{"target": first + n, "published": str(host[0] + n), **fixed} for n in range(last - first + 1)]


def _range(written: str) -> tuple[int, int] | None:
    """``80`` or ``80-89`` as its two ends; None where it is neither."""
    first, dash, last = written.partition("-")
    ends = (first, last if dash else first)
    if not all(end.isascii() and end.isdecimal() and len(end) < 6 for end in ends):
        return None
    low, high = int(ends[0]), int(ends[1])
    return (low, high) if low <= high < 65536 else None


def _range_text(ends: tuple[int, int]) -> str:
    return f"{ends[0]}" if ends[0] == ends[1] else f"{ends[0]}-{ends[1]}"


def _check_address(ip: str, spot: Spot) -> None:
    try:
        ipaddress.ip_address(ip.strip("[]") or "::")
    except ValueError:
        spot.wrong(
            f"has an address that is none: '{ip:.60}'", "write an IP address of the host, or leave it out"
        )
