"""What scripts are told arrives in variables, by name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import deploytool.backend.compose
from deploytool.backend.base import Task
from deploytool.backend.compose.protocol import command_for
from deploytool.model.desired import HostFiles
from deploytool.model.plan import Gate, Ref, Step, StepKind

WORDS = (Path(deploytool.backend.compose.__file__).parent / "host" / "words.sh").read_text("utf-8")
HOSTILE = "a 'b' \"c\" $(touch x) `id` ; * \\ \n d"


def run(call: str, *words: str) -> subprocess.CompletedProcess[str]:
    argv = ["sh", "-c", f"{WORDS}\n{call}", "words", *words]
    return subprocess.run(argv, capture_output=True, text=True)


def test_the_words_of_a_verb_end_at_the_first_record() -> None:
    """What belongs to a task is not the verb's."""
    told = ("--root", "/d", "--owner", HOSTILE, "--task", "0", "--root", "/other")
    assert run('read_words "$@"; printf "%s|%s" "$root" "$owner"', *told).stdout == f"/d|{HOSTILE}"


def test_each_record_is_done_once_with_its_words() -> None:
    """Records of another kind are left to others."""
    told = (
        "--root",
        "/d",
        "--task",
        "0",
        "--service",
        "web",
        "--task",
        "1",
        "--service",
        "db",
        "--image",
        "i",
    )
    call = 'show() { echo "$task $service"; }; each task show "$@"; each image show "$@"'
    assert run(call, *told).stdout == "0 web\n1 db\n1 db\n"
    assert run(call, "--root", "/d").stdout == ""


@pytest.mark.parametrize("word", ["root", "--", "--Root", "--a-b", "--a=b", "--x;id", "", "---"])
def test_what_is_no_word_ends_the_script(word: str) -> None:
    """A name is small letters: nothing else can get into an assignment."""
    done = run('read_words "$@"; echo went on', word, "value")
    assert (done.returncode, done.stdout) == (64, "")


TASKS = {
    StepKind.START: {"service": "web", "total": 2, "gate": Gate("ready", 1.5, 0)},
    StepKind.RESTART: {"service": "web", "total": 2, "gate": Gate("completed", 20)},
    StepKind.STOP: {"service": "web", "containers": (Ref("1", "one"), Ref("2", "two"))},
    StepKind.ENDPOINTS: {"service": "web", "remotes": (("h2", 1), ("h3", 0))},
    StepKind.DRAIN: {"containers": (Ref("1", "one"),), "grace_s": 30.0},
}


@pytest.mark.parametrize("kind", TASKS, ids=lambda kind: kind.value)
@pytest.mark.parametrize("project", ["shop", "deploytool-ingress"])
def test_all_tasks_of_a_verb_say_the_same_words(kind: StepKind, project: str) -> None:
    """So no task has a word from the one before it."""
    steps = [
        Step("", kind, "h1", project, "", **TASKS[kind]),
        Step("", kind, "h1", project, "", service="db"),
    ]
    command = command_for([Task(step, HostFiles(None)) for step in steps], (), ())
    first, second = records(command.words)
    assert first.keys() == second.keys() != set()


def records(words: tuple[str, ...]) -> list[dict[str, str]]:
    pairs = list(zip(words[::2], words[1::2], strict=True))
    begins = [index for index, (name, _) in enumerate(pairs) if name == "--task"]
    return [dict(pairs[at:end]) for at, end in zip(begins, [*begins[1:], None], strict=True)]


def test_seconds_are_whole_and_not_too_few() -> None:
    """A shell counts in whole ones."""
    step = Step("", StepKind.START, "h1", "shop", "", "web", gate=Gate("ready", 1.5, 0.1))
    (record,) = records(command_for([Task(step)], (), ()).words)
    assert (record["--deadline"], record["--hold"]) == ("2", "1")


def test_a_name_that_a_shell_could_split_is_refused_here() -> None:
    """It never gets to a host."""
    step = Step("", StepKind.START, "h1", "shop", "", "web --scale x=9")
    with pytest.raises(ValueError, match="not a service name"):
        command_for([Task(step)], (), ())
