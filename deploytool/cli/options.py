"""The options that several commands share, spelled as Ansible spells them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from deploytool.cli.command import WholeText, purpose
from deploytool.cli.progress import KINDS

F = TypeVar("F", bound=Callable[..., Any])

ALLOWING = "What is allowed"

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


def duration(text: str) -> float:
    """``30``, ``90s``, ``5m``, ``1h30m`` → seconds.

    Raises:
        ValueError: it is none.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", str(text))
    if not parts or "".join(map("".join, parts)) != str(text):
        raise ValueError(f"'{text}' is not a duration; write 30s, 5m or 1h30m")
    return float(sum(float(number) * _UNITS[unit] for number, unit in parts))


def files(function: F) -> F:
    """What to read: the inventory, the playbooks, and what is laid over them."""
    return _files(_PLAYBOOKS)(function)


def files_or_plan(function: F) -> F:
    """The same, where a saved plan may stand for the inventory and the playbooks."""
    plan_file = click.option(
        "--plan",
        "plan_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Do exactly what this plan of 'plan --out' says, or refuse. It knows INVENTORY and PLAYBOOK.",
    )
    return plan_file(_files(_PLAYBOOKS, required=False)(function))


def files_and(words: str) -> Callable[[F], F]:
    """The same for a command that takes other words behind the playbooks; ``across.words_of`` parts them."""
    return _files(click.argument("words", metavar=f"[PLAYBOOK]... {words}", nargs=-1))


def long_only(options: Callable[[F], F], *short: str) -> Callable[[F], F]:
    """Options of which ``short`` names are left to the command's own, as in the tools that it follows."""

    def decorate(function: F) -> F:
        others = list(getattr(function, "__click_params__", []))
        decorated = options(function)
        for parameter in getattr(decorated, "__click_params__", []):
            if parameter not in others:
                parameter.opts = [name for name in parameter.opts if name not in short]
        return decorated

    return decorate


_PLAYBOOKS = click.argument("playbooks", metavar="[PLAYBOOK]...", nargs=-1, type=click.Path(path_type=Path))


def _files(others: Callable[[F], F], *, required: bool = True) -> Callable[[F], F]:
    return purpose(
        "What to read",
        click.argument("inventory", metavar="INVENTORY", required=required),
        others,
        click.option(
            "-e",
            "--extra-vars",
            multiple=True,
            type=WholeText(),
            metavar="VARS",
            help="k=v, a JSON or YAML mapping, or @FILE.",
        ),
        click.option(
            "-t", "--tags", multiple=True, metavar="TAGS", help="Only plays with one of these tags."
        ),
        click.option(
            "--skip-tags", multiple=True, metavar="TAGS", help="Not the plays with one of these tags."
        ),
        click.option(
            "--vault-password-file",
            "vault_password_files",
            multiple=True,
            envvar="DEPLOYTOOL_VAULT_PASSWORD_FILE",
            type=click.Path(path_type=Path),
            help="A file with the vault password, or a program that prints it.",
        ),
        click.option("-v", "--verbose", count=True, help="Say more; -vv even more."),
    )


def reaching(function: F) -> F:
    """How hosts are reached, and which may change."""
    return _reaching("Change only the hosts that the pattern selects.", _KEEPING)(function)


def holding(function: F) -> F:
    """The same for a command that holds its connections itself for as long as it runs."""
    return _reaching("Change only the hosts that the pattern selects.")(function)


def looking(function: F) -> F:
    """How hosts are reached, and which are looked at."""
    return _reaching("Only the hosts that the pattern selects.", _KEEPING)(function)


_KEEPING: Callable[[Any], Any] = click.option(
    "--keep-connections",
    type=duration,
    default="0",
    help="Have OpenSSH keep connections for later runs, for so long after their last use.",
)


def _reaching(limit: str, *more: Callable[[Any], Any]) -> Callable[[F], F]:
    return purpose(
        "Reaching hosts",
        click.option("-l", "--limit", metavar="PATTERN", help=limit),
        click.option(
            "-f",
            "--forks",
            type=click.IntRange(1),
            default=50,
            show_default=True,
            help="Hosts at the same time.",
        ),
        click.option(
            "--connect-timeout", type=duration, default="10s", show_default=True, help="For reaching a host."
        ),
        click.option(
            "--accept-new-host-keys", is_flag=True, help="Trust hosts that known_hosts does not name yet."
        ),
        *more,
    )


def of_services(function: F) -> F:
    """Which services a command is about; all of them without it."""
    option = click.option(
        "-s", "--service", "services", multiple=True, metavar="SERVICE", help="Only these services."
    )
    return option(function)


def policies(function: F) -> F:
    """What one run is allowed, and what a guard may let pass."""
    unreachable = click.option(
        "--reschedule-unreachable",
        is_flag=True,
        help="Start the replicas of hosts that do not answer elsewhere.",
    )
    return purpose("What is allowed", unreachable)(allowing(function))


def allowing(function: F) -> F:
    """As ``policies``, without what a watcher decides by itself."""
    return purpose(
        ALLOWING,
        click.option(
            "--timeout", type=duration, help="For a replica to become ready; default: from its healthcheck."
        ),
        click.option(
            "--move-volumes",
            multiple=True,
            metavar="SERVICE",
            help="Let a service leave its named volumes behind.",
        ),
        click.option("--adopt", is_flag=True, help="Replace containers of the project that others started."),
        click.option("--take-over", is_flag=True, help="Take the project from another play."),
        click.option(
            "--allow-vanished", is_flag=True, help="Stop what vanished from the files, however much."
        ),
        click.option(
            "--allow-partial", is_flag=True, help="Start although hosts that may run it do not answer."
        ),
    )(function)


def showing(function: F) -> F:
    """What is printed, and what the exit code says."""
    return purpose(
        "What is shown",
        click.option(
            "-o",
            "--output",
            type=click.Choice(["text", "json", "jsonl", "markdown"]),
            default="text",
            show_default=True,
            help="What to print.",
        ),
        click.option(
            "-D",
            "--diff",
            is_flag=True,
            help="Show what changes in each host's compose.yaml; secrets masked.",
        ),
        click.option(
            "--progress",
            type=click.Choice(KINDS),
            default="auto",
            show_default=True,
            help="How progress is shown on stderr; auto: as the terminal or the CI system can take it.",
        ),
        click.option(
            "--junit",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Also write a JUnit report: a test case for each service on each host.",
        ),
        click.option(
            "--summary",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Also append the outcome as Markdown to this file; on GitHub, to the job's summary.",
        ),
        click.option("--detailed-exitcode", is_flag=True, help="Exit with 10 where changes are pending."),
    )(function)


def carrying_out(function: F) -> F:
    """Whether and when a plan is carried out."""
    return purpose(
        "Carrying it out",
        click.option("-C", "--check", "--dry-run", is_flag=True, help="Only show what would change."),
        click.option("-y", "--yes", is_flag=True, help="Do not ask before replicas are stopped or replaced."),
        click.option(
            "--lock-wait",
            type=duration,
            default="0",
            help="For another run; default: no waiting.",
        ),
        click.option(
            "--keep-releases",
            type=click.IntRange(1),
            metavar="N",
            default=10,
            show_default=True,
            help="How many releases the hosts remember.",
        ),
        click.option(
            "--prune-images",
            is_flag=True,
            help="Remove the projects' images that no release needs.",
        ),
    )(function)
