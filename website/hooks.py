"""Hooks of mkdocs: the order of the pages, and links that lead out of ``docs/``.

Every page of ``docs/`` is in the navigation, also one that this file does not know yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SECTIONS = {
    "Start": ("index.md", "getting-started.md"),
    "Files": ("inventory.md", "playbook.md", "compose-support.md"),
    "How it works": ("scheduling.md", "rollout.md", "reliability.md", "hosts.md", "performance.md"),
    "Use": ("plan.md", "ci.md", "watch.md", "across.md", "ingress.md"),
    "Reference": ("cli.md", "exit-codes.md", "glossary.md"),
    "Coming from": ("from-compose.md", "from-ansible.md", "from-kamal.md", "from-swarm.md"),
}
OTHERS = "More"

_OUTWARD = re.compile(r"\[([^\]]+)\]\((\.\./[^)\s]+)\)")
_PAGE = re.compile(r"\[([^\]]+)\]\(([\w-]+\.md)(?:#[^)\s]*)?\)")


def navigation(pages: Iterable[str]) -> list[dict[str, list[str]]]:
    """The sections with the pages that exist; pages that no section names come last."""
    left = sorted(pages)
    found = []
    for title, names in SECTIONS.items():
        here = [name for name in names if name in left]
        left = [name for name in left if name not in here]
        found.append({title: here})
    return [section for section in [*found, {OTHERS: left}] if any(section.values())]


def on_config(config: Any) -> Any:
    """Event of mkdocs: make the navigation from the pages that exist."""
    folder = Path(config["docs_dir"])
    config["nav"] = navigation(path.relative_to(folder).as_posix() for path in folder.rglob("*.md"))
    return config


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Event of mkdocs: replace links to files of the repository, and to pages to come, by plain text."""
    folder = Path(config["docs_dir"])
    text = _PAGE.sub(lambda match: match[0] if (folder / match[2]).is_file() else match[1], markdown)
    return _OUTWARD.sub(_inward, text)


def _inward(match: re.Match[str]) -> str:
    """The README's table of exit codes has a page here; other files are named."""
    text, target = match.groups()
    if target == "../README.md#exit-codes":
        return f"[{text}](exit-codes.md)"
    name = target.removeprefix("../").partition("#")[0]
    return f"`{name}`" if text.strip("`") == name else f"{text} (`{name}`)"
