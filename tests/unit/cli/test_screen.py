"""What people see while a run goes on: on a real terminal of any size, and where there is none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.terminal import Terminal

ARGV = (sys.executable, "-m", "tests.fleet_on_screen")


def screens(hosts: int) -> list[tuple[str, str]]:
    """What is on the screen one after the other, and Enter to go on."""
    half = hosts // 2
    words = (
        f"0 of {hosts} hosts",
        f"{half} of {hosts} hosts",
        f"0 of {hosts} steps",
        f"{half + 1} of {hosts} steps",
        "Working",
    )
    return [(text, "\n") for text in words]


FAILURE = "host-001: shop/web: failed: starting: shop-web-1 is unhealthy"


@pytest.mark.parametrize(("hosts", "columns", "rows"), [(200, 80, 24), (3, 40, 8)])
def test_a_live_display_fits_any_terminal_and_leaves_nothing_behind(hosts, columns, rows):
    """Few lines however many hosts, none of them broken; at the end only what went wrong is there."""
    terminal = Terminal([*ARGV, str(hosts)], columns=columns, rows=rows)
    assert terminal.run(*screens(hosts)) == 0
    working = [frame for frame in terminal.frames if any("steps" in line for line in frame)]
    assert working, terminal.text
    for frame in working:
        live = frame[next(n for n, line in enumerate(frame) if "steps" in line) :]
        assert len(live) < rows - 1
        assert all(line.startswith(("━", "─", "  ")) for line in live), live
    assert any("more hosts at work" in line for frame in working for line in frame) == (hosts == 200)
    assert any("shop/web  ━" in line or "shop/web  ─" in line for frame in working for line in frame)
    text = "".join(terminal.frames[-1])
    assert FAILURE.replace(" ", "") in text.replace(" ", "")
    assert "steps" not in text
    assert terminal.raw.rfind(b"\x1b[?25h") > terminal.raw.rfind(b"\x1b[?25l")  # the cursor is back


def test_it_says_what_it_waits_for():
    """Hosts that have not answered by name, and the goal and the deadline of a step."""
    terminal = Terminal([*ARGV, "3"])
    terminal.run(*screens(3))
    seen = "\n".join(line for frame in terminal.frames for line in frame)
    assert "waiting for host-001, host-002, host-003" in seen
    assert "starting 2 of shop/web, until ready" in seen


def test_an_interrupt_leaves_the_terminal_as_it_was():
    """The cursor is back, and the lines that moved are gone."""
    terminal = Terminal([*ARGV, "3"])
    assert terminal.run(("0 of 3 hosts", "\x03")) != 0
    assert terminal.raw.rfind(b"\x1b[?25h") > terminal.raw.rfind(b"\x1b[?25l")
    assert "of 3 hosts" not in terminal.text


@pytest.mark.parametrize(
    ("environ", "colours", "moves"),
    [({}, True, True), ({"NO_COLOR": "1"}, False, True), ({"TERM": "dumb"}, False, False)],
    ids=["colours", "NO_COLOR", "dumb"],
)
def test_terminals_get_what_they_can_take(environ, colours, moves):
    """No colour with NO_COLOR, nothing that moves on a dumb terminal; the words are the same."""
    terminal = Terminal([*ARGV, "3"], environ)
    assert terminal.run(*(screens(3) if moves else [("", 5 * "\n")])) == 0
    assert (b"\x1b[32m" in terminal.raw or b"\x1b[31m" in terminal.raw) == colours
    assert (b"\x1b[2K" in terminal.raw) == moves
    assert FAILURE in terminal.text


def test_the_columns_of_the_environment_win():
    """COLUMNS=50 on a terminal of 80."""
    terminal = Terminal([*ARGV, "30"], {"COLUMNS": "50"})
    terminal.run(*screens(30))
    assert (
        max(
            len(line)
            for frame in terminal.frames
            for line in frame
            if "host-" in line and "failed" not in line
        )
        < 50
    )


def without_terminal(*argv: str, **environ: str) -> str:
    env = {**os.environ, "GITHUB_ACTIONS": "", "GITLAB_CI": "", "CI": "", **environ}
    done = subprocess.run(
        [*ARGV, *argv], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True
    )
    assert done.stdout == b""
    return done.stderr.decode()


def test_without_a_terminal_lines_are_plain():
    """Each event a line, and foreign text cannot steer the terminal that the log is read on."""
    said = without_terminal("3")
    assert "host-002: shop/web: ready 2 (1.0 s)" in said
    assert "    | first \\x1b]0;title\\x07" in said
    assert "\x1b" not in said


def test_on_github_steps_fold_and_failures_are_annotations():
    """Every group that begins ends; log lines cannot be commands."""
    lines = without_terminal("3", GITHUB_ACTIONS="true").splitlines()
    assert lines[0] == "::group::Looking at 3 hosts"
    assert "::group::Changing the hosts" in lines
    assert lines.count("::endgroup::") == sum(line.startswith("::group::") for line in lines)
    (error,) = [line for line in lines if line.startswith("::error")]
    assert error.startswith("::error title=host-001%3A shop/web::failed starting: shop-web-1 is unhealthy")
    assert "%0Alast" in error


def test_on_gitlab_steps_fold_and_failures_come_again_at_the_end():
    """Sections have times and names of their own, and each ends."""
    said = without_terminal("3", GITLAB_CI="true")
    assert said.count("section_start:") == said.count("section_end:") == 2
    assert "\x1b[0Ksection_start:" in said
    assert "[collapsed=true]\r\x1b[0KLooking at 3 hosts" in said
    assert FAILURE in said.rpartition("section_end:")[2]
    assert "\x1b]0;" not in said
