"""Every key of a play: what it means here, or why it is refused."""

from __future__ import annotations

from collections.abc import Mapping

from deploytool.load.compose.keys import Key, State
from deploytool.load.text.problems import Problems, near_key
from deploytool.load.text.yaml_file import Map

SECTIONS = ("networks", "volumes", "configs", "secrets")

_CONTAINERS = "a play here runs containers, not tasks"
_USE_ANSIBLE = "keep tasks in a playbook of their own and run that with ansible-playbook"
_TASKS_ONLY = """
    collections debugger force_handlers handlers module_defaults no_log post_tasks pre_tasks roles run_once
    tasks throttle when
"""


def _key(note: str) -> Key:
    return Key(State.HONOURED, note=note)


def _refused(note: str, hint: str = "") -> Key:
    return Key(State.REFUSED, note=note, hint=hint)


KEYS: Mapping[str, Key] = {
    "any_errors_fatal": _key("true: the first failure on any host ends the play"),
    "become": _key("lower than the inventory's ansible_become"),
    "become_method": _key("only sudo"),
    "become_user": _key("lower than the inventory's ansible_become_user"),
    "compose": _key("a Compose file, relative to the playbook"),
    "configs": _key("as at the top level of a Compose file"),
    "connection": _key("ssh or local; lower than the inventory's ansible_connection"),
    "environment": _key("what ${VAR} means in the Compose file and in services"),
    "gather_facts": _key("accepted; what is needed is always looked up"),
    "hosts": _key("a host pattern, or a list of them"),
    "ingress": _key("the proxies behind ports in mode ingress: image, drain, mesh_ports, mtls"),
    "max_fail_percentage": _key("hosts of a batch that may fail before the play ends"),
    "name": _key("shown in the plan; the default of project"),
    "networks": _key("as at the top level of a Compose file"),
    "port": _key("lower than the inventory's ansible_port"),
    "project": _key("the Compose project name; default: the name in lower case"),
    "remote_user": _key("lower than the inventory's ansible_user"),
    "reschedule_after": _key("for `watch`: replicas of a host that was silent for so long start elsewhere"),
    "secrets": _key("as at the top level of a Compose file"),
    "serial": _key("hosts changed at a time: a number, a percentage, or a list of them"),
    "services": _key("Compose services"),
    "tags": _key("for --tags and --skip-tags"),
    "vars": _key("variables of the play"),
    "vars_files": _key("files of variables; of a list within the list the first that exists"),
    "volumes": _key("as at the top level of a Compose file"),
    **dict.fromkeys(
        ("check_mode", "diff"),
        _refused("the command line decides it for the whole run", "give --check or --diff"),
    ),
    **dict.fromkeys(
        ("fact_path", "gather_subset", "gather_timeout"),
        _refused("what is needed is always looked up, in one go", "leave it out"),
    ),
    **dict.fromkeys(
        ("become_exe", "become_flags"), _refused("become is sudo, as root needs it", "leave it out")
    ),
    **dict.fromkeys(_TASKS_ONLY.split(), _refused(_CONTAINERS, _USE_ANSIBLE)),
    "ignore_errors": _refused(
        "a failure is always reported", "write update_config: {failure_action: continue} to go on after one"
    ),
    "order": _refused("hosts are taken in the order of the pattern", "name them in that order in 'hosts'"),
    "timeout": _refused("each step has a deadline of its own", "give --timeout"),
    "import_playbook": _refused(
        "a playbook names only its own plays", "give both playbooks on the command line"
    ),
    "ignore_unreachable": _refused("a host that is unreachable is always reported", "leave it out"),
    "strategy": _refused("update_config and serial decide the order", "leave it out"),
    "vars_prompt": _refused("a run asks nothing, so that it is the same in CI", "pass the variable with -e"),
}


def check_play(play: Map, problems: Problems) -> None:
    """Unknown and refused keys, and what is missing from every play."""
    for key in play:
        known = KEYS.get(key)
        if known is None and not key.startswith("x-"):
            problems.add(play.key_place(key), f"unknown key '{key}' in a play", near_key(key, KEYS))
        elif known and known.state is State.REFUSED:
            problems.add(play.key_place(key), f"'{key}' is not supported: {known.note}", known.hint)
    if "import_playbook" in play:
        return
    if play.get("hosts") is None:
        problems.add(play.place, "the play has no 'hosts'", "write hosts: all, or a group")
    _check_source(play, problems)


def _check_source(play: Map, problems: Problems) -> None:
    given = [key for key in ("compose", "services") if play.get(key) is not None]
    if not given:
        problems.add(play.place, "the play has neither 'compose' nor 'services'", "write one of the two")
    if len(given) == 2:
        problems.add(
            play.key_place("compose"), "the play has both 'compose' and 'services'", "keep one of the two"
        )
    for section in SECTIONS:
        if given == ["compose"] and section in play:
            hint = "move it into the Compose file"
            problems.add(play.key_place(section), f"'{section}' stands beside 'compose'", hint)
