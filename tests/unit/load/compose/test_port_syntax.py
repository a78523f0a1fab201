"""Ports in short and long syntax."""

from __future__ import annotations

import pytest

from deploytool.model.intent import Port
from tests.unit.load.playbooks import Site


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ("'8080:80'", [Port(80, 8080, 8080)]),
        ("80", [Port(80, 0, 0)]),
        ("'127.0.0.1:8080:80/udp'", [Port(80, 8080, 8080, "udp", "127.0.0.1")]),
        ("'[::1]:8080:80'", [Port(80, 8080, 8080, "tcp", "::1")]),
        ("'127.0.0.1::80'", [Port(80, 0, 0, "tcp", "127.0.0.1")]),
        ("'8080-8089:80'", [Port(80, 8080, 8089)]),
        ("'8000-8001:9000-9001'", [Port(9000, 8000, 8000), Port(9001, 8001, 8001)]),
        ("'7000-7001'", [Port(7000, 0, 0), Port(7001, 0, 0)]),
        ("{target: 80, published: 8080, mode: host}", [Port(80, 8080, 8080)]),
        (
            "{target: '80', published: '81-82', protocol: udp, host_ip: 10.0.0.1}",
            [Port(80, 81, 82, "udp", "10.0.0.1")],
        ),
        ("{target: 80}", [Port(80, 0, 0)]),
    ],
)
def test_ports(site: Site, port: str, expected: list[Port]) -> None:
    """Short and long syntax, ranges, addresses and protocols."""
    assert list(site.service(f"ports: [{port}]").ports) == expected
