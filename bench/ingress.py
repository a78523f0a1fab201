"""Latency that the proxies add to a request: the same replica with and without them, in turns, in one run.

    python -m bench.ingress

One replica runs on lab1. It is asked at a port that Docker publishes, through the proxy of its host, and
through that of another host and then its own.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deploytool.lab.images import ensure_images
from deploytool.lab.lab import Lab
from deploytool.lab.layout import Layout
from tests.lab.labhosts import ROOT, LabHosts
from tests.lab.traffic.image import give_traffic_images

SITE = """\
- name: Latency
  hosts: web
  ingress: {image: demo/envoy:1}
  services:
    web:
      image: traffic/web:1
      ports:
        - {target: 8080, published: "80", mode: ingress}
        - {target: 8080, published: "8080", mode: host}
      x-ingress: {health_path: /up}
      deploy: {placement: {constraints: [node.hostname == lab1]}}
"""
TURNS, EACH = 60, 25
REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n"


def main() -> None:
    lab = Lab(Layout(ROOT / ".lab"))
    hosts = LabHosts(lab, lab.up(3, envoy=True), ROOT / "inventories" / "lab.yaml")
    hosts.heal()
    give_traffic_images(hosts, ensure_images(lab.say).host)
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site.yaml")
        site.write_text(SITE, "utf-8")
        command = (sys.executable, "-m", "deploytool", "converge", str(hosts.inventory), str(site), "--yes")
        subprocess.run(command, check=True, cwd=folder)
    one, other = hosts.host("lab1"), hosts.host("lab2")
    paths = {"no proxy": one.alt_http_port, "its proxy": one.http_port, "another and its": other.http_port}
    print("\nconnections  path             p50 ms  ratio  p90 ms  ratio")
    for kept in (True, False):
        took = measured(list(paths.values()), kept=kept)
        base = [quantile(took[one.alt_http_port], share) for share in (0.5, 0.9)]
        for path, port in paths.items():
            p50, p90 = (quantile(took[port], share) for share in (0.5, 0.9))
            kind = "kept" if kept else "new"
            print(f"{kind:<12} {path:<16} {p50:6.2f} {p50 / base[0]:6.2f}  {p90:6.2f} {p90 / base[1]:6.2f}")
    hosts.heal()


def measured(ports: list[int], *, kept: bool) -> dict[int, list[float]]:
    """Port → milliseconds of each request, asked in turns so that a busy moment hits all of them."""
    took: dict[int, list[float]] = {port: [] for port in ports}
    links: dict[int, socket.socket] = {}
    for _ in range(TURNS):
        for port in ports:
            for _ in range(EACH):
                begun = time.perf_counter()
                link = links.pop(port, None) or socket.create_connection(("127.0.0.1", port), timeout=10)
                ask(link)
                took[port].append(1000 * (time.perf_counter() - begun))
                if kept:
                    links[port] = link
                else:
                    link.close()
    return took


def ask(link: socket.socket) -> None:
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.sendall(REQUEST)
    answer = b""
    while b"\r\n\r\n" not in answer or not answer.endswith(b"\n"):
        more = link.recv(4096)
        if not more:
            raise ConnectionError("the connection was cut")
        answer += more
    assert answer.startswith(b"HTTP/1.1 200 "), answer[:60]


def quantile(numbers: list[float], share: float) -> float:
    return sorted(numbers)[int(len(numbers) * share)]


if __name__ == "__main__":
    main()
