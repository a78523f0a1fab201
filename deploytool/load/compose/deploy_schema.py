"""Every key below ``deploy`` of a service. A part of the table in ``schema``."""

from __future__ import annotations

from deploytool.load.compose.compose_validators import (
    cpus_text,
    one_or_more,
    share,
    size_text,
    texts,
)
from deploytool.load.compose.known_keys import honoured, passed, refused, section, within
from deploytool.load.compose.validators import (
    anything,
    count,
    duration,
    integer,
    list_of,
    non_empty,
    one_of,
    pairs,
    text,
)
from deploytool.model.policies import FailureAction, UpdateOrder

_UPDATE = {
    "parallelism": honoured(count, "replicas changed at a time over the whole play; 0 is all; default 1"),
    "delay": honoured(duration, "between two batches"),
    "order": honoured(one_of(*UpdateOrder), "default stop-first"),
    "monitor": honoured(duration, "how long a new replica is watched; default 5s, as in Swarm"),
    "failure_action": honoured(one_of(*FailureAction), "default pause"),
    "max_failure_ratio": honoured(share, "share of failed replicas that is tolerated"),
}
_ROLLBACK = {
    **_UPDATE,
    "failure_action": honoured(one_of("pause", "continue"), "a rollback is not rolled back"),
}
_PLACEMENT = {
    "constraints": honoured(one_or_more, "`==` and `!=` on node.hostname, node.labels.NAME, node.groups, …"),
    "preferences": honoured(
        list_of(section({"spread": honoured(non_empty, "spread evenly over the values of a label")})),
        "",
        {"spread": honoured(non_empty, "spread evenly over the values of a label")},
    ),
    "max_replicas_per_node": honoured(count, "0 is no limit"),
}
_DEVICES = {
    "capabilities": passed(texts),
    "count": passed(anything),
    "device_ids": passed(texts),
    "driver": passed(text),
    "options": passed(pairs),
}
_LIMITS = {
    "cpus": passed(cpus_text),
    "memory": passed(size_text),
    "pids": passed(integer),
}
_RESERVATIONS = {
    "cpus": honoured(cpus_text, "counted against the capacity of the host"),
    "memory": honoured(size_text, "counted against the capacity of the host"),
    "devices": passed(list_of(section(_DEVICES)), "", _DEVICES),
    "generic_resources": refused("Docker without Swarm has none", "use labels and placement.constraints"),
}
_RESOURCES = {"limits": within(_LIMITS), "reservations": within(_RESERVATIONS)}
_RESTART_POLICY = {
    "condition": honoured(one_of("none", "on-failure", "any"), "becomes `restart`"),
    "max_attempts": honoured(count, "becomes `restart: on-failure:N`"),
    "delay": refused("Docker chooses the delay between restarts itself", "leave it out"),
    "window": refused("Docker has no window for restarts", "leave it out"),
}
DEPLOY = {
    "mode": honoured(one_of("replicated", "global", "replicated-job", "global-job")),
    "replicas": honoured(count, "over all hosts of the play"),
    "placement": within(_PLACEMENT),
    "resources": within(_RESOURCES),
    "update_config": within(_UPDATE),
    "rollback_config": within(_ROLLBACK, "default: as update_config, and pause"),
    "restart_policy": within(_RESTART_POLICY, "becomes `restart`"),
    "labels": refused("they would be on no container", "write them under 'labels' of the service"),
    "endpoint_mode": refused("there is no virtual IP without Swarm", "leave it out"),
}
