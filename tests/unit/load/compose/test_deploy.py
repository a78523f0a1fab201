"""Services as the scheduler sees them."""

# ruff: noqa: E501 - a case of a table stands on one line

from __future__ import annotations

from typing import Any

import pytest

from deploytool.model.intent import Constraint, Mode, Port, Resources, Service
from deploytool.model.policies import Dependency, Healthcheck, RestartKind, RestartPolicy, Update
from tests.unit.load.playbooks import Site, play


def test_what_the_scheduler_sees(site: Site) -> None:
    """Every deploy key and its neighbours arrive in the model, with their units."""
    text = """
        - name: Shop
          hosts: web
          services:
            web:
              image: web
              ports: ["8080-8082:80"]
              volumes: [data:/data, /etc:/etc, cache:/c]
              depends_on: {db: {condition: service_healthy}}
              healthcheck: {test: x, interval: 1m30s, timeout: 500ms, retries: 2, start_period: 1m}
              restart: unless-stopped
              stop_grace_period: 1m
              pull_policy: always
              platform: linux/arm64
              deploy:
                mode: replicated
                replicas: 6
                placement:
                  constraints: [node.labels.zone == a, node.hostname != web2]
                  preferences: [{spread: node.labels.rack}]
                  max_replicas_per_node: 2
                resources: {reservations: {cpus: "0.5", memory: 128M}}
                update_config: {parallelism: 0, order: start-first, delay: 2s, monitor: 9s, failure_action: rollback}
                rollback_config: {parallelism: 3, max_failure_ratio: 0.25}
            db: {image: db}
          volumes: {data: , cache: }
        """
    place = site.project(text).services[0].place
    assert site.project(text).services[0] == Service(
        name="web",
        replicas=6,
        constraints=(Constraint("node.labels.zone", "==", "a"), Constraint("node.hostname", "!=", "web2")),
        spread=("node.labels.rack",),
        max_per_host=2,
        reserve=Resources(0.5, 128 * 1024**2),
        ports=(Port(80, 8080, 8082),),
        volumes=("cache", "data"),
        depends_on=(Dependency("db", "service_healthy"),),
        update=Update(0, 2.0, "start-first", 9.0, 0.0, "rollback"),
        rollback=Update(3, max_failure_ratio=0.25),
        healthcheck=Healthcheck(90.0, 0.5, 2, 60.0),
        restart=RestartPolicy(RestartKind.UNLESS_STOPPED),
        stop_grace_s=60.0,
        pull="always",
        platform="linux/arm64",
    )
    assert str(place).endswith("play.yaml:4:5")


@pytest.mark.parametrize(
    ("body", "field", "expected"),
    [
        ("{}", "restart", RestartPolicy.of("")),
        ("restart: no", "restart", RestartPolicy.of("no")),
        ("deploy: {restart_policy: {condition: any}}", "restart", RestartPolicy.of("always")),
        (
            "deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}",
            "restart",
            RestartPolicy.of("on-failure:3"),
        ),
        ("restart: always\ndeploy: {restart_policy: {condition: none}}", "restart", RestartPolicy.of("no")),
        ("scale: 4", "replicas", 4),
        ("deploy: {replicas: 0}", "replicas", 0),
        ("deploy: {mode: global-job}", "mode", Mode.GLOBAL_JOB),
        ("pull_policy: if_not_present", "pull", "missing"),
        ("healthcheck: {disable: true}", "healthcheck", None),
        ("healthcheck: {test: [NONE]}", "healthcheck", None),
        ("healthcheck: {interval: 1s}", "healthcheck", Healthcheck(interval_s=1.0)),
        ("depends_on: [web2]", "depends_on", (Dependency("web2"),)),
    ],
)
def test_short_forms_and_defaults(site: Site, body: str, field: str, expected: Any) -> None:
    """What is left out or written short means what it means in Compose."""
    body = "" if body == "{}" else body
    text = play(body) + "    web2: {image: x}\n"
    service = site.project(text).service("web")
    assert getattr(service, field) == expected
