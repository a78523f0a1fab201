"""Compose services: every key's state, canonical forms, files, references, and what the scheduler sees."""

# ruff: noqa: E501 - a case of a table stands on one line

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from deploytool.load.compose.known_keys import State
from deploytool.load.compose.schema import SERVICE
from deploytool.model.intent import (
    Constraint,
    Dependency,
    Healthcheck,
    Mode,
    Port,
    Resources,
    Service,
    Update,
)
from tests.unit.load.playbooks import Site, play
from website.support import support_tables

ROOT = Path(__file__).parents[4]


def test_the_docs_list_every_key() -> None:
    """docs/compose-support.md ends with the tables that the code is made of."""
    assert (ROOT / "docs" / "compose-support.md").read_text().endswith(support_tables())


def test_every_key_of_the_specification_has_a_state() -> None:
    """No key of a Compose service is unknown: each is honoured, passed through, or refused."""
    specification = """
        annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name
        cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec
        depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file
        environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc
        isolation label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit
        models network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop
        privileged profiles provider pull_policy pull_refresh_after read_only restart runtime scale secrets
        security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits
        use_api_socket user userns_mode uts volumes volumes_from working_dir
    """
    assert sorted(SERVICE) == sorted([*specification.split(), "x-ingress"])


@pytest.mark.parametrize("key", sorted(name for name, key in SERVICE.items() if key.state is State.REFUSED))
def test_refused_keys_say_why(site: Site, key: str) -> None:
    """A key that cannot be honoured is an error with a reason, at the key."""
    (found,) = site.problems(play(f"{key}: x"))
    assert found.startswith(f"6:7 '{key}' is not supported: ")
    assert len(found) > len(f"6:7 '{key}' is not supported: ") + 10


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
        restart="unless-stopped",
        stop_grace_s=60.0,
        pull="always",
        platform="linux/arm64",
    )
    assert str(place).endswith("play.yaml:4:5")


@pytest.mark.parametrize(
    ("body", "field", "expected"),
    [
        ("{}", "restart", ""),
        ("restart: no", "restart", "no"),
        ("deploy: {restart_policy: {condition: any}}", "restart", "always"),
        ("deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}", "restart", "on-failure:3"),
        ("restart: always\ndeploy: {restart_policy: {condition: none}}", "restart", "no"),
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


class TestScalars:
    """Scalars without quotes mean what they mean to Compose, not to YAML 1.1."""

    @pytest.mark.parametrize(
        ("written", "text"),
        [
            *(("yes", "yes"), ("off", "off"), ("true", "true"), ("tRue", "tRue"), ("12:30", "12:30")),
            *(("190:20:30.15",) * 2, ("2024-01-01",) * 2, ("1.2.3",) * 2, ("1e400",) * 2, ("_1",) * 2),
            *(("012", "10"), ("0o12", "10"), ("0x1F", "31"), ("0b11", "3"), ("1_000", "1000"), ("08", "8")),
            *(("1.0", "1"), ("1.50", "1.5"), ("5.", "5"), (".5", "0.5"), ("-0.5", "-0.5"), ("1e3", "1000")),
            *(("1000000.0", "1e+06"), ("-1.5e7", "-1.5e+07"), ("0.00001", "1e-05"), ("!!str 1:30", "1:30")),
            ("123456789012345678901234567890", "1.2345678901234568e+29"),
        ],
    )
    def test_as_text(self, site: Site, written: str, text: str) -> None:
        """What a variable of a container is."""
        assert site.body(f"environment: {{X: {written}}}")["environment"] == {"X": text}

    def test_ports_are_no_base_60(self, site: Site) -> None:
        """``22:22`` without quotes is a port, not the number 1342."""
        (port,) = site.body("ports: [22:22]")["ports"]
        assert (port["target"], port["published"]) == (22, "22")

    def test_variables_of_a_play_stay_ansibles(self, site: Site) -> None:
        """``yes`` is true in the variables of the same play."""
        body = site.body('environment: {X: "{{ v }}", Y: yes}', "vars: {v: yes}")
        assert body["environment"] == {"X": "true", "Y": "yes"}

    def test_no_number_without_end(self, site: Site) -> None:
        """What Compose refuses is refused here."""
        assert site.problems(play("environment: {X: .inf}")) == [
            "6:24 'X' has to be text, not a number without end"
        ]


class TestDockersTemplates:
    """Docker's own ``{{.Name}}``, as people have it in their log tags."""

    def test_they_stay(self, site: Site) -> None:
        """No expression begins with a dot, so nothing has to be marked."""
        body = site.body('labels: {a: "{{.Name}}/{{ role }}/{{ .ID }}", b: "{{.Name}}"}')
        assert body["labels"] == {"a": "{{.Name}}/web/{{ .ID }}", "b": "{{.Name}}"}

    def test_swarms_are_refused(self, site: Site) -> None:
        """What only Swarm fills in is never left standing."""
        (problem,) = site.problems(play('hostname: "{{.Node.Hostname}}"'))
        assert "'{{.Node.Hostname}}' is filled in by Swarm only" in problem

    def test_others_need_marks(self, site: Site) -> None:
        """The error of a template that is another's says how to mark it."""
        (problem,) = site.problems(play('labels: {a: "{{ $x }}"}'))
        assert "between {% raw %} and {% endraw %}" in problem


class TestInterpolation:
    """``${}`` in what was written, never in what a variable holds."""

    def test_sources(self, site: Site) -> None:
        """The play's environment wins over .env, and .env over the process."""
        site.write(".env", "A=dotenv\nB=dotenv\n")
        site.environ = {"A": "process", "B": "process", "C": "process"}
        body = site.body("environment: {V: '$A $B $C', C: , D: }", "environment: {A: play}")
        assert body["environment"] == {"V": "play dotenv process", "C": "process"}

    def test_values_of_variables_are_literal(self, site: Site) -> None:
        """A password with dollar signs survives, alone and within text."""
        body = site.body('environment: {A: "{{ password }}", B: "x-{{ password }}-${X:-$$}"}')
        assert body["environment"] == {"A": "a$b${c}$$", "B": "x-a$b${c}$$-$"}

    def test_types_after_interpolation(self, site: Site) -> None:
        """A number or a truth may come from a variable, which always holds text."""
        body = "init: ${INIT:-true}\nmem_swappiness: ${X:-5}\ndeploy: {replicas: '${N:-3}'}"
        assert site.service(body).replicas == 3
        assert (site.body(body)["init"], site.body(body)["mem_swappiness"]) == (True, 5)

    def test_unset_variables_are_errors(self, site: Site) -> None:
        """Where Compose takes the empty string, a forgotten variable is told."""
        (found,) = site.problems(play("command: run ${NOPE}"))
        assert found.startswith("6:16 the variable 'NOPE' is not set | set it under 'environment'")


class TestFiles:
    """Files travel by content."""

    def test_bind_mounts(self, site: Site) -> None:
        """A relative file or folder is copied; its path on the host carries the hash of its content."""
        site.write("conf/a.txt", "a")
        site.write("conf/sub/run.sh", "#!").chmod(0o755)
        site.write("key", "k").chmod(0o600)
        text = play("volumes: ['./conf:/a:ro', './key:/b', '/abs:/c']")
        first = site.definition(text)
        sources = [mount["source"] for mount in first.services["web"]["volumes"]]
        modes = {file.path.split("/", 2)[2]: file.mode for file in first.files}
        assert modes == {"conf/a.txt": 0o644, "conf/sub/run.sh": 0o755, "key": 0o600}
        hashes = {file.path.split("/")[2]: file.path.split("/")[1] for file in first.files}
        assert sources == [
            f"/var/lib/deploytool/shop/files/{hashes['conf']}/conf",
            f"/var/lib/deploytool/shop/files/{hashes['key']}/key",
            "/abs",
        ]
        assert site.definition(text) == first
        site.write("conf/a.txt", "b")
        second = site.definition(text)
        changed = [mount["source"] for mount in second.services["web"]["volumes"]]
        assert (changed[0] != sources[0], changed[1:]) == (True, sources[1:])

    def test_configs_and_secrets(self, site: Site) -> None:
        """From a file, from content and from the environment; modes as asked for."""
        site.write("c.txt", b"\xff\x00binary")
        top = """
            environment: {TOKEN: t0k}
            configs:
              file: {file: c.txt}
              text: {content: "for {{ inventory_hostname }} ${TOKEN} $$x"}
            secrets: {token: {environment: TOKEN}, open: {content: x}}
        """
        body = """
            configs: [file, {source: text, target: /etc/text}]
            secrets: [token, {source: open, mode: "0444", target: other}]
        """
        definition = site.definition(play(body, top))
        files = {file.path.split("/", 2)[2]: (file.content, file.mode) for file in definition.files}
        assert files == {
            "file": (b"\xff\x00binary", 0o444),
            "text": (b"for web1 t0k $x", 0o444),
            "token": (b"t0k", 0o600),
            "open": (b"x", 0o444),
        }
        web = definition.services["web"]
        assert web["configs"] == [
            {"source": "text", "target": "/etc/text"},
            {"source": "file", "target": "/file"},
        ]
        assert [grant["target"] for grant in web["secrets"]] == ["/run/secrets/other", "/run/secrets/token"]
        token = next(file.path for file in definition.files if file.path.endswith("token"))
        assert definition.toplevel["secrets"]["token"] == {"file": f"/var/lib/deploytool/shop/{token}"}

    def test_secrets_have_no_repr(self, site: Site) -> None:
        """What a definition prints never holds the content of a file."""
        definition = site.definition(play("secrets: [s]", "secrets: {s: {content: geheim}}"))
        assert "geheim" not in repr(definition)

    def test_env_files_follow_each_other(self, site: Site) -> None:
        """A value may refer to what the files before it say, which win over the process there."""
        site.environ = {"B": "process"}
        site.write("a.env", "A=1\nB=2\n")
        site.write("b.env", "C=${A}-${B}\nA=3\n")
        assert site.body("env_file: [a.env, b.env]")["environment"] == {"A": "3", "B": "2", "C": "1-2"}

    def test_env_files(self, site: Site) -> None:
        """Read here and merged in order; what ``environment`` says wins; raw files are not interpreted."""
        site.write("a.env", "A=1\nB=1\nC='$X'\n")
        site.write("b.env", "B='2'\n")
        body = site.body(
            "env_file: [a.env, {path: b.env, format: raw}, {path: no.env, required: false}]\nenvironment: {A: 9}"
        )
        assert body["environment"] == {"A": "9", "B": "'2'", "C": "$X"}
        assert "env_file" not in body

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ("volumes: ['./none:/x']", "6:17 there is no file or folder 'none'"),
            ("volumes: ['~/x:/x']", "6:17 '~/x' has a ~"),
            ("volumes: ['./fifo:/x']", "6:17 'fifo' is neither a file nor a folder"),
            ("volumes: ['./links:/x']", "6:17 the link 'links/out' leads out of 'links'"),
            ("volumes: ['./large:/x']", "6:17 with 'large' the project carries more than 64 MiB"),
            ("env_file: none.env", "6:17 there is no file 'none.env'"),
            ("env_file: bad.env", "bad.env:1 is not NAME=value"),
            ("configs: [c]", "6:17 the config 'c' is not defined | add 'c:' to the top-level 'configs'"),
        ],
    )
    def test_wrong_files(self, site: Site, body: str, expected: str) -> None:
        """What cannot be copied is an error where it is named."""
        os.mkfifo(site.folder / "fifo")
        (site.folder / "links").mkdir()
        (site.folder / "links" / "out").symlink_to("/etc/passwd")
        site.write("bad.env", "no line\n")
        with (site.folder / "large").open("wb") as large:
            large.truncate(65 * 1024 * 1024)
        (found,) = site.problems(play(body))
        assert found.startswith(expected)


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


def test_an_image_is_needed(site: Site) -> None:
    """A service without an image cannot run."""
    (found,) = site.problems("- name: x\n  hosts: web\n  services: {web: {command: x}}\n")
    assert found == "3:14 the service 'web' has no image | name it with 'image'"


def test_circles(site: Site) -> None:
    """Services that wait for each other are an error that shows the circle."""
    rest = "    a: {image: a, depends_on: [b]}\n    b: {image: b, depends_on: [web]}\n"
    (found,) = site.problems(play("depends_on: [a]") + rest)
    assert "services depend on each other in a circle: a → b → web → a" in found


def test_namespaces_of_services_that_share_every_host(site: Site) -> None:
    """``network_mode: service:`` is taken where both services run on every host, and with one host."""
    tail = "    db: {image: db, deploy: {mode: global}}\n"
    body = "network_mode: service:db\n"
    assert "nothing ensures" in site.problems(play(body) + tail)[0]
    assert site.project(play(body + "deploy: {mode: global}") + tail)
    assert site.project((play(body) + tail).replace("hosts: web", "hosts: web1"))


class TestComposeFile:
    """A Compose file as the user has it."""

    def load(self, site: Site, compose: str, name: str = "Shop") -> Any:
        site.write("shop/compose.yaml", compose)
        return site.project(f"- name: {name}\n  hosts: web\n  compose: shop/compose.yaml\n")

    def test_name_and_version(self, site: Site) -> None:
        """``name`` is the project unless the play says so too; ``version`` has no meaning."""
        project = self.load(site, "version: '3'\nname: own\nservices: {a: {image: a}}\nx-y: 1\n")
        assert project.name == "own"
        site.write("c.yaml", "name: own\nservices: {a: {image: a}}\n")
        found = site.problems("- name: x\n  hosts: web\n  project: shop\n  compose: c.yaml\n")
        assert found[0].startswith("c.yaml:1:7 the Compose file is of the project 'own', the play of 'shop'")

    def test_paths_start_from_the_file(self, site: Site) -> None:
        """Relative paths and .env are those beside the Compose file, not beside the playbook."""
        site.write("shop/.env", "TAG=7\n")
        site.write("shop/a.conf", "x")
        project = self.load(site, "services: {a: {image: 'a:$TAG', volumes: ['./a.conf:/a']}}\n")
        definition = project.definitions.on(project.hosts[0], {})
        assert definition.services["a"]["image"] == "a:7"
        assert len(definition.files) == 1

    def test_extends(self, site: Site) -> None:
        """Mappings merge, lists join, commands replace; another file's paths stay its own."""
        site.write("shop/base/e.env", "E=1\n")
        site.write(
            "shop/base/base.yaml", "services: {base: {image: base, env_file: e.env, labels: [a=1, b=1]}}\n"
        )
        project = self.load(
            site,
            """
            services:
              web:
                extends: common
                command: [b]
                environment: {X: own}
                ports: ["81:81"]
              common:
                extends: {file: base/base.yaml, service: base}
                command: [a, a]
                environment: [X=1, Y=1]
                ports: ["80:80"]
                labels: {b: 2}
            """,
        )
        web = project.definitions.on(project.hosts[0], {}).services["web"]
        assert (web["image"], web["command"], web["labels"]) == ("base", ["b"], {"a": "1", "b": "2"})
        assert web["environment"] == {"E": "1", "X": "own", "Y": "1"}
        assert [port["published"] for port in web["ports"]] == ["80", "81"]

    @pytest.mark.parametrize(
        ("compose", "expected"),
        [
            ("", "shop/compose.yaml:1 is empty"),
            ("[]", "shop/compose.yaml:1 is a list, not a mapping"),
            ("a: 1", "shop/compose.yaml:1:1 unknown key 'a' in the Compose file"),
            ("volumes: {}", "shop/compose.yaml:1:1 has no 'services'"),
            ("services: {a: {image: a}}\ninclude: [b]", "shop/compose.yaml:2:1 'include' is not supported"),
            ("services: [a]", "shop/compose.yaml:1:11 'services' has to be a mapping, not a list"),
            ("services: {a: {image: a}}\nvolumes: {v: {drver: x}}", "shop/compose.yaml:2:15 unknown key 'drver' in v"),
            ("services: {a: {image: a}}\nsecrets: {s: {external: true}}", "shop/compose.yaml:2:15 'external' is not"),
            ("services: {a: {image: a, ports: !reset []}}", "shop/compose.yaml:1:33 unknown tag '!reset' | it is for"),
            ("services: {a: {image: a, replicas: 2}}", "shop/compose.yaml:1:26 unknown key 'replicas' in a | write it under"),
            ("services: {a: {image: a}}\nconfigs: {s: {}}", "shop/compose.yaml:2:11 's' needs one of file, environment"),
        ],
    )  # fmt: skip
    def test_wrong_files(self, site: Site, compose: str, expected: str) -> None:
        """Errors are placed in the Compose file."""
        site.write("shop/compose.yaml", compose)
        found = site.problems("- name: x\n  hosts: web\n  compose: shop/compose.yaml\n")
        assert any(problem.startswith(expected) for problem in found), found
