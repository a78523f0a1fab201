"""The table of the keys of a play. The loader, the docs and the check of the annotated example read it.

A row has the key, its validator, its default, an example, and a sentence for the docs; or, for a key that is
refused, the reason and a way out. A new key takes its row and the code that asks for its value, as
``settings[SERIAL]``.
"""

from __future__ import annotations

from collections.abc import Set

from deploytool.load.compose.ingress_keys import PLAY_INGRESS, proxy_settings
from deploytool.load.compose.validators import anything, count, flag, non_empty, one_of, text
from deploytool.load.playbook.play_keys import PlayKey, PlayKeyTable, Stage
from deploytool.load.playbook.play_validators import (
    ORDERS,
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
from deploytool.load.text.located import Variables
from deploytool.model.ingress import ProxySettings

PLAY_KEYS = PlayKeyTable()
_honoured, _refused = PLAY_KEYS.honoured, PLAY_KEYS.refused


def _section(name: str, example: str) -> None:
    """A section of a Compose file beside ``services``: read with them, so no code asks for its value."""
    _honoured(
        name,
        anything,
        default=None,
        example=example,
        note="as at the top level of a Compose file",
        stage=Stage.AS_WRITTEN,
    )


# ── The project and its hosts ────────────────────────────────────────────────────────────────────────────

NAME: PlayKey[str] = _honoured(
    "name", text, default="", example="Shop", note="shown in the plan; the default of `project`"
)
HOSTS: PlayKey[str] = _honoured(
    "hosts",
    host_pattern,
    default="",
    example="web:!web4.example.com",
    note="a host pattern, or a list of them",
    stage=Stage.HOSTS,
    required="write hosts: all, or a group",
)
PROJECT: PlayKey[str] = _honoured(
    "project",
    non_empty,
    default="",
    example="shop",
    note="the Compose project name; default: the name in lower case",
)
TAGS: PlayKey[Set[str]] = _honoured(
    "tags",
    tag_words,
    default=frozenset(),
    example="[shop, frontend]",
    note="for --tags and --skip-tags",
    stage=Stage.SELECTION,
)

# ── Variables ────────────────────────────────────────────────────────────────────────────────────────────

VARS: PlayKey[Variables] = _honoured(
    "vars",
    mapping_of_variables,
    default={},
    example='{tag: "1.4.2"}',
    note="variables of the play",
    stage=Stage.AS_WRITTEN,
)
VARS_FILES: PlayKey[tuple[VarsFileEntry, ...]] = _honoured(
    "vars_files",
    vars_files,
    default=(),
    example="[files/shop-vars.yaml]",
    note="files of variables; of a list within the list the first that exists",
    stage=Stage.VARS_FILES,
)
ENVIRONMENT: PlayKey[dict[str, str]] = _honoured(
    "environment",
    environment,
    default={},
    example="{REGISTRY: registry.example.com}",
    note="what ${VAR} means in the Compose file and in services",
    stage=Stage.ENVIRONMENT,
)

# ── Pace, and what a failure means ───────────────────────────────────────────────────────────────────────

SERIAL: PlayKey[tuple[str, ...]] = _honoured(
    "serial",
    batches,
    default=(),
    example='[1, "50%"]',
    note="hosts changed at a time: a number, a percentage, or a list of them",
)
ORDER: PlayKey[str] = _honoured(
    "order",
    one_of(*ORDERS),
    default="inventory",
    example="sorted",
    note=f"the hosts' order, by which `serial` takes them: {', '.join(ORDERS)}",
)
MAX_FAIL_PERCENTAGE: PlayKey[float | None] = _honoured(
    "max_fail_percentage",
    percentage,
    default=None,
    example="25",
    note="hosts of a batch that may fail before the play ends",
)
ANY_ERRORS_FATAL: PlayKey[bool] = _honoured(
    "any_errors_fatal",
    flag,
    default=False,
    example="false",
    note="true: the first failure on any host ends the play",
)
RESCHEDULE_AFTER: PlayKey[float | None] = _honoured(
    "reschedule_after",
    seconds,
    default=None,
    example="2m",
    note="for `watch`: replicas of a host that was silent for so long start elsewhere",
)

# ── The login, where the inventory does not say ──────────────────────────────────────────────────────────

_honoured(
    "remote_user",
    non_empty,
    default="",
    example="deploy",
    note="lower than the inventory's ansible_user",
    gives_way_to=("ansible_user", "ansible_ssh_user"),
)
_honoured(
    "port",
    count,
    default=None,
    example="22",
    note="lower than the inventory's ansible_port",
    gives_way_to=("ansible_port", "ansible_ssh_port"),
)
_honoured(
    "connection",
    non_empty,
    default="",
    example="ssh",
    note="ssh or local; lower than the inventory's ansible_connection",
    gives_way_to=("ansible_connection",),
)
_honoured(
    "become",
    flag,
    default=None,
    example="true",
    note="lower than the inventory's ansible_become",
    gives_way_to=("ansible_become",),
)
_honoured(
    "become_user",
    non_empty,
    default="",
    example="root",
    note="lower than the inventory's ansible_become_user",
    gives_way_to=("ansible_become_user",),
)
_honoured("become_method", one_of("sudo"), default="sudo", example="sudo", note="only sudo")
_honoured(
    "gather_facts", flag, default=False, example="false", note="accepted; what is needed is always looked up"
)

# ── The services ─────────────────────────────────────────────────────────────────────────────────────────

COMPOSE: PlayKey[str] = _honoured(
    "compose",
    compose_file,
    default="",
    example="files/monitoring.yaml",
    note="a Compose file, relative to the playbook",
)
_honoured(
    "services",
    anything,
    default=None,
    example="{cache: {image: redis:7}}",
    note="Compose services",
    stage=Stage.AS_WRITTEN,
)
_section("networks", "{default: {driver_opts: {com.docker.network.driver.mtu: '1400'}}}")
_section("volumes", "{cache: {}}")
_section(
    "configs",
    "{settings: {content: \"{{ {'greeting': greeting, 'host': inventory_hostname} | to_nice_json }}\"}}",
)
_section("secrets", "{password: {environment: SHOP_PASSWORD}}")
INGRESS: PlayKey[ProxySettings] = _honoured(
    "ingress",
    proxy_settings,
    default=ProxySettings(),
    example="{drain: 15m, mesh_ports: 15080-15179}",
    note="the proxies behind ports in mode ingress",
    keys=PLAY_INGRESS,
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
_refused("timeout", "each step has a deadline of its own", "give --timeout")
_refused("import_playbook", "a playbook names only its own plays", "give both playbooks on the command line")
_refused("strategy", "update_config and serial decide the order", "leave it out")
_refused("vars_prompt", "a run asks nothing, so that it is the same in CI", "pass the variable with -e")
