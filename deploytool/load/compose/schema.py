"""Every key of the Compose specification: its state, its validator, and a note. The docs are made from it.

*Honoured*: the tool acts on it. *Passed through*: Compose on the host does. *Refused*: an error with a
reason. There is no fourth state, so nothing is ignored in silence.

Source: the Compose specification (schema/compose-spec.json).
"""

from __future__ import annotations

from collections.abc import Mapping

from deploytool.load.compose.compose_validators import (
    by_name,
    command,
    cpus_text,
    entries,
    external,
    health_test,
    microseconds,
    mode,
    one_or_more,
    pull_policy,
    restart,
    share,
    signal_name,
    size_text,
    texts,
)
from deploytool.load.compose.ingress_keys import INGRESS, ingress
from deploytool.load.compose.known_keys import Key, State, section
from deploytool.load.compose.port_syntax import PORT, ports
from deploytool.load.compose.validators import (
    Validator,
    amount,
    anything,
    count,
    duration,
    either,
    flag,
    integer,
    list_of,
    map_of,
    non_empty,
    number,
    one_of,
    pairs,
    size_or_unlimited,
    text,
    variables,
)
from deploytool.load.compose.volumes import MOUNT, mounts


def _honoured(validator: Validator, note: str = "", keys: Mapping[str, Key] | None = None) -> Key:
    return Key(State.HONOURED, validator, note, keys=keys)


def _passed(validator: Validator, note: str = "", keys: Mapping[str, Key] | None = None) -> Key:
    return Key(State.PASSED, validator, note, keys=keys)


def _refused(note: str, hint: str = "") -> Key:
    return Key(State.REFUSED, note=note, hint=hint)


def _within(keys: Mapping[str, Key], note: str = "") -> Key:
    return _honoured(section(keys), note, keys)


_ulimit = either(section({"soft": _passed(integer), "hard": _passed(integer)}), integer)

_NOT_HERE = "nothing keeps containers of two services on the same host"
_UPDATE = {
    "parallelism": _honoured(count, "replicas changed at a time over the whole play; 0 is all; default 1"),
    "delay": _honoured(duration, "between two batches"),
    "order": _honoured(one_of("stop-first", "start-first"), "default stop-first"),
    "monitor": _honoured(duration, "how long a new replica is watched; default 5s, as in Swarm"),
    "failure_action": _honoured(one_of("pause", "continue", "rollback"), "default pause"),
    "max_failure_ratio": _honoured(share, "share of failed replicas that is tolerated"),
}
_ROLLBACK = {
    **_UPDATE,
    "failure_action": _honoured(one_of("pause", "continue"), "a rollback is not rolled back"),
}
_PLACEMENT = {
    "constraints": _honoured(one_or_more, "`==` and `!=` on node.hostname, node.labels.NAME, node.groups, …"),
    "preferences": _honoured(
        list_of(section({"spread": _honoured(non_empty, "spread evenly over the values of a label")})),
        "",
        {"spread": _honoured(non_empty, "spread evenly over the values of a label")},
    ),
    "max_replicas_per_node": _honoured(count, "0 is no limit"),
}
_DEVICES = {
    "capabilities": _passed(texts),
    "count": _passed(anything),
    "device_ids": _passed(texts),
    "driver": _passed(text),
    "options": _passed(pairs),
}
_LIMITS = {
    "cpus": _passed(cpus_text),
    "memory": _passed(size_text),
    "pids": _passed(integer),
}
_RESERVATIONS = {
    "cpus": _honoured(cpus_text, "counted against the capacity of the host"),
    "memory": _honoured(size_text, "counted against the capacity of the host"),
    "devices": _passed(list_of(section(_DEVICES)), "", _DEVICES),
    "generic_resources": _refused("Docker without Swarm has none", "use labels and placement.constraints"),
}
_RESOURCES = {"limits": _within(_LIMITS), "reservations": _within(_RESERVATIONS)}
_RESTART_POLICY = {
    "condition": _honoured(one_of("none", "on-failure", "any"), "becomes `restart`"),
    "max_attempts": _honoured(count, "becomes `restart: on-failure:N`"),
    "delay": _refused("Docker chooses the delay between restarts itself", "leave it out"),
    "window": _refused("Docker has no window for restarts", "leave it out"),
}
DEPLOY = {
    "mode": _honoured(one_of("replicated", "global", "replicated-job", "global-job")),
    "replicas": _honoured(count, "over all hosts of the play"),
    "placement": _within(_PLACEMENT),
    "resources": _within(_RESOURCES),
    "update_config": _within(_UPDATE),
    "rollback_config": _within(_ROLLBACK, "default: as update_config, and pause"),
    "restart_policy": _within(_RESTART_POLICY, "becomes `restart`"),
    "labels": _refused("they would be on no container", "write them under 'labels' of the service"),
    "endpoint_mode": _refused("there is no virtual IP without Swarm", "leave it out"),
}
DEPENDENCY = {
    "condition": _honoured(one_of("service_started", "service_healthy", "service_completed_successfully")),
    "required": _honoured(flag, "false: the service may be missing"),
    "restart": _refused("Compose restarts only what is on the same host", "leave it out"),
}
ATTACHMENT = {
    "aliases": _passed(texts),
    "driver_opts": _passed(pairs),
    "gw_priority": _passed(number),
    "interface_name": _passed(text),
    "ipv4_address": _passed(text),
    "ipv6_address": _passed(text),
    "link_local_ips": _passed(texts),
    "mac_address": _passed(text),
    "priority": _passed(number),
}
GRANT = {
    "source": _honoured(non_empty),
    "target": _passed(non_empty, "where the file appears in the container"),
    "mode": _honoured(mode, "the mode of the file on the host; default 0444 for configs, 0600 for secrets"),
    "uid": _refused("the file is mounted as it is on the host", 'set mode: "0444"'),
    "gid": _refused("the file is mounted as it is on the host", 'set mode: "0444"'),
}
ENV_FILE = {
    "path": _honoured(non_empty, "relative to the Compose file"),
    "required": _honoured(flag, "false: the file may be missing"),
    "format": _honoured(one_of("raw"), "raw: no quotes, no `${}`"),
}
HEALTHCHECK = {
    "test": _passed(health_test),
    "interval": _honoured(duration, "gates a rollout"),
    "timeout": _honoured(duration, "gates a rollout"),
    "retries": _honoured(count, "gates a rollout"),
    "start_period": _honoured(duration, "gates a rollout"),
    "start_interval": _passed(duration, "Docker 25 and later; makes gates fast"),
    "disable": _honoured(flag, "as without a healthcheck"),
}
_HOOK = {
    "command": _passed(command),
    "user": _passed(text),
    "privileged": _passed(flag),
    "working_dir": _passed(text),
    "environment": _passed(pairs),
}
_LOGGING = {"driver": _passed(text), "options": _passed(pairs)}
_DEVICE = {"source": _passed(non_empty), "target": _passed(non_empty), "permissions": _passed(text)}
_BLKIO_RATE = section({"path": _passed(non_empty), "rate": _passed(anything)})
_BLKIO = {
    "weight": _passed(integer),
    "weight_device": _passed(list_of(section({"path": _passed(non_empty), "weight": _passed(integer)}))),
    "device_read_bps": _passed(list_of(_BLKIO_RATE)),
    "device_read_iops": _passed(list_of(_BLKIO_RATE)),
    "device_write_bps": _passed(list_of(_BLKIO_RATE)),
    "device_write_iops": _passed(list_of(_BLKIO_RATE)),
}

SERVICE: Mapping[str, Key] = {
    "annotations": _passed(pairs),
    "attach": _refused(
        "containers always run in the background", "leave it out; `deploytool logs` follows them"
    ),
    "blkio_config": _passed(section(_BLKIO), "", _BLKIO),
    "build": _refused(
        "images are built in CI, not on the hosts", "build and push the image, and name it with 'image'"
    ),
    "cap_add": _passed(texts),
    "cap_drop": _passed(texts),
    "cgroup": _passed(one_of("host", "private")),
    "cgroup_parent": _passed(text),
    "command": _passed(command),
    "configs": _honoured(entries(section(GRANT), "source"), "copied to the host by content", GRANT),
    "container_name": _honoured(
        non_empty, "only where a host never runs two: one replica, and order stop-first"
    ),
    "cpu_count": _passed(number),
    "cpu_percent": _passed(number),
    "cpu_period": _passed(microseconds),
    "cpu_quota": _passed(microseconds),
    "cpu_rt_period": _passed(microseconds),
    "cpu_rt_runtime": _passed(microseconds),
    "cpu_shares": _passed(number),
    "cpus": _passed(amount, "a limit; reserve with deploy.resources.reservations"),
    "cpuset": _passed(text),
    "credential_spec": _refused("Linux hosts have none"),
    "depends_on": _honoured(by_name(section(DEPENDENCY)), "orders the start over all hosts", DEPENDENCY),
    "deploy": _within(DEPLOY),
    "develop": _refused(
        "it is for `docker compose watch` on one machine", "leave it to compose.override.yaml"
    ),
    "device_cgroup_rules": _passed(texts),
    "devices": _passed(list_of(either(section(_DEVICE), text)), "", _DEVICE),
    "dns": _passed(one_or_more),
    "dns_opt": _passed(texts),
    "dns_search": _passed(one_or_more),
    "domainname": _passed(text),
    "entrypoint": _passed(command),
    "env_file": _honoured(entries(section(ENV_FILE), "path"), "read here, into `environment`", ENV_FILE),
    "environment": _honoured(variables, "a name without a value takes that of the play's environment"),
    "expose": _passed(texts),
    "extends": _honoured(anything, "from the same file, or from a file beside it"),
    "external_links": _passed(texts),
    "extra_hosts": _passed(either(map_of(one_or_more), texts)),
    "gpus": _passed(anything),
    "group_add": _passed(texts),
    "healthcheck": _within(HEALTHCHECK),
    "hostname": _passed(text),
    "image": _honoured(non_empty, "required"),
    "init": _passed(flag),
    "ipc": _passed(text, "`service:` only between services that always share a host"),
    "isolation": _passed(text),
    "label_file": _honoured(entries(section(ENV_FILE), "path"), "read here, into `labels`", ENV_FILE),
    "labels": _passed(pairs),
    "links": _passed(texts, "only between services that always share a host"),
    "logging": _passed(section(_LOGGING), "", _LOGGING),
    "mac_address": _passed(text),
    "mem_limit": _passed(size_text),
    "mem_reservation": _passed(size_text),
    "mem_swappiness": _passed(integer),
    "memswap_limit": _passed(size_or_unlimited),
    "models": _refused("Docker Engine without Docker Desktop runs no models"),
    "network_mode": _passed(text, "`service:` only between services that always share a host"),
    "networks": _passed(by_name(section(ATTACHMENT)), "a bridge network ends at its host", ATTACHMENT),
    "oom_kill_disable": _passed(flag),
    "oom_score_adj": _passed(integer),
    "pid": _passed(text, "`service:` only between services that always share a host"),
    "pids_limit": _passed(integer),
    "platform": _honoured(text, "only hosts of that platform are chosen"),
    "ports": _honoured(
        ports, "a port of the host that a replica holds; with `mode: ingress` of every host", PORT
    ),
    "post_start": _passed(list_of(section(_HOOK)), "", _HOOK),
    "pre_stop": _refused(
        "replicas are stopped by id, without Compose", "handle the stop signal in the container"
    ),
    "privileged": _passed(flag),
    "profiles": _refused("a play has no profiles", "give the service a play of its own with 'tags'"),
    "provider": _refused("it runs a program on the machine with Compose"),
    "pull_policy": _honoured(pull_policy, "missing (default), always, never"),
    "pull_refresh_after": _refused("it has no meaning without pull_policy: refresh"),
    "read_only": _passed(flag),
    "restart": _honoured(restart, "default `no`; `watch` respects it where it is written"),
    "runtime": _passed(text),
    "scale": _honoured(count, "as deploy.replicas"),
    "secrets": _honoured(
        entries(section(GRANT), "source"), "copied to the host by content, mode 0600", GRANT
    ),
    "security_opt": _passed(texts),
    "shm_size": _passed(size_text),
    "stdin_open": _passed(flag),
    "stop_grace_period": _honoured(duration, "default 10s"),
    "stop_signal": _passed(signal_name),
    "storage_opt": _passed(pairs),
    "sysctls": _passed(pairs),
    "tmpfs": _passed(one_or_more),
    "tty": _passed(flag),
    "ulimits": _passed(map_of(_ulimit)),
    "use_api_socket": _refused("it needs Docker Desktop's Compose", "mount /var/run/docker.sock"),
    "user": _passed(text),
    "userns_mode": _passed(text),
    "uts": _passed(text),
    "volumes": _honoured(
        mounts, "a named volume keeps its replica on the host; relative paths are copied", MOUNT
    ),
    "volumes_from": _refused(_NOT_HERE, "mount the same named volume in both services"),
    "working_dir": _passed(text),
    "x-ingress": _honoured(ingress, "what reaches the service through its ports in mode ingress", INGRESS),
}

_IPAM_POOL = {
    "subnet": _passed(text),
    "ip_range": _passed(text),
    "gateway": _passed(text),
    "aux_addresses": _passed(pairs),
}
_IPAM = {
    "driver": _passed(text),
    "config": _passed(list_of(section(_IPAM_POOL)), "", _IPAM_POOL),
    "options": _passed(pairs),
}
NETWORK = {
    "attachable": _passed(flag),
    "driver": _passed(text),
    "driver_opts": _passed(pairs),
    "enable_ipv4": _passed(flag),
    "enable_ipv6": _passed(flag),
    "external": _passed(external),
    "internal": _passed(flag),
    "ipam": _passed(section(_IPAM), "", _IPAM),
    "labels": _passed(pairs),
    "name": _passed(text),
}
VOLUME = {
    "driver": _passed(text),
    "driver_opts": _passed(pairs),
    "external": _passed(external),
    "labels": _passed(pairs),
    "name": _passed(text),
}
_NO_STORE = "there is no store for it without Swarm"
_FILED = {
    "file": _honoured(non_empty, "relative to the Compose file"),
    "environment": _honoured(non_empty, "a variable of the play's environment, .env or the process"),
    "content": _honoured(text),
    "name": _refused("the file is found by its content", "leave it out"),
    "external": _refused(_NO_STORE, "give a file, an environment variable or content"),
    "labels": _refused(_NO_STORE, "leave it out"),
    "template_driver": _refused(_NO_STORE, "write a template in 'content'"),
}
CONFIG = _FILED
SECRET = {
    **_FILED,
    "driver": _refused(_NO_STORE),
    "driver_opts": _refused(_NO_STORE),
}
TOP: Mapping[str, Key] = {
    "name": _honoured(text, "the default of the play's `project`; another name is an error"),
    "version": _honoured(anything, "accepted; it has no meaning any more"),
    "services": _honoured(anything, "required"),
    "networks": _honoured(anything, "", NETWORK),
    "volumes": _honoured(anything, "", VOLUME),
    "configs": _honoured(anything, "", CONFIG),
    "secrets": _honoured(anything, "", SECRET),
    "include": _refused("one play is one Compose file", "write a play for each file"),
    "models": _refused("Docker Engine without Docker Desktop runs no models"),
}

SECTIONS = ("networks", "volumes", "configs", "secrets")
"""The top-level sections beside ``services``."""

SERVICE_VALIDATOR = section(SERVICE)
TOPLEVEL_VALIDATORS: Mapping[str, Validator] = {
    "networks": section(NETWORK),
    "volumes": section(VOLUME),
    "configs": section(CONFIG),
    "secrets": section(SECRET),
}
