"""The options that several commands share, spelled as Ansible spells them: a frozen class for each group.

A command's options are such a class, too: its fields are groups and options of its own. A field that is
annotated with a Click parameter is on the command line under the field's name and with the field's default;
one that is not has its default for every run. ``cli.command`` makes the objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

import click

from deploytool.report.registry import REPORTERS, RUN_FORMATS

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
_PLAYBOOKS = (".yaml", ".yml")


def duration(text: str) -> float:
    """``30``, ``90s``, ``5m``, ``1h30m`` → seconds.

    Raises:
        ValueError: it is none.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", str(text))
    if not parts or "".join(map("".join, parts)) != str(text):
        raise ValueError(f"'{text}' is not a duration; write 30s, 5m or 1h30m")
    return float(sum(float(number) * _UNITS[unit] for number, unit in parts))


class WholeText(click.types.StringParamType):
    """A text that is one value also in the environment, where Click would split it at its spaces."""

    name = "text"

    def split_envvar_value(self, rv: str) -> list[str]:
        return [rv]


def flag(*names: str, help: str) -> click.Option:
    """An option without a value: it is set or not."""
    return click.Option(names, is_flag=True, help=help)


def tags_option(*names: str) -> click.Option:
    """``--tags``, for the commands that use ``-t`` for it and those that use ``-t`` for something else."""
    return click.Option(names, multiple=True, metavar="TAGS", help="Only plays with one of these tags.")


def forks_option(*names: str) -> click.Option:
    """``--forks``, for the commands that use ``-f`` for it and those that use ``-f`` for something else."""
    return click.Option(names, type=click.IntRange(1), show_default=True, help="Hosts at the same time.")


def format_option(formats: Iterable[str], *, show_default: bool = False) -> click.Option:
    """``--output`` of a command that prints one of ``formats``."""
    names = ("-o", "--output")
    return click.Option(
        names, type=click.Choice(list(formats)), show_default=show_default, help="What to print."
    )


def vault_password_option() -> click.Option:
    """``--vault-password-file``; its variable has always had this name, whatever the command."""
    return click.Option(
        ["--vault-password-file"],
        multiple=True,
        envvar="DEPLOYTOOL_VAULT_PASSWORD_FILE",
        type=click.Path(path_type=Path),
        help="A file with the vault password, or a program that prints it.",
    )


def output_file(*names: str, help: str, metavar: str = "FILE") -> click.Option:
    """An option that names a file to write."""
    return click.Option(names, type=click.Path(path_type=Path, dir_okay=False), metavar=metavar, help=help)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """The inventory, the playbooks, and what is laid over them. ``inventory`` None: a saved plan names it."""

    heading: ClassVar[str] = "What to read"

    inventory: Annotated[str | None, click.Argument(["inventory"], metavar="INVENTORY", required=True)]
    playbooks: Annotated[
        tuple[Path, ...],
        click.Argument(
            ["playbooks"], metavar="[PLAYBOOK]...", nargs=-1, required=False, type=click.Path(path_type=Path)
        ),
    ] = ()
    extra_vars: Annotated[
        tuple[str, ...],
        click.Option(
            ["-e", "--extra-vars"],
            multiple=True,
            type=WholeText(),
            metavar="VARS",
            help="k=v, a JSON or YAML mapping, or @FILE.",
        ),
    ] = ()
    tags: Annotated[tuple[str, ...], tags_option("-t", "--tags")] = ()
    skip_tags: Annotated[
        tuple[str, ...],
        click.Option(
            ["--skip-tags"], multiple=True, metavar="TAGS", help="Not the plays with one of these tags."
        ),
    ] = ()
    vault_password_files: Annotated[
        tuple[Path, ...],
        vault_password_option(),
    ] = ()
    verbose: Annotated[
        int, click.Option(["-v", "--verbose"], count=True, help="Say more; -vv even more.")
    ] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedFileOptions(FileOptions):
    """The same for a command that takes other words behind the playbooks, all of them in ``words``."""

    playbooks: tuple[Path, ...] = ()
    words: tuple[str, ...] = ()

    def split(self) -> tuple[FileOptions, tuple[str, ...]]:
        """The files with the playbooks that come first, and the words behind these."""
        playbooks, others = split_words(self.words)
        return replace(self, playbooks=playbooks), others


def split_words(words: tuple[str, ...]) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """The playbooks that come first, by their endings, and what comes behind them."""
    count = next((n for n, word in enumerate(words) if not word.endswith(_PLAYBOOKS)), len(words))
    return tuple(map(Path, words[:count])), words[count:]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """The hosts that may change, and connections to them. Times are seconds."""

    heading: ClassVar[str] = "Reaching hosts"

    limit: Annotated[
        str | None,
        click.Option(
            ["-l", "--limit"], metavar="PATTERN", help="Change only the hosts that the pattern selects."
        ),
    ] = None
    forks: Annotated[int, forks_option("-f", "--forks")] = 50
    connect_timeout: Annotated[
        float,
        click.Option(
            ["--connect-timeout"],
            type=duration,
            default="10s",
            show_default=True,
            help="For reaching a host.",
        ),
    ]
    accept_new_host_keys: Annotated[
        bool, flag("--accept-new-host-keys", help="Trust hosts that known_hosts does not name yet.")
    ] = False
    keep_connections: Annotated[
        float,
        click.Option(
            ["--keep-connections"],
            type=duration,
            help="Have OpenSSH keep connections for later runs, for so long after their last use.",
        ),
    ] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LookOptions(HostOptions):
    """The same for a command that changes nothing."""

    limit: Annotated[
        str | None,
        click.Option(["-l", "--limit"], metavar="PATTERN", help="Only the hosts that the pattern selects."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyOptions:
    """Permissions of one run, and guards that it may pass. ``timeout`` is seconds; None: by healthcheck."""

    heading: ClassVar[str] = "What is allowed"

    reschedule_unreachable: Annotated[
        bool,
        flag("--reschedule-unreachable", help="Start the replicas of hosts that do not answer elsewhere."),
    ] = False
    timeout: Annotated[
        float | None,
        click.Option(
            ["--timeout"],
            type=duration,
            help="For a replica to become ready; default: from its healthcheck.",
        ),
    ] = None
    move_volumes: Annotated[
        tuple[str, ...],
        click.Option(
            ["--move-volumes"],
            multiple=True,
            metavar="SERVICE",
            help="Let a service leave its named volumes behind.",
        ),
    ] = ()
    adopt: Annotated[
        bool,
        flag("--adopt", help="Replace containers of the project that others started."),
    ] = False
    take_over: Annotated[bool, flag("--take-over", help="Take the project from another play.")] = False
    allow_vanished: Annotated[
        bool, flag("--allow-vanished", help="Stop what vanished from the files, however much.")
    ] = False
    allow_partial: Annotated[
        bool, flag("--allow-partial", help="Start although hosts that may run it do not answer.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """The format on stdout, progress on stderr, reports in files, and exit code 10."""

    heading: ClassVar[str] = "What is shown"

    output: Annotated[str, format_option(RUN_FORMATS, show_default=True)] = "text"
    diff: Annotated[
        bool, flag("-D", "--diff", help="Show what changes in each host's compose.yaml; secrets masked.")
    ] = False
    progress: Annotated[
        str,
        click.Option(
            ["--progress"],
            type=click.Choice(["auto", *REPORTERS]),
            show_default=True,
            help="How progress is shown on stderr; auto: as the terminal or the CI system can take it.",
        ),
    ] = "auto"
    junit: Annotated[
        Path | None,
        output_file("--junit", help="Also write a JUnit report: a test case for each service on each host."),
    ] = None
    summary: Annotated[
        Path | None,
        output_file(
            "--summary",
            help="Also append the outcome as Markdown to this file; on GitHub, to the job's summary.",
        ),
    ] = None
    detailed_exitcode: Annotated[
        bool, flag("--detailed-exitcode", help="Exit with 10 where changes are pending.")
    ] = False

    def files(self) -> dict[str, Path | None]:
        """The report files by their names in the registry."""
        return {"junit": self.junit, "summary": self.summary}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOptions:
    """Consent to a plan, the wait for its lease (seconds), and the clean-up after it."""

    heading: ClassVar[str] = "Carrying it out"

    check: Annotated[bool, flag("-C", "--check", "--dry-run", help="Only show what would change.")] = False
    yes: Annotated[
        bool,
        flag("-y", "--yes", help="Do not ask before replicas are stopped or replaced."),
    ] = False
    lock_wait: Annotated[
        float, click.Option(["--lock-wait"], type=duration, help="For another run; default: no waiting.")
    ] = 0.0
    keep_releases: Annotated[
        int,
        click.Option(
            ["--keep-releases"],
            type=click.IntRange(1),
            metavar="N",
            show_default=True,
            help="How many releases the hosts remember.",
        ),
    ] = 10
    prune_images: Annotated[
        bool, flag("--prune-images", help="Remove the projects' images that no release needs.")
    ] = False


services_option = click.Option(
    ["-s", "--service"], multiple=True, metavar="SERVICE", help="Only these services."
)
NOT_OFFERED = "not on the command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOptions:
    """Files and hosts of a command. The other groups are as if nothing of them were typed."""

    files: FileOptions
    hosts: HostOptions
    policy: Annotated[PolicyOptions, NOT_OFFERED] = PolicyOptions()
    shown: Annotated[OutputOptions, NOT_OFFERED] = OutputOptions(progress="")
    change: Annotated[ChangeOptions, NOT_OFFERED] = ChangeOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class LookingOptions(SiteOptions):
    """The same for a command that changes nothing."""

    hosts: LookOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangingOptions(SiteOptions):
    """The same for a command that makes a plan and carries it out."""

    policy: PolicyOptions
    shown: OutputOptions
    change: ChangeOptions
