"""What scripts say is JSON, whatever they say it of."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import deploytool.backend.compose
from deploytool.backend.compose.documents import read_documents

HOST = Path(deploytool.backend.compose.__file__).parent / "host"
SAY = "\n".join((HOST / f"{name}.sh").read_text("utf-8") for name in ("say", "outcome"))
SHELLS = [["sh"], ["bash", "--posix"], ["busybox", "sh"]]
TEXTS = {
    "empty": "",
    "plain": "shop-web-1 is up: 2 of 3, 50%",
    "quotes": """say "no" or 'yes'""",
    "backslashes": r"C:\new\table \\ \" \u0041",
    "lines": "first\nsecond\n\nlast\n",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f",
    "colours": "\x1b[31mred\x1b[0m\r\n",
    "shell": "$(id) `id` $HOME ${x} * ? [a] ~ ; & | < > # ! %s %d \\c",
    "unicode": "Grüße, 世界 🐳",
}


@pytest.fixture(params=SHELLS, ids=lambda argv: argv[0])
def shell(request: pytest.FixtureRequest) -> list[str]:
    if not shutil.which(request.param[0]):
        pytest.skip(f"{request.param[0]} is not here")
    return request.param


def said(shell: list[str], call: str, *arguments: str | bytes) -> bytes:
    argv = [*shell, "-c", f"{SAY}\n{call}", "say", *arguments]
    return subprocess.run(argv, capture_output=True, check=True).stdout


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_comes_back_as_it_was(shell: list[str], text: str) -> None:
    """Quotes, backslashes, controls, line ends, and what a shell would make something of."""
    line = said(shell, 'say task: 1 failed "$1" ok: true', text)
    assert line.count(b"\n") == 1
    assert json.loads(line) == {"task": 1, "failed": text, "ok": True}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_so_does_a_file(shell: list[str], text: str, tmp_path: Path) -> None:
    """But for the line end at its end."""
    (tmp_path / "file").write_bytes(text.encode())
    line = said(shell, 'say lease@ "$1"', str(tmp_path / "file"))
    assert json.loads(line) == {"lease": text.removesuffix("\n")}


def test_a_file_that_is_not_there_is_empty(shell: list[str], tmp_path: Path) -> None:
    """It may have gone since it was seen."""
    assert json.loads(said(shell, 'say lease@ "$1"', str(tmp_path / "none"))) == {"lease": ""}


def test_bytes_that_are_no_text_cost_no_more_than_themselves(shell: list[str]) -> None:
    """The document around them is whole."""
    line = said(shell, 'say log "$1" task: 3', b'caf\xe9 \xff"\xe2\x82" end')
    assert read_documents(line) == [{"log": 'caf\ufffd \ufffd"\ufffd" end', "task": 3}]


def test_the_room_that_is_left_is_a_number(shell: list[str]) -> None:
    """With the file system that it is on."""
    (raw,) = read_documents(said(shell, "failed_to_write 0 lease"))
    assert (raw["task"], raw["failed"]) == (0, "lease")
    assert isinstance(raw["free_kib"], int)
    assert str(raw["mount"]).startswith("/")
