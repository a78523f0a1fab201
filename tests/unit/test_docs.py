"""The documentation is complete and true as far as files can tell; ``tests/lab/test_docs.py`` runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from deploytool.cli import app
from tests.docpages import DOCS, ROOT, Block, agrees, blocks, is_marked, own_commands, pages
from website.hooks import navigation, on_page_markdown
from website.reference import PAGES, commands

_BLOCKS = [block for page in pages() for block in blocks(page) if block.is_command]


def names(block: Block) -> str:
    return f"{block.page}:{block.line}"


def test_the_site_builds(tmp_path: Path) -> None:
    """Strictly: no page, link or heading is missing, and nothing is fetched."""
    if find_spec("mkdocs") is None and os.environ.get("CI") != "true":
        pytest.skip("mkdocs is not installed: pip install --editable '.[test]'")
    argv = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(
        argv,
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).with_suffix("")
        shown = tmp_path / ("index.html" if name.name == "index" else f"{name}/index.html")
        assert "<h1" in shown.read_text("utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_current(name: str) -> None:
    """``make docs`` writes them anew."""
    assert (DOCS / name).read_text("utf-8") == PAGES[name](), "stale: run `python -m website.reference`"


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_has_its_section(name: str) -> None:
    """Also one that was added yesterday."""
    assert f"\n## {name}\n" in (DOCS / "cli.md").read_text("utf-8")


def test_every_page_is_in_the_navigation() -> None:
    """Also one that the hooks do not know yet."""
    there = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    sections = navigation([*there, "newer.md"])
    listed = [name for section in sections for names in section.values() for name in names]
    assert sorted(listed) == sorted([*there, "newer.md"])


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Files, pages and headings that a page refers to are there."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:|mailto:", target):
            continue
        name, _, heading = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        later = path.parent == DOCS and path.name in _LATER
        assert path.exists() or later, f"{page.name}: {target}"
        if heading and path.exists():
            assert heading in _headings(path), f"{page.name}: {target}"


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    """Also tests and benchmarks, which move more often than pages are read."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    named = re.findall(r"`((?:bench|contrib|deploytool|tests)/[\w/@.-]+)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


_LATER = {"ci.md", "ingress.md", "reliability.md", "rollout.md", "watch.md"}  # others refer to them already


def _headings(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("block", _BLOCKS, ids=names)
def test_commands_exist_with_their_options(block: Block) -> None:
    """What a page tells to type, the program takes."""
    for words in own_commands(block):
        command: click.Command = app
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            found = command.get_command(click.Context(command), words[0])
            assert found is not None, f"there is no command {words[0]}"
            command, words = found, words[1:]
        if not {"--help", "--version", "…"} & set(words):
            command.make_context("deploytool", list(words))


def test_a_reason_is_a_sentence() -> None:
    """Whoever reads why a command is not run can judge it."""
    reasons = [block.not_run for block in _BLOCKS if block.not_run]
    assert all(len(reason.split()) >= 4 for reason in reasons)
    assert any(is_marked(page) for page in pages())


@pytest.mark.parametrize(
    ("said", "expected", "same"),
    [
        ("a\nb\n", "a\nb", True),
        ("a \nb", "a\nb", True),
        ("a 1.5 s b", "a … s b", True),
        ("a\nx\ny\nb", "a\n…\nb", True),
        ("a\nb\nc", "a\nb", False),
        ("a", "b", False),
    ],
)
def test_output_is_compared(said: str, expected: str, same: bool) -> None:
    """The comparison can fail."""
    assert agrees(said, expected) is same


def test_the_site_has_no_link_out_of_itself() -> None:
    """Files of the repository are named; the README's exit codes have a page."""
    text = (
        "[a](../README.md#exit-codes), [`x.yaml`](../x.yaml), [the lab](../deploytool/lab.py), [b](no.md#c)"
    )
    config = {"docs_dir": str(DOCS)}
    assert on_page_markdown(text, None, config, None) == (
        "[a](exit-codes.md), `x.yaml`, the lab (`deploytool/lab.py`), b"
    )
