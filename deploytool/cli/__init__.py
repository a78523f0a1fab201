"""The command line: options, wiring, prompts, exit codes. Nothing else prints or ends the process.

Commands are imported when they are called, so that ``--help`` and ``--version`` stay quick.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from typing import NoReturn

import click

from deploytool import __version__
from deploytool.cli.signals import heed_signals
from deploytool.errors import INTERRUPTED, DeploytoolError
from deploytool.report.problems import problem_lines

SCREEN = 20
# Plans and what they are made of hold no cycles: with Python's own 700, a quarter of the time of planning a
# large fleet goes into looking for some, and it grows faster than the fleet.
GC_THRESHOLD = 100_000

# Command → module:attribute in ``cli.commands`` and the line that --help shows, in the order of use.
COMMANDS = {
    "converge": ("converge:converge", "Make the hosts run what the playbook says."),
    "plan": ("converge:plan", "Show what converge would change; touches nothing."),
    "watch": ("watch:watch", "Keep the hosts as the playbook says, until it is stopped."),
    "status": ("status:status", "Show expected and actual replicas."),
    "rebalance": ("rebalance:rebalance", "Move a few replicas to even out the hosts."),
    "ps": ("ps:ps", "List the replicas on all hosts."),
    "logs": ("logs:logs", "Show what replicas print, on all hosts, by time."),
    "exec": ("exec:exec_", "Run a command in a replica."),
    "events": ("events:events", "Follow what happens to replicas, on all hosts."),
    "history": ("history:history", "Show the releases that the hosts remember."),
    "rollback": ("history:rollback", "Go back to an earlier release."),
    "down": ("down:down", "Take projects off the hosts; volumes stay."),
    "lock": ("lock:lock", "See, take and give back the lease that keeps runs apart."),
    "targets": ("targets:targets", "List where running replicas publish ports."),
    "render": ("render:render", "Write each host's files to a folder or stdout."),
    "validate": ("validate:validate", "Check inventory and playbook; contacts no host."),
    "inventory": ("inventory:inventory", "Show an inventory as ansible-inventory does."),
    "completion": ("completion:completion", "Make your shell complete what you type."),
    "lab": ("lab:lab", "Start and stop disposable hosts to try it on."),
}


class LazyGroup(click.Group):
    """Imports a command's module when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name, _, attribute = COMMANDS[cmd_name][0].partition(":")
        module = importlib.import_module(f"deploytool.cli.commands.{name}")
        command: click.Command = getattr(module, attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="deploytool", allow_from_autoenv=False)
def app() -> None:
    """Keep containers running as you wrote them down, on hosts that you reach by SSH.

    \b
    deploytool plan inventories/lab.yaml        what would change
    deploytool converge inventories/lab.yaml    make it so
    """


def main() -> NoReturn:
    """The entry point: runs a command and ends with the exit code of the table."""
    heed_signals()
    gc.set_threshold(GC_THRESHOLD)
    verbose = any(argument in ("-v", "-vv", "-vvv", "--verbose") for argument in sys.argv)
    try:
        code = app.main(prog_name="deploytool", standalone_mode=False, auto_envvar_prefix="DEPLOYTOOL")
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        with contextlib.suppress(OSError):
            click.echo("Interrupted.", err=True)
        leave(INTERRUPTED)
    except DeploytoolError as error:
        for line in problem_lines(error.problems, most=None if verbose else SCREEN):
            click.echo(line, err=True)
        code = error.exit_code
    except BrokenPipeError:
        # The reader (head, less) has gone: what is left to print is for nobody.
        sys.stderr.close()
        code = 0
    except Exception as error:
        if verbose:
            raise
        click.echo(f"error: this is a bug in deploytool: {type(error).__name__}: {error}", err=True)
        click.echo("  hint: run it again with -v and report what it prints", err=True)
        code = 1
    leave(code if isinstance(code, int) else 0)


def leave(code: int) -> NoReturn:
    """End now. Python would wait for the threads that talk to hosts, of which some may never answer.

    It would also take every module apart, which is a tenth of a short run.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
