"""The OpenSSH options that are supported. Pure: nothing is read, nothing is connected.

An option is honoured, or harmless (leaving it out changes nothing for the user; each has its reason), or an
error that names it. None is ignored silently.

Source: ssh_config(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

HONOURED = frozenset(
    {
        "addressfamily",
        "batchmode",
        "bindaddress",
        "canonicaldomains",
        "canonicalizefallbacklocal",
        "canonicalizehostname",
        "canonicalizemaxdots",
        "certificatefile",
        "challengeresponseauthentication",
        "ciphers",
        "compression",
        "connectionattempts",
        "connecttimeout",
        "forwardagent",
        "globalknownhostsfile",
        "hashknownhosts",
        "hostkeyalgorithms",
        "hostkeyalias",
        "hostname",
        "identitiesonly",
        "identityagent",
        "identityfile",
        "ignoreunknown",
        "kbdinteractiveauthentication",
        "kexalgorithms",
        "macs",
        "passwordauthentication",
        "port",
        "preferredauthentications",
        "proxycommand",
        "proxyjump",
        "pubkeyacceptedalgorithms",
        "pubkeyacceptedkeytypes",
        "pubkeyauthentication",
        "serveralivecountmax",
        "serveraliveinterval",
        "stricthostkeychecking",
        "user",
        "userknownhostsfile",
    }
)

_ANY = ".*"
_NO = "no|false"
_NONE = "none|no"

# reason → option → the values that are harmless, as a regular expression over the whole value
_HARMLESS_BY_REASON = {
    "one connection per host is kept anyway, and for later runs with --keep-connections": {
        "controlmaster": _ANY,
        "controlpath": _ANY,
        "controlpersist": _ANY,
    },
    "it is about what ssh itself prints or asks": {
        "enableescapecommandline": _ANY,
        "escapechar": _ANY,
        "fingerprinthash": _ANY,
        "loglevel": _ANY,
        "logverbose": _ANY,
        "numberofpasswordprompts": _ANY,
        "syslogfacility": _ANY,
        "visualhostkey": _ANY,
        "warnweakcrypto": _ANY,
    },
    "commands run here without terminal, display and forwarded ports": {
        "clearallforwardings": _ANY,
        "dynamicforward": _ANY,
        "exitonforwardfailure": _ANY,
        "forwardx11": _ANY,
        "forwardx11timeout": _ANY,
        "forwardx11trusted": _ANY,
        "gatewayports": _ANY,
        "localforward": _ANY,
        "obscurekeystroketiming": _ANY,
        "permitremoteopen": _ANY,
        "remoteforward": _ANY,
        "requesttty": "no|auto",
        "streamlocalbindmask": _ANY,
        "streamlocalbindunlink": _ANY,
        "tunnel": _NO,
        "tunneldevice": _ANY,
        "xauthlocation": _ANY,
    },
    "the commands that run here do not depend on the locale or the kind of terminal": {
        "sendenv": _ANY,
        "setenv": r"(\s*\"?(TERM|COLORTERM|LANG|LC_\w+)=[^\s\"]*\"?)+",
    },
    "it is a further way to log in; where login fails, the ways that were tried are listed": {
        "enablesshkeysign": _ANY,
        "gssapiauthentication": _ANY,
        "gssapidelegatecredentials": _ANY,
        "hostbasedacceptedalgorithms": _ANY,
        "hostbasedauthentication": _ANY,
        "pkcs11provider": _ANY,
        "securitykeyprovider": _ANY,
    },
    "keys are only read here": {
        "addkeystoagent": _ANY,
        "updatehostkeys": _ANY,
        "usekeychain": _ANY,
    },
    "the known_hosts files alone decide here, which is stricter": {
        "verifyhostkeydns": _ANY,
    },
    "it tunes the transport of bytes": {
        "ipqos": _ANY,
        "rekeylimit": _ANY,
        "tcpkeepalive": _ANY,
    },
    "it is the default": {
        "canonicalizepermittedcnames": _NONE,
        "channeltimeout": _NONE,
        "checkhostip": _NO,
        "forkafterauthentication": _NO,
        "knownhostscommand": _NONE,
        "localcommand": _ANY,
        "nohostauthenticationforlocalhost": _NO,
        "permitlocalcommand": _NO,
        "proxyusefdpass": _NO,
        "remotecommand": _NONE,
        "revokedhostkeys": _NONE,
        "sessiontype": "default",
        "stdinnull": _NO,
    },
}

HARMLESS = {
    option: (values, reason)
    for reason, options in _HARMLESS_BY_REASON.items()
    for option, values in options.items()
}

_STRICT = re.compile("yes|true|ask|accept-new", re.IGNORECASE)


class Unsupported(NamedTuple):
    """An option that is not supported: its name, a sentence for the user, and a hint."""

    option: str
    message: str
    hint: str


def unsupported_options(options: Iterable[tuple[str, str]]) -> tuple[Unsupported, ...]:
    """The options among ``(key, value)`` pairs that are neither honoured nor harmless, in the order given."""
    return tuple(found for option, value in options if (found := _unsupported(option.lower(), value)))


def _unsupported(option: str, value: str) -> Unsupported | None:
    if option == "stricthostkeychecking" and not _STRICT.fullmatch(value):
        return Unsupported(
            option,
            f"StrictHostKeyChecking={value} is not supported: host keys are always checked",
            "use StrictHostKeyChecking=accept-new to trust a host on first contact",
        )
    values, _ = HARMLESS.get(option, ("", ""))
    if option in HONOURED or (values and re.fullmatch(values, value, re.IGNORECASE | re.DOTALL)):
        return None
    return Unsupported(
        option,
        f"the SSH option '{option}={value}' has no meaning here",
        "remove it for this host; options that are never used can stay under IgnoreUnknown",
    )
