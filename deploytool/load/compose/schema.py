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
    entries,
    health_test,
    microseconds,
    mode,
    one_or_more,
    pull_policy,
    restart,
    signal_name,
    size_text,
    texts,
)
from deploytool.load.compose.deploy_schema import DEPLOY
from deploytool.load.compose.ingress_keys import INGRESS, ingress
from deploytool.load.compose.known_keys import Key, honoured, passed, refused, section, within
from deploytool.load.compose.port_syntax import PORT, ports
from deploytool.load.compose.section_schema import CONFIG, NETWORK, SECRET, VOLUME
from deploytool.load.compose.validators import (
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
from deploytool.model.policies import Condition

_ulimit = either(section({"soft": passed(integer), "hard": passed(integer)}), integer)

_NOT_HERE = "nothing keeps containers of two services on the same host"
DEPENDENCY = {
    "condition": honoured(one_of(*Condition)),
    "required": honoured(flag, "false: the service may be missing"),
    "restart": refused("Compose restarts only what is on the same host", "leave it out"),
}
ATTACHMENT = {
    "aliases": passed(texts),
    "driver_opts": passed(pairs),
    "gw_priority": passed(number),
    "interface_name": passed(text),
    "ipv4_address": passed(text),
    "ipv6_address": passed(text),
    "link_local_ips": passed(texts),
    "mac_address": passed(text),
    "priority": passed(number),
}
GRANT = {
    "source": honoured(non_empty),
    "target": passed(non_empty, "where the file appears in the container"),
    "mode": honoured(mode, "the mode of the file on the host; default 0444 for configs, 0600 for secrets"),
    "uid": refused("the file is mounted as it is on the host", 'set mode: "0444"'),
    "gid": refused("the file is mounted as it is on the host", 'set mode: "0444"'),
}
ENV_FILE = {
    "path": honoured(non_empty, "relative to the Compose file"),
    "required": honoured(flag, "false: the file may be missing"),
    "format": honoured(one_of("raw"), "raw: no quotes, no `${}`"),
}
HEALTHCHECK = {
    "test": passed(health_test),
    "interval": honoured(duration, "gates a rollout"),
    "timeout": honoured(duration, "gates a rollout"),
    "retries": honoured(count, "gates a rollout"),
    "start_period": honoured(duration, "gates a rollout"),
    "start_interval": passed(duration, "Docker 25 and later; makes gates fast"),
    "disable": honoured(flag, "as without a healthcheck"),
}
_HOOK = {
    "command": passed(command),
    "user": passed(text),
    "privileged": passed(flag),
    "working_dir": passed(text),
    "environment": passed(pairs),
}
_LOGGING = {"driver": passed(text), "options": passed(pairs)}
_DEVICE = {"source": passed(non_empty), "target": passed(non_empty), "permissions": passed(text)}
_BLKIO_RATE = section({"path": passed(non_empty), "rate": passed(anything)})
_BLKIO = {
    "weight": passed(integer),
    "weight_device": passed(list_of(section({"path": passed(non_empty), "weight": passed(integer)}))),
    "device_read_bps": passed(list_of(_BLKIO_RATE)),
    "device_read_iops": passed(list_of(_BLKIO_RATE)),
    "device_write_bps": passed(list_of(_BLKIO_RATE)),
    "device_write_iops": passed(list_of(_BLKIO_RATE)),
}

SERVICE: Mapping[str, Key] = {
    "annotations": passed(pairs),
    "attach": refused(
        "containers always run in the background", "leave it out; `deploytool logs` follows them"
    ),
    "blkio_config": passed(section(_BLKIO), "", _BLKIO),
    "build": refused(
        "images are built in CI, not on the hosts", "build and push the image, and name it with 'image'"
    ),
    "cap_add": passed(texts),
    "cap_drop": passed(texts),
    "cgroup": passed(one_of("host", "private")),
    "cgroup_parent": passed(text),
    "command": passed(command),
    "configs": honoured(entries(section(GRANT), "source"), "copied to the host by content", GRANT),
    "container_name": honoured(
        non_empty, "only where a host never runs two: one replica, and order stop-first"
    ),
    "cpu_count": passed(number),
    "cpu_percent": passed(number),
    "cpu_period": passed(microseconds),
    "cpu_quota": passed(microseconds),
    "cpu_rt_period": passed(microseconds),
    "cpu_rt_runtime": passed(microseconds),
    "cpu_shares": passed(number),
    "cpus": passed(amount, "a limit; reserve with deploy.resources.reservations"),
    "cpuset": passed(text),
    "credential_spec": refused("Linux hosts have none"),
    "depends_on": honoured(by_name(section(DEPENDENCY)), "orders the start over all hosts", DEPENDENCY),
    "deploy": within(DEPLOY),
    "develop": refused(
        "it is for `docker compose watch` on one machine", "leave it to compose.override.yaml"
    ),
    "device_cgroup_rules": passed(texts),
    "devices": passed(list_of(either(section(_DEVICE), text)), "", _DEVICE),
    "dns": passed(one_or_more),
    "dns_opt": passed(texts),
    "dns_search": passed(one_or_more),
    "domainname": passed(text),
    "entrypoint": passed(command),
    "env_file": honoured(entries(section(ENV_FILE), "path"), "read here, into `environment`", ENV_FILE),
    "environment": honoured(variables, "a name without a value takes that of the play's environment"),
    "expose": passed(texts),
    "extends": honoured(anything, "from the same file, or from a file beside it"),
    "external_links": passed(texts),
    "extra_hosts": passed(either(map_of(one_or_more), texts)),
    "gpus": passed(anything),
    "group_add": passed(texts),
    "healthcheck": within(HEALTHCHECK),
    "hostname": passed(text),
    "image": honoured(non_empty, "required"),
    "init": passed(flag),
    "ipc": passed(text, "`service:` only between services that always share a host"),
    "isolation": passed(text),
    "label_file": honoured(entries(section(ENV_FILE), "path"), "read here, into `labels`", ENV_FILE),
    "labels": passed(pairs),
    "links": passed(texts, "only between services that always share a host"),
    "logging": passed(section(_LOGGING), "", _LOGGING),
    "mac_address": passed(text),
    "mem_limit": passed(size_text),
    "mem_reservation": passed(size_text),
    "mem_swappiness": passed(integer),
    "memswap_limit": passed(size_or_unlimited),
    "models": refused("Docker Engine without Docker Desktop runs no models"),
    "network_mode": passed(text, "`service:` only between services that always share a host"),
    "networks": passed(by_name(section(ATTACHMENT)), "a bridge network ends at its host", ATTACHMENT),
    "oom_kill_disable": passed(flag),
    "oom_score_adj": passed(integer),
    "pid": passed(text, "`service:` only between services that always share a host"),
    "pids_limit": passed(integer),
    "platform": honoured(text, "only hosts of that platform are chosen"),
    "ports": honoured(
        ports, "a port of the host that a replica holds; with `mode: ingress` of every host", PORT
    ),
    "post_start": passed(list_of(section(_HOOK)), "", _HOOK),
    "pre_stop": refused(
        "replicas are stopped by id, without Compose", "handle the stop signal in the container"
    ),
    "privileged": passed(flag),
    "profiles": refused("a play has no profiles", "give the service a play of its own with 'tags'"),
    "provider": refused("it runs a program on the machine with Compose"),
    "pull_policy": honoured(pull_policy, "missing (default), always, never"),
    "pull_refresh_after": refused("it has no meaning without pull_policy: refresh"),
    "read_only": passed(flag),
    "restart": honoured(restart, "default `no`; `watch` respects it where it is written"),
    "runtime": passed(text),
    "scale": honoured(count, "as deploy.replicas"),
    "secrets": honoured(entries(section(GRANT), "source"), "copied to the host by content, mode 0600", GRANT),
    "security_opt": passed(texts),
    "shm_size": passed(size_text),
    "stdin_open": passed(flag),
    "stop_grace_period": honoured(duration, "default 10s"),
    "stop_signal": passed(signal_name),
    "storage_opt": passed(pairs),
    "sysctls": passed(pairs),
    "tmpfs": passed(one_or_more),
    "tty": passed(flag),
    "ulimits": passed(map_of(_ulimit)),
    "use_api_socket": refused("it needs Docker Desktop's Compose", "mount /var/run/docker.sock"),
    "user": passed(text),
    "userns_mode": passed(text),
    "uts": passed(text),
    "volumes": honoured(
        mounts, "a named volume keeps its replica on the host; relative paths are copied", MOUNT
    ),
    "volumes_from": refused(_NOT_HERE, "mount the same named volume in both services"),
    "working_dir": passed(text),
    "x-ingress": honoured(ingress, "what reaches the service through its ports in mode ingress", INGRESS),
}

TOP: Mapping[str, Key] = {
    "name": honoured(text, "the default of the play's `project`; another name is an error"),
    "version": honoured(anything, "accepted; it has no meaning any more"),
    "services": honoured(anything, "required"),
    "networks": honoured(anything, "", NETWORK),
    "volumes": honoured(anything, "", VOLUME),
    "configs": honoured(anything, "", CONFIG),
    "secrets": honoured(anything, "", SECRET),
    "include": refused("one play is one Compose file", "write a play for each file"),
    "models": refused("Docker Engine without Docker Desktop runs no models"),
}

SERVICE_VALIDATOR = section(SERVICE)
