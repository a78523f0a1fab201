"""Every key of a network, volume, config or secret at the top level. A part of the table in ``schema``."""

from __future__ import annotations

from collections.abc import Mapping

from deploytool.load.compose.compose_validators import (
    external,
)
from deploytool.load.compose.known_keys import honoured, passed, refused, section
from deploytool.load.compose.validators import (
    Validator,
    flag,
    list_of,
    non_empty,
    pairs,
    text,
)

SECTIONS = ("networks", "volumes", "configs", "secrets")
"""The top-level sections beside ``services``."""

_IPAM_POOL = {
    "subnet": passed(text),
    "ip_range": passed(text),
    "gateway": passed(text),
    "aux_addresses": passed(pairs),
}
_IPAM = {
    "driver": passed(text),
    "config": passed(list_of(section(_IPAM_POOL)), "", _IPAM_POOL),
    "options": passed(pairs),
}
NETWORK = {
    "attachable": passed(flag),
    "driver": passed(text),
    "driver_opts": passed(pairs),
    "enable_ipv4": passed(flag),
    "enable_ipv6": passed(flag),
    "external": passed(external),
    "internal": passed(flag),
    "ipam": passed(section(_IPAM), "", _IPAM),
    "labels": passed(pairs),
    "name": passed(text),
}
VOLUME = {
    "driver": passed(text),
    "driver_opts": passed(pairs),
    "external": passed(external),
    "labels": passed(pairs),
    "name": passed(text),
}
_NO_STORE = "there is no store for it without Swarm"
_FILED = {
    "file": honoured(non_empty, "relative to the Compose file"),
    "environment": honoured(non_empty, "a variable of the play's environment, .env or the process"),
    "content": honoured(text),
    "name": refused("the file is found by its content", "leave it out"),
    "external": refused(_NO_STORE, "give a file, an environment variable or content"),
    "labels": refused(_NO_STORE, "leave it out"),
    "template_driver": refused(_NO_STORE, "write a template in 'content'"),
}
CONFIG = _FILED
SECRET = {
    **_FILED,
    "driver": refused(_NO_STORE),
    "driver_opts": refused(_NO_STORE),
}

TOPLEVEL_VALIDATORS: Mapping[str, Validator] = {
    "networks": section(NETWORK),
    "volumes": section(VOLUME),
    "configs": section(CONFIG),
    "secrets": section(SECRET),
}
