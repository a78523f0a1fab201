"""Takes the screenshots in docs/: the program on a real terminal of 84 columns, with the hosts of the lab.

Usage: make screenshots (or: python -m bench.screenshots). What the terminal shows is what is in the SVG, in
its colours; nothing is drawn by hand.
"""

from __future__ import annotations

import io
import re
import sys
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import pyte
from rich.console import Console
from rich.text import Text

from tests.terminal import Terminal

ROOT = Path(__file__).parents[1]
INVENTORY = "inventories/lab.yaml"
COLUMNS, ROWS = 84, 30

# Fonts from somewhere else do not belong into a page of documentation.
_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


@dataclass
class Camera(Terminal):
    """A terminal that keeps its pictures in colour, each as lines of styled text."""

    pictures: list[list[Text]] = field(default_factory=list)

    def _keep(self, screen: pyte.HistoryScreen) -> None:
        before = len(self.frames)
        super()._keep(screen)
        if len(self.frames) > before:
            rows = [*screen.history.top, *(screen.buffer[y] for y in range(self.rows))]
            lines = [_line([row[x] for x in range(self.columns)]) for row in rows]
            self.pictures.append(lines[: len(self.frames[-1])])


def main() -> None:
    """Converge one version, then show the plan for the next one, and its rollout."""
    deploytool("converge", INVENTORY, "-e", "tag=1", "--yes")
    plan = deploytool("plan", INVENTORY, "-e", "tag=2")
    save("plan", "deploytool plan inventories/lab.yaml -e tag=2", plan.pictures[-1])
    rollout = deploytool("converge", INVENTORY, "-e", "tag=2", "--yes")
    busiest = max(range(len(rollout.frames)), key=lambda n: _busy(rollout.frames[n]))
    save("converge-live", "deploytool converge inventories/lab.yaml -e tag=2", rollout.pictures[busiest])
    save("converge", "deploytool converge inventories/lab.yaml -e tag=2", rollout.pictures[-1])


def _busy(frame: list[str]) -> tuple[int, int]:
    return sum("until" in line for line in frame), sum("steps" in line for line in frame)


def deploytool(*words: str) -> Camera:
    argv = [sys.executable, "-m", "deploytool", *words]
    camera = Camera(argv, {"PYTHONPATH": str(ROOT)}, COLUMNS, ROWS, str(ROOT))
    code = camera.run()
    assert code == 0, camera.text
    return camera


def save(name: str, title: str, lines: list[Text]) -> None:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for line in lines:
        console.print(line, no_wrap=True, overflow="crop")
    svg = console.export_svg(title=title, unique_id=name)
    path = ROOT / "docs" / f"{name}.svg"
    path.write_text(_FONTS.sub("", svg), "utf-8")
    print(f"docs/{path.name}: {len(lines)} lines")


def _line(cells: list[pyte.screens.Char]) -> Text:
    text = Text()
    for style, run in groupby(cells, _style):
        text.append("".join(cell.data for cell in run), style)
    text.rstrip()
    return text


def _style(cell: pyte.screens.Char) -> str:
    """A cell's look in rich's words; pyte's brown is what everybody else calls yellow."""
    colour = {"default": "", "brown": "yellow", "brightblack": "bright_black"}.get(cell.fg, cell.fg)
    colour = f"#{colour}" if re.fullmatch("[0-9a-f]{6}", colour) else colour
    return f"{'bold ' if cell.bold else ''}{colour}".strip()


if __name__ == "__main__":
    main()
