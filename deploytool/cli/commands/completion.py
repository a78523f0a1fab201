"""``deploytool completion``: the script by which a shell asks for completions, see ``cli.completions``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import click
from click.shell_completion import get_completion_class

from deploytool.cli.command import command

PROGRAM, VARIABLE = "deploytool", "_DEPLOYTOOL_COMPLETE"
SHELLS = ("bash", "zsh", "fish")

# Bash breaks words at : and =, which host patterns are full of. So the words are taken from the line itself,
# and what stands before the last break is taken off each candidate: bash puts in only what follows it.
_BASH = r"""_deploytool_completion() {
  local line=${COMP_LINE:0:COMP_POINT} words current candidate prefix
  read -ra words <<<"$line"
  current=
  if [[ $line != *[[:space:]] ]]; then current=${words[-1]}; unset 'words[-1]'; fi
  prefix=$current
  if [[ $prefix == --*=* ]]; then prefix=${prefix#*=}; fi
  prefix=${prefix%"${prefix##*[:=]}"}
  COMPREPLY=()
  while IFS=, read -r kind candidate; do
    case $kind in
      dir) compopt -o dirnames ;;
      file) compopt -o default ;;
      plain) COMPREPLY+=("${candidate#"$prefix"}") ;;
    esac
  done < <(COMP_WORDS="${words[*]} $current" COMP_CWORD=${#words[@]} _DEPLOYTOOL_COMPLETE=bash_complete \
    "${words[0]}" 2>/dev/null)
}
complete -o nosort -F _deploytool_completion deploytool
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionOptions:
    """Options of ``completion``."""

    shell: Annotated[str, click.Argument(["shell"], metavar="bash|zsh|fish", type=click.Choice(SHELLS))]


@command(CompletionOptions)
def completion(options: CompletionOptions) -> int:
    """Print what makes a shell complete commands, options, hosts, groups and services.

    \b
    eval "$(deploytool completion bash)"    in ~/.bashrc
    eval "$(deploytool completion zsh)"     in ~/.zshrc, after compinit
    deploytool completion fish | source     in ~/.config/fish/config.fish
    """
    kind = get_completion_class(options.shell)
    if options.shell == "bash" or kind is None:
        click.echo(_BASH, nl=False)
    else:
        root = click.get_current_context().find_root().command
        click.echo(kind(root, {}, PROGRAM, VARIABLE).source())
    return 0
