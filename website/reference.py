"""Generated pages: commands from their code, exit codes from the error tree, keys from their tables.

``python -m website.reference`` writes them; a test fails where they are stale.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from deploytool.cli import COMMANDS, app
from deploytool.cli.command import OTHERS, heading_of
from deploytool.errors import CHANGES_PENDING, INTERRUPTED, DeploytoolError
from website.support import support_tables

DOCS = Path(__file__).parents[1] / "docs"
_EXIT_CODES_TAIL = Path(__file__).with_name("exit-codes.md")
_SUPPORT_HEAD = Path(__file__).with_name("compose-support.md")

# Exit code → what to do about it. The sentence before it is the docstring of the error's class.
ADVICE = {
    2: "`deploytool COMMAND --help` shows the options; a pattern that matches nothing lists near names.",
    3: "Each problem has its file, line and column. All problems of all files are shown at once.",
    4: "The others were converged. Run it again when the host is back, or leave it out with `--limit`.",
    5: "The last lines of the container's log are in the output. One more `converge` continues from there.",
    6: "The message has the arithmetic and names the flag that lifts it. Check before you use it.",
    7: "Wait for it with `--lock-wait 5m`; `deploytool lock status` shows who holds it, and since when.",
    8: "The message counts the reasons; `deploytool plan --explain SERVICE` shows them for each host.",
}
_OTHER_CODES = {
    0: ("Converged, or nothing to do.", ""),
    1: ("A bug in deploytool.", "Run it again with `-v`, and report what it prints."),
    CHANGES_PENDING: ("Changes are pending.", "Only of `plan` and `status`, with `--detailed-exitcode`."),
    INTERRUPTED: (
        "Interrupted.",
        "The running steps finish, no other is started, the lease is released. One more `converge`"
        " continues from there.",
    ),
}


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and subcommand with its full name, in the order of ``--help``."""
    context = click.Context(app)
    for name in COMMANDS:
        command = app.get_command(context, name)
        if isinstance(command, click.Group):
            for sub in command.list_commands(context):
                yield f"{name} {sub}", command.commands[sub]
        elif command is not None:
            yield name, command


def cli_page() -> str:
    """docs/cli.md."""
    parts = [
        "# Commands",
        "Made from the program itself; `deploytool COMMAND --help` says the same.",
        "stdout is data, stderr is progress and errors. `DEPLOYTOOL_<OPTION>` in the environment sets an "
        "option for every command that has it, `DEPLOYTOOL_<COMMAND>_<OPTION>` for one; what is typed wins. "
        "What a command's ending means is in [Exit codes and errors](exit-codes.md).",
        *(_command(name, command) for name, command in commands()),
    ]
    return "\n\n".join(parts) + "\n"


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    pieces = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    usage = f"```text\ndeploytool {name} [OPTIONS] {' '.join(pieces)}\n```".replace(" \n", "\n")
    return "\n\n".join([f"## {name}", usage, _prose(text), *_tables(command)])


def _prose(text: str) -> str:
    """The help; its examples, indented or introduced by ``Example:``, as code."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        example = paragraph.removeprefix("Example:").strip() if paragraph.startswith("Example:") else ""
        lines = (example or paragraph).splitlines()
        is_code = bool(example) or all(line.startswith(("    ", "deploytool ")) for line in lines)
        shown = "\n".join(line.strip() for line in lines)
        paragraphs.append(f"```text\n{shown}\n```" if is_code else paragraph)
    return "\n\n".join(paragraphs)


def _tables(command: click.Command) -> Iterator[str]:
    groups: dict[str, list[click.Option]] = {OTHERS: []}
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            groups.setdefault(heading_of(parameter), []).append(parameter)
    for heading, options in groups.items():
        if options:
            rows = "\n".join(_row(option) for option in options)
            yield f"| {heading} | |\n| --- | --- |\n{rows}"


def _row(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag or option.count else f" `{_cell(_metavar(option))}`"
    shown = option.show_default and option.default not in (None, False, ())
    default = f" Default: `{option.default}`." if shown else ""
    return f"| {names}{value} | {_cell((option.help or '') + default)} |"


def _metavar(option: click.Option) -> str:
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return "|".join(str(choice) for choice in option.type.choices)
    names: Mapping[type[click.ParamType], str] = {click.Path: "PATH", click.IntRange: "NUMBER"}
    return next(
        (name for kind, name in names.items() if isinstance(option.type, kind)), option.type.name.upper()
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def exit_codes_page() -> str:
    """docs/exit-codes.md: the table, then the part that is written by hand."""
    rows = [f"| {code} | {meaning} | {advice} |" for code, (meaning, advice) in sorted(_codes().items())]
    table = "\n".join(["| code | meaning | what to do |", "| --- | --- | --- |", *rows])
    return f"# Exit codes and errors\n\n{table}\n\n{_EXIT_CODES_TAIL.read_text('utf-8')}"


def _codes() -> Mapping[int, tuple[str, str]]:
    codes = dict(_OTHER_CODES)
    for error in _below(DeploytoolError):
        if error.exit_code != DeploytoolError.exit_code and error.exit_code not in codes:
            codes[error.exit_code] = (inspect.getdoc(error) or "").splitlines()[0], ADVICE[error.exit_code]
    return codes


def _below(error: type[DeploytoolError]) -> Iterator[type[DeploytoolError]]:
    """All errors, the more general ones first."""
    level = error.__subclasses__()
    while level:
        yield from level
        level = [child for parent in level for child in parent.__subclasses__()]


def support_page() -> str:
    """docs/compose-support.md: the part that is written by hand, then the tables."""
    return f"{_SUPPORT_HEAD.read_text('utf-8')}\n{support_tables()}"


PAGES = {"cli.md": cli_page, "compose-support.md": support_page, "exit-codes.md": exit_codes_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), "utf-8")
