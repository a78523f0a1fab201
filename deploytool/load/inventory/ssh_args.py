"""The arguments of ``ansible_ssh_args`` and its kin → options by name, as ``ssh`` itself takes them.

Every flag becomes the OpenSSH option that it stands for, so that one list of supported options is enough.
That list belongs to the transport and is not known here.
"""

from __future__ import annotations

import getopt
import re
import shlex

IDENTITY_FILE = "identityfile"
CONFIG_FILE = "configfile"

Option = tuple[str, str]

_SWITCHES = {
    "4": ("addressfamily", "inet"),
    "6": ("addressfamily", "inet6"),
    "A": ("forwardagent", "yes"),
    "C": ("compression", "yes"),
    "K": ("gssapiauthentication", "yes"),
    "M": ("controlmaster", "yes"),
    "N": ("sessiontype", "none"),
    "T": ("requesttty", "no"),
    "X": ("forwardx11", "yes"),
    "Y": ("forwardx11trusted", "yes"),
    "a": ("forwardagent", "no"),
    "f": ("forkafterauthentication", "yes"),
    "g": ("gatewayports", "yes"),
    "k": ("gssapidelegatecredentials", "no"),
    "n": ("stdinnull", "yes"),
    "q": ("loglevel", "quiet"),
    "s": ("sessiontype", "subsystem"),
    "t": ("requesttty", "yes"),
    "v": ("loglevel", "debug"),
    "x": ("forwardx11", "no"),
}
_WITH_VALUE = {
    "B": "bindinterface",
    "D": "dynamicforward",
    "F": CONFIG_FILE,
    "I": "pkcs11provider",
    "J": "proxyjump",
    "L": "localforward",
    "R": "remoteforward",
    "S": "controlpath",
    "b": "bindaddress",
    "c": "ciphers",
    "e": "escapechar",
    "i": IDENTITY_FILE,
    "l": "user",
    "m": "macs",
    "p": "port",
    "w": "tunneldevice",
}
_FLAGS = "".join(_SWITCHES) + "".join(f"{letter}:" for letter in (*_WITH_VALUE, "o"))
_ASSIGNMENT = re.compile(r"(\w+)(?:\s*=\s*|\s+)(.+)", re.DOTALL)


def parse_ssh_args(text: str) -> list[Option]:
    """The options in the order given, keys in lower case; ``-F`` is ``configfile``.

    Raises:
        ValueError: a sentence: not words as a shell splits them, or a flag that ssh does not have.
    """
    try:
        flags, rest = getopt.getopt(shlex.split(text), _FLAGS)
    except getopt.GetoptError as error:
        raise ValueError(f"has '-{error.opt}': {error.msg.replace('option ', '')}") from None
    except ValueError as error:
        raise ValueError(f"cannot be split into words: {str(error).lower()}") from None
    if rest:
        raise ValueError(f"has '{rest[0]}', which is no option")
    return [_option(flag[1], value) for flag, value in flags]


def _option(letter: str, value: str) -> Option:
    if letter in _SWITCHES:
        return _SWITCHES[letter]
    if letter != "o":
        return _WITH_VALUE[letter], value
    match = _ASSIGNMENT.fullmatch(value.strip())
    if not match:
        raise ValueError(f"has '-o {value}', which is not Key=Value")
    key, setting = match[1].lower(), match[2]
    quoted = (
        len(setting) > 1 and setting[0] == setting[-1] == '"' and key not in ("proxycommand", "remotecommand")
    )
    return key, setting[1:-1] if quoted else setting
