"""The table of the keys of a play. The loader, the docs and the check of the annotated example read it.

A row has the key, its validator, its default, an example, and a sentence for the docs; or, for a key that is
refused, the reason and a way out. A new key takes its row and the code that asks for its value, as
``settings[SERIAL]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploytool.load.compose.ingress_keys import EDGE, edge_settings
from deploytool.load.compose.validators import anything, count, filled, flag, one_of, text
from deploytool.load.playbook.play_keys import PlayKey, PlayKeyTable, Stage
from deploytool.load.playbook.play_validators import (
    VarsFileEntry,
    batches,
    compose_file,
    environment,
    host_pattern,
    mapping_of_variables,
    percentage,
    seconds,
    tag_words,
    vars_files,
)
from deploytool.model.ingress import EdgeSettings

PLAY_KEYS = PlayKeyTable()
_honoured, _refused = PLAY_KEYS.honoured, PLAY_KEYS.refused


def _section(name: str, example: str) -> None:
    """A section of a Compose file beside ``services``: read with them, so no code asks for its value."""
    sentence = "as at the top level of a Compose file"
    _honoured(name, anything, None, example, sentence, stage=Stage.AS_WRITTEN)


# ── The project and its hosts ────────────────────────────────────────────────────────────────────────────

NAME: PlayKey[str] = _honoured("name", text, "", "Shop", "shown in the plan; the default of `project`")
HOSTS: PlayKey[str] = _honoured(
    "hosts", host_pattern, "", "web:!web4.example.com", "a host pattern, or a list of them", stage=Stage.HOSTS
)
PROJECT: PlayKey[str] = _honoured(
    "project", filled, "", "shop", "the Compose project name; default: the name in lower case"
)
TAGS: PlayKey[frozenset[str]] = _honoured(
    "tags",
    tag_words,
    frozenset(),
    "[shop, frontend]",
    "for --tags and --skip-tags",
    stage=Stage.SELECTION,
)

# ── Variables ────────────────────────────────────────────────────────────────────────────────────────────

VARS: PlayKey[Mapping[str, Any]] = _honoured(
    "vars", mapping_of_variables, {}, '{tag: "1.4.2"}', "variables of the play", stage=Stage.AS_WRITTEN
)
VARS_FILES: PlayKey[tuple[VarsFileEntry, ...]] = _honoured(
    "vars_files",
    vars_files,
    (),
    "[files/shop-vars.yaml]",
    "files of variables; of a list within the list the first that exists",
    stage=Stage.VARS_FILES,
)
ENVIRONMENT: PlayKey[dict[str, str]] = _honoured(
    "environment",
    environment,
    {},
    "{REGISTRY: registry.example.com}",
    "what ${VAR} means in the Compose file and in services",
    stage=Stage.ENVIRONMENT,
)

# ── Pace, and what a failure means ───────────────────────────────────────────────────────────────────────

SERIAL: PlayKey[tuple[str, ...]] = _honoured(
    "serial",
    batches,
    (),
    '[1, "50%"]',
    "hosts changed at a time: a number, a percentage, or a list of them",
)
MAX_FAIL_PERCENTAGE: PlayKey[float | None] = _honoured(
    "max_fail_percentage", percentage, None, "25", "hosts of a batch that may fail before the play ends"
)
ANY_ERRORS_FATAL: PlayKey[bool] = _honoured(
    "any_errors_fatal", flag, False, "false", "true: the first failure on any host ends the play"
)
RESCHEDULE_AFTER: PlayKey[float | None] = _honoured(
    "reschedule_after",
    seconds,
    None,
    "2m",
    "for `watch`: replicas of a host that was silent for so long start elsewhere",
)

# ── The login, where the inventory does not say ──────────────────────────────────────────────────────────

REMOTE_USER: PlayKey[str] = _honoured(
    "remote_user",
    filled,
    "",
    "deploy",
    "lower than the inventory's ansible_user",
    gives_way_to=("ansible_user", "ansible_ssh_user"),
)
PORT: PlayKey[int | None] = _honoured(
    "port",
    count,
    None,
    "22",
    "lower than the inventory's ansible_port",
    gives_way_to=("ansible_port", "ansible_ssh_port"),
)
CONNECTION: PlayKey[str] = _honoured(
    "connection",
    filled,
    "",
    "ssh",
    "ssh or local; lower than the inventory's ansible_connection",
    gives_way_to=("ansible_connection",),
)
BECOME: PlayKey[bool | None] = _honoured(
    "become",
    flag,
    None,
    "true",
    "lower than the inventory's ansible_become",
    gives_way_to=("ansible_become",),
)
BECOME_USER: PlayKey[str] = _honoured(
    "become_user",
    filled,
    "",
    "root",
    "lower than the inventory's ansible_become_user",
    gives_way_to=("ansible_become_user",),
)
BECOME_METHOD: PlayKey[str] = _honoured("become_method", one_of("sudo"), "sudo", "sudo", "only sudo")
GATHER_FACTS: PlayKey[bool] = _honoured(
    "gather_facts", flag, False, "false", "accepted; what is needed is always looked up"
)

# ── The services ─────────────────────────────────────────────────────────────────────────────────────────

COMPOSE: PlayKey[str] = _honoured(
    "compose", compose_file, "", "files/monitoring.yaml", "a Compose file, relative to the playbook"
)
SERVICES: PlayKey[Any] = _honoured(
    "services", anything, None, "{cache: {image: redis:7}}", "Compose services", stage=Stage.AS_WRITTEN
)
_section("networks", "{default: {driver_opts: {com.docker.network.driver.mtu: '1400'}}}")
_section("volumes", "{cache: {}}")
_section(
    "configs",
    "{settings: {content: \"{{ {'greeting': greeting, 'host': inventory_hostname} | to_nice_json }}\"}}",
)
_section("secrets", "{password: {environment: SHOP_PASSWORD}}")
INGRESS: PlayKey[EdgeSettings] = _honoured(
    "ingress",
    edge_settings,
    EdgeSettings(),
    "{drain: 15m, mesh_ports: 15080-15179}",
    "the proxies behind ports in mode ingress",
    keys=EDGE,
)

# ── Ansible's other keys ─────────────────────────────────────────────────────────────────────────────────

_refused(
    "collections debugger force_handlers handlers module_defaults no_log post_tasks pre_tasks roles run_once "
    "tasks throttle when",
    "a play here runs containers, not tasks",
    "keep tasks in a playbook of their own and run that with ansible-playbook",
)
_refused("check_mode diff", "the command line decides it for the whole run", "give --check or --diff")
_refused(
    "fact_path gather_subset gather_timeout",
    "what is needed is always looked up, in one go",
    "leave it out",
)
_refused("become_exe become_flags", "become is sudo, as root needs it", "leave it out")
_refused(
    "ignore_errors",
    "a failure is always reported",
    "write update_config: {failure_action: continue} to go on after one",
)
_refused("ignore_unreachable", "a host that is unreachable is always reported", "leave it out")
_refused("order", "hosts are taken in the order of the pattern", "name them in that order in 'hosts'")
_refused("timeout", "each step has a deadline of its own", "give --timeout")
_refused("import_playbook", "a playbook names only its own plays", "give both playbooks on the command line")
_refused("strategy", "update_config and serial decide the order", "leave it out")
_refused("vars_prompt", "a run asks nothing, so that it is the same in CI", "pass the variable with -e")
