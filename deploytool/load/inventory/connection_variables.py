"""The connection variables of a host → ``Connection``. Ansible's names, older spellings included.

Where ssh is told something twice, the first wins: ``ansible_ssh_args``, then the variables, then
``ansible_ssh_common_args``, then ``ansible_ssh_extra_args``. Identity files add up.

Source: the ``ssh`` connection plugin and the ``sudo`` become plugin of ansible-core 2.19.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from deploytool.load.inventory.ssh_args import CONFIG_FILE, IDENTITY_FILE, Option, parse_ssh_args
from deploytool.load.inventory.typed_vars import TypedVars
from deploytool.load.text.located import Raw
from deploytool.model.inventory import Become, Connection, ConnectionKind
from deploytool.model.secret import Secret

OptionCheck = Callable[[Iterable[Option]], Iterable[tuple[str, str, str]]]

HOST = ("ansible_ssh_host", "ansible_host")
PORT = ("ansible_ssh_port", "ansible_port")
USER = ("ansible_ssh_user", "ansible_user")
PASSWORD = ("ansible_ssh_password", "ansible_ssh_pass", "ansible_password")
KEY_FILE = ("ansible_ssh_private_key_file", "ansible_private_key_file")
BECOME_USER = ("ansible_sudo_user", "ansible_become_user")
BECOME_PASSWORD = ("ansible_sudo_pass", "ansible_become_pass", "ansible_become_password")
KEY_CHECKING = ("ansible_ssh_host_key_checking", "ansible_host_key_checking")
TIMEOUT = ("ansible_ssh_timeout", "ansible_timeout")

_KINDS = {
    **dict.fromkeys(("ssh", "smart", "paramiko", "paramiko_ssh"), ConnectionKind.SSH),
    "local": ConnectionKind.LOCAL,
}
_NO_KEY_TEXT = "write the key to a file and name it in ansible_ssh_private_key_file"


def connection_of(host_name: str, typed_vars: TypedVars, unsupported: OptionCheck) -> Connection:
    """The connection of a host. Problems are added to those of ``typed_vars``."""
    _refuse_key_text(typed_vars)
    options = _options(typed_vars, unsupported)
    first: dict[str, str] = {}
    for key, value in options:
        first.setdefault(key, value)
    return Connection(
        address=typed_vars.text(*HOST) or host_name,
        kind=typed_vars.parsed(_kind, "ansible_connection", hint="the connections are ssh and local")
        or ConnectionKind.SSH,
        port=_checked_port(typed_vars, first.get("port")),
        user=first.get("user"),
        key_files=tuple(_home(value) for key, value in options if key == IDENTITY_FILE),
        password=_secret(typed_vars, *PASSWORD),
        become=_become(typed_vars),
        options=tuple(
            option for option in options if option[0] not in ("port", "user", IDENTITY_FILE, CONFIG_FILE)
        ),
        config_file=_home(first[CONFIG_FILE]) if CONFIG_FILE in first else None,
    )


def _options(typed_vars: TypedVars, unsupported: OptionCheck) -> list[Option]:
    """All SSH options of the variables, by precedence: the first of a name wins."""
    parts = [
        _args(typed_vars, "ansible_ssh_args"),
        _variables(typed_vars),
        _args(typed_vars, "ansible_ssh_common_args"),
        _args(typed_vars, "ansible_ssh_extra_args"),
    ]
    for name, options in parts:
        for _, message, hint in unsupported(option for option in options if option[0] != CONFIG_FILE):
            typed_vars.problems.add(typed_vars.place(name), message, hint)
    return [option for _, options in parts for option in options]


def _args(typed_vars: TypedVars, name: str) -> tuple[str, list[Option]]:
    hint = "write options as ssh takes them: -o Key=Value, -J, -i, -p, -F"
    return name, typed_vars.parsed(lambda value: parse_ssh_args(str(value)), name, hint=hint) or []


def _variables(typed_vars: TypedVars) -> tuple[str, list[Option]]:
    """The variables that are short for an option, and the name of the one that may have no meaning here."""
    key_checking = typed_vars.flag(*KEY_CHECKING)
    texts = {
        "stricthostkeychecking": "no" if key_checking is False else None,
        "port": typed_vars.text(*PORT),
        IDENTITY_FILE: typed_vars.text(*KEY_FILE),
        "user": typed_vars.text(*USER),
        "connecttimeout": typed_vars.parsed(_seconds, *TIMEOUT, hint="give seconds"),
    }
    return typed_vars.value(*KEY_CHECKING)[0], [
        (key, text) for key, text in texts.items() if text is not None
    ]


def _kind(value: Raw) -> ConnectionKind:
    name = str(value).removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
    if name not in _KINDS:
        raise ValueError(f"is '{value}', a connection that deploytool does not have")
    return _KINDS[name]


def _seconds(value: Raw) -> str:
    if not str(value).isdecimal() or int(value) < 1:
        raise ValueError(f"is {value!r:.40}, not a number of seconds")
    return str(int(value))


def _checked_port(typed_vars: TypedVars, text: str | None) -> int | None:
    if text is None:
        return None
    if text.isdecimal() and 0 < int(text[:9]) < 65536:
        return int(text)
    name = next((name for name in (typed_vars.value(*PORT)[0], "ansible_ssh_args") if name), "")
    typed_vars.wrong(name, f"asks for the port '{text}'", "a port is a number from 1 to 65535")
    return None


def _refuse_key_text(typed_vars: TypedVars) -> None:
    name, _ = typed_vars.value("ansible_ssh_private_key", "ansible_private_key")
    if name:
        typed_vars.wrong(name, "is not supported", _NO_KEY_TEXT)


def _become(typed_vars: TypedVars) -> Become | None:
    if not typed_vars.flag("ansible_become"):
        return None
    method = typed_vars.text("ansible_become_method")
    if method not in (None, "sudo", "ansible.builtin.sudo"):
        typed_vars.wrong(
            "ansible_become_method", f"is '{method}'", "only sudo can be used to become another user"
        )
    return Become(typed_vars.text(*BECOME_USER) or "root", _secret(typed_vars, *BECOME_PASSWORD))


def _secret(typed_vars: TypedVars, *names: str) -> Secret | None:
    name, value = typed_vars.value(*names)
    if name and isinstance(value, (list, dict, bool)):
        typed_vars.wrong(name, "is not a string")
    return Secret(str(value)) if name else None


def _home(path: str) -> str:
    return str(Path(path).expanduser()) if path.startswith("~") else path
