"""Services of a play: their names, and what is wrong with them."""

# ruff: noqa: E501 - a case of a table stands on one line

from __future__ import annotations

import pytest

from deploytool.model.intent import Mode
from tests.unit.load.playbooks import Site, play


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("imge: x", "6:7 unknown key 'imge' in web | did you mean 'image'?"),
        ("deploy: {replica: 3}", "6:16 unknown key 'replica' in deploy | did you mean 'replicas'?"),
        ("deploy: {replicas: -1}", "6:26 'replicas' cannot be -1"),
        ("stop_signal: SIGTREM", "6:20 'stop_signal' is no signal: 'SIGTREM' | write it as SIGTERM, TERM or 15"),
        ("stop_signal: 0", "6:20 'stop_signal' is no signal: '0'"),
        (
            "deploy: {update_config: {max_failure_ratio: 1.5}}",
            "6:51 'max_failure_ratio' cannot be more than 1: 1.5",
        ),
        ("deploy: {replicas: many}", "6:26 'replicas' has to be a whole number, not 'many'"),
        ("deploy: {mode: globl}", "6:22 'mode' cannot be 'globl' | did you mean 'global'?"),
        ("deploy: {mode: global, replicas: 2}", "6:30 'replicas' contradicts mode: global"),
        ("deploy: {labels: {a: b}}", "6:16 'labels' is not supported"),
        ("deploy: {placement: {constraints: [node.role == manager]}}", "6:42 there are no managers"),
        ("deploy: {placement: {constraints: ['node.labels.a = b']}}", "6:42 a constraint compares with == or !="),
        ("deploy: {update_config: {delay: 10}}", "6:39 'delay' is no duration: '10' | write it with its units"),
        ("deploy: {mode: replicated-job}\nrestart: always", "7:7 a job ends, so 'restart' cannot be always"),
        ("deploy: {replicas: 2}\nscale: 3", "7:7 'scale' is 3, but deploy.replicas is 2"),
        ("ports: ['80:8o']", "6:15 'ports' has an entry that is no port: '80:8o'"),
        ("ports: ['70000:80']", "6:15 'ports' has a port that is none: '70000'"),
        ("ports: ['80-82:80-81']", "6:15 'ports' has two ranges of different length"),
        ("ports: [{target: 80, mode: ingress}]", "6:34 'mode' cannot be 'ingress' without one published port"),
        ("ports: [{published: 80}]", "6:15 'ports' has an entry without 'target'"),
        ("ports: ['80:80', '127.0.0.1:80:81']", "6:24 'ports' publishes 80/tcp twice | it would lead to 80 and to 81"),
        ("volumes: ['data:/x']", "6:17 the volume 'data' is not defined | add 'data:'"),
        ("networks: [front]", "6:18 the network 'front' is not defined"),
        ("depends_on: [wbe]", "6:20 'web' depends on 'wbe', which is no service | did you mean 'web'?"),
        ("depends_on: [web]", "6:20 the service 'web' depends on itself"),
        ("network_mode: service:db", "4:5 'network_mode' of 'web' names 'db', which is no service"),
        ("container_name: x\ndeploy: {replicas: 2}", "6:7 'container_name' allows one container on a host"),
        ("container_name: x\ndeploy: {update_config: {order: start-first}}", "6:7 'container_name' allows one"),
        ("healthcheck: {test: [curl, x]}", "6:27 'test' has to begin with CMD, CMD-SHELL or NONE"),
        ("healthcheck: {interval: soon}", "6:31 'interval' is no duration: 'soon'"),
        ("environment: {A: {b: c}}", "6:24 'A' has to be text, not a mapping"),
        ("privileged: maybe", "6:19 'privileged' has to be true or false"),
        ("cap_add: NET_ADMIN", "6:16 'cap_add' has to be a list, not text"),
        ("secrets: [{source: s, uid: '1'}]", "6:29 'uid' is not supported"),
        ("extends: {service: none}", "6:16 'extends' names 'none', which is no service"),
        ("extends: web", "6:16 'extends' leads in a circle back to 'web'"),
        ("pull_policy: build", "6:20 'pull_policy' cannot be 'build': images are built in CI"),
    ],
)  # fmt: skip
def test_wrong_services(site: Site, body: str, expected: str) -> None:
    """What is wrong with a service is told at its place, in a sentence, with what is near."""
    found = site.problems(play(body))
    assert any(problem.startswith(expected) for problem in found), found


def test_services_may_be_templates(site: Site) -> None:
    """Names and whole services may come from variables of the play."""
    text = """
        - name: Shop
          hosts: web
          vars: {who: api, body: {image: "x:{{ region }}", deploy: {mode: global}}}
          services:
            "{{ who }}-1": "{{ body }}"
        """
    (service,) = site.project(text).services
    assert (service.name, service.mode) == ("api-1", Mode.GLOBAL)
    assert site.definition(text).services["api-1"]["image"] == "x:eu"
