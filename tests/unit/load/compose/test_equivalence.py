"""Services that mean the same have the same form, and only those."""

# ruff: noqa: E501 - a case of a table stands on one line

from __future__ import annotations

import pytest

from tests.unit.load.playbooks import Site, play


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("environment: [A=1, B=]", "environment: {A: 1, B: ''}"),
        ("environment: {A: true}", "environment: ['A=true']"),
        ("labels: [a=b]", "labels: {a: b}"),
        ("ports: ['8080:80']", "ports: [{target: 80, published: 8080}]"),
        ("volumes: ['/a:/b:ro']", "volumes: [{type: bind, source: /a, target: /b, read_only: true, bind: {create_host_path: true}}]"),
        ("depends_on: [web2]", "depends_on: {web2: {}}"),
        ("networks: [default]", "networks: {default: }"),
        ("dns: 1.1.1.1", "dns: ['1.1.1.1']"),
        ("stop_grace_period: 1m30s", "stop_grace_period: 90s"),
        ("mem_limit: 1g", "mem_limit: 1073741824"),
        ("deploy: {resources: {limits: {cpus: 0.50, memory: 1024k}}}", "deploy: {resources: {limits: {cpus: '0.5', memory: 1M}}}"),
        ("init: 'true'", "init: true"),
        ("cap_add: []", ""),
        ("tty:", ""),
        ("tty: false", ""),
        ("restart: 'no'", ""),
        ("networks: [default]", ""),
        ("cpus: 1", "cpus: '1.0'"),
        ("ports: ['80:80', '81:81', '80:80']", "ports: ['81:81/tcp', {target: 80, published: 80-80, mode: host}]"),
        ("command: sh -c 'a; b \"c\"'", "command: [sh, -c, 'a; b \"c\"']"),
        ("entrypoint: /run  now", "entrypoint: [/run, now]"),
        ("healthcheck: {test: curl x, interval: 1m0s}", "healthcheck: {test: [CMD-SHELL, curl x], interval: 60s}"),
        ("healthcheck: {disable: true}", "healthcheck: {test: [NONE]}"),
        ("volumes: ['/a/:/b/:rw', '/c:/d']", "volumes: ['/c:/d', '/a:/b']"),
        ("extra_hosts: ['b=::1', 'a:1.2.3.4']", "extra_hosts: {a: 1.2.3.4, b: ['[::1]']}"),
        ("ulimits: {nofile: {soft: 9, hard: 9}}", "ulimits: {nofile: '9'}"),
        ("cap_drop: [CAP_CHOWN, all]", "cap_drop: [ALL, chown, CHOWN]"),
        ("devices: [/dev/a, '/dev/b:/dev/c']", "devices: [{source: /dev/b, target: /dev/c}, '/dev/a:/dev/a:rwm']"),
        ("expose: [80, 81/udp]", "expose: [81/udp, '80/tcp']"),
        ("security_opt: [a, b]\ntmpfs: [/x, /y]\ngroup_add: [2, 1]", "security_opt: [b, a]\ntmpfs: [/y, /x]\ngroup_add: [1, 2]"),
    ],
)  # fmt: skip
def test_equal_meaning_is_equal_form(site: Site, one: str, other: str) -> None:
    """Two ways to write the same give the same definition, so that its hash is the same."""
    tail = "    web2: {image: x}\n"
    bodies = [site.definition(play(body) + tail).services["web"] for body in (one, other)]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("init: false", ""),
        ("command: []", ""),
        ("command: [a, b]", "command: [b, a]"),
        ("command: echo a;b", "command: [echo, a;b]"),
        ('command: echo "\\n"', "command: [echo, '\\n']"),
        ("dns: [1.1.1.1, 8.8.8.8]", "dns: [8.8.8.8, 1.1.1.1]"),
        ("environment: {A: }", "environment: {A: ''}"),
        ("environment: {A: '1.50'}", "environment: {A: '1.5'}"),
        ("ports: ['80:80']", "ports: ['80:80/udp']"),
        ("ports: ['0.0.0.0:80:80']", "ports: ['80:80']"),
        ("healthcheck: {test: [CMD, a]}", "healthcheck: {test: [CMD-SHELL, a]}"),
        ("healthcheck: {disable: true}", ""),
        ("volumes: ['/a:/b']", "volumes: ['/a:/b:ro']"),
        ("ulimits: {nofile: {soft: 1, hard: 2}}", "ulimits: {nofile: 2}"),
        ("restart: always", "restart: unless-stopped"),
        ("stop_grace_period: 10s", ""),
    ],
)  # fmt: skip
def test_different_meaning_is_different_form(site: Site, one: str, other: str) -> None:
    """What Compose or Docker may take for something else keeps its own form: rather a replacement too much."""
    bodies = [site.definition(play(body)).services["web"] for body in (one, other)]
    assert bodies[0] != bodies[1]
