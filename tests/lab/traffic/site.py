"""The playbook under traffic, and a lab whose hosts have what it needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from deploytool.lab.images import ensure_images
from tests.lab.labhosts import LabHosts
from tests.lab.traffic.image import give_traffic_images
from tests.lab.user import User, ok

SHOP = """\
- name: Shop
  hosts: web
  ingress:
    image: "{{ envoy | default('demo/envoy:1') }}"
    drain: "{{ drain | default('15m') }}"
    mtls: "{{ mtls | default('false') }}"
  services:
    web:
      image: "traffic/web:{{ tag | default('1') }}"
      ports: [{target: 8080, published: "80", mode: ingress}]
      x-ingress: {health_path: /}
      restart: always
      stop_grace_period: "{{ grace | default('10s') }}"
      healthcheck:
        test: [CMD, /usr/bin/perl, /usr/bin/serve, check]
        interval: 5s
        timeout: 5s
        start_period: 20s
        start_interval: 500ms
      deploy:
        replicas: "{{ count | default(6) | int }}"
        update_config:
          order: "{{ order | default('start-first') }}"
          parallelism: "{{ parallel | default(2) | int }}"
          monitor: 1s
          failure_action: rollback
"""


def give_images(lab_hosts: LabHosts) -> None:
    """Envoy and the server, on every host."""
    lab_hosts.lab.up(len(lab_hosts.all), envoy=True)
    give_traffic_images(lab_hosts, ensure_images(lab_hosts.lab.say).host)


@dataclass
class Shop(User):
    """A user with the playbook above."""

    def up(self, **values: object) -> None:
        """Bring it about, and assert so."""
        ok(self.converge(*_given(values)))

    def fails(self, **values: object) -> str:
        """Converge to what must not work; what was said."""
        done = self.converge(*_given(values))
        assert done.returncode == 5, done.stdout + done.stderr
        return done.stdout + done.stderr

    def drain(self, host: str) -> Path:
        """The lab's inventory with one host drained."""
        where = self.lab.inventory.read_text("utf-8")
        told = where.replace("{{ inventory_dir }}", str(self.lab.inventory.parent))
        path = self.folder / "drained.yaml"
        path.write_text(
            told.replace(f"    {host}:\n", f"    {host}:\n      deploytool_state: drain\n"), "utf-8"
        )
        return path

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Port 80 of every host, as this machine reaches it."""
        return [("127.0.0.1", host.http_port) for host in self.lab.all]


def shop(lab: LabHosts, folder: Path) -> Shop:
    user = Shop(lab, folder, timeout_s=600.0)  # a busy machine needs its time
    user.write(SHOP)
    return user


def _given(values: dict[str, object]) -> tuple[str, str]:
    return ("-e", json.dumps(values))
