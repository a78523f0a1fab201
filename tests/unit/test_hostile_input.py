"""The command on inputs that are made to break it: an error with a place, soon, and in little memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

MOST_BYTES = 500 * 1024**2
MOST_CPU_S = 10

HOSTS = "web: {hosts: {web1: , web2: }}\n"
PLAY = "- name: Shop\n  hosts: web\n  services: {web: {image: web}}\n"
_ALIASES = "\n".join(f"  x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))
_COMMAND = "- name: Shop\n  hosts: web\n  services: {web: {image: web, command: COMMAND}}\n"


def command(text: str) -> str:
    """A playbook with this text, which has no single quote, as a command."""
    return _COMMAND.replace("COMMAND", f"'{text}'")


LOOP, END = "{% for a in range(99999) %}", "{% endfor %}"

BOMBS: Mapping[str, Mapping[str, str | bytes]] = {
    "aliases": {"play.yaml": f"- name: Shop\n  hosts: web\n  x-0: &a0 [a]\n{_ALIASES}\n  services: *a29\n"},
    "nesting": {"play.yaml": "[" * 100_000 + "]" * 100_000},
    "block nesting": {"hosts.yaml": "".join(f"{' ' * n}a:\n" for n in range(2_000))},
    "range": {"hosts.yaml": "web: {hosts: {'web[0:999999999]': }}"},
    "range of ranges": {"hosts.yaml": "web: {hosts: {'web[0:9999][0:9999][a:z]': }}"},
    "template loop": {"play.yaml": command(f"{LOOP}{LOOP}x{END}{END}")},
    "template text": {"play.yaml": command('{{ "x" * 10 ** 9 }}{{ "x" | center(10 ** 9) }}')},
    "template list": {"play.yaml": command("{{ range(10 ** 9) | list }}")},
    "template nesting": {"play.yaml": command("{{ " + "(" * 50_000 + ")" * 50_000 + " }}")},
    "expression": {"play.yaml": command('{{ ("a" * 60 + "!") is match("(a|aa)+$") }}')},
    "large expression": {"play.yaml": command('{{ "a" is match("(?:(?:(?:b{1000}){1000}){1000}){1000}") }}')},
    "repetition": {
        "play.yaml": command("a" + " " * 1_000_000 + "b\n" * 100_000),
        "hosts.yaml": "[web]\n" + "a[" * 100_000,
    },
    "bytes": {"play.yaml": bytes(range(256)) * 4_000, "hosts.yaml": b"\0" * 1_000_000},
    "pattern": {"play.yaml": PLAY.replace("hosts: web", f"hosts: '{'[' * 200_000}'")},
    "amount": {"play.yaml": PLAY.replace("image: web", f"image: web, mem_limit: '1{' ' * 200_000}x'")},
    "constraint": {
        "play.yaml": PLAY.replace(
            "image: web",
            f"image: web, deploy: {{placement: {{constraints: ['node.ip == x{' ' * 200_000}y']}}}}",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        ["/dev/zero", "play.yaml"],
        ["hosts.yaml", "/dev/zero"],
        ["hosts.yaml", "play.yaml", "-e", "@/dev/zero"],
    ],
)
def test_a_file_without_end_is_an_error(words: Sequence[str], tmp_path: Path) -> None:
    """Not more is read of it than of the largest file."""
    (tmp_path / "hosts.yaml").write_text(HOSTS)
    (tmp_path / "play.yaml").write_text(PLAY)
    argv = [sys.executable, "-m", "deploytool", "validate", *words]
    limit = (3 * MOST_BYTES, 3 * MOST_BYTES)  # of addresses: the program itself takes half of that
    run = subprocess.run(
        argv, cwd=tmp_path, capture_output=True, text=True, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit),
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (3, "/dev/zero: error: larger than 32 MiB\n")


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_an_error(name: str, tmp_path: Path) -> None:
    """Exit 3, sentences with a place, no traceback; at most 500 MB and a few seconds."""
    for file, content in {"hosts.yaml": HOSTS, "play.yaml": PLAY, **BOMBS[name]}.items():
        (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    argv = [sys.executable, "-m", "deploytool", "validate", "hosts.yaml", "play.yaml"]
    with (tmp_path / "said").open("wb") as said:
        child = subprocess.Popen(argv, cwd=tmp_path, stdout=said, stderr=said)
        resource.prlimit(child.pid, resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    text = (tmp_path / "said").read_text()
    assert child.returncode == 3, f"{child.returncode}: {text[:2000]}"
    assert ".yaml" in text.split(": error: ")[0]
    assert "Traceback" not in text
    assert max(map(len, text.splitlines())) < 1_000, "each error can be read"
    assert used.ru_maxrss * 1024 < MOST_BYTES
