"""A lab's own folder."""

from __future__ import annotations

import threading
from pathlib import Path

from deploytool.lab import workdir
from deploytool.lab.layout import Layout


def test_a_key_is_made_once_and_private(tmp_path: Path):
    """The second time gives the same public key; only the owner reads the private one."""
    layout = Layout(tmp_path)
    first = workdir.ensure_key(layout)
    assert first.startswith("ssh-ed25519 ")
    assert workdir.ensure_key(layout) == first
    assert layout.key_file.stat().st_mode & 0o777 == 0o600


def test_clear_leaves_what_others_put_there(tmp_path: Path):
    """The folder goes with what the lab wrote, unless there is something else in it."""
    layout = Layout(tmp_path / ".lab")
    with workdir.locked(layout, print):
        workdir.ensure_key(layout)
        (layout.directory / "notes").write_text("mine")
        workdir.clear(layout)
    assert [path.name for path in layout.directory.iterdir()] == ["notes"]
    (layout.directory / "notes").unlink()
    with workdir.locked(layout, print):
        workdir.clear(layout)
    assert not layout.directory.exists()


def test_only_one_holds_the_lock_though_its_file_goes(tmp_path: Path):
    """A process that waited for a `down` holds the lock in the new folder, where others see it."""
    layout = Layout(tmp_path / ".lab")
    inside: list[str] = []
    most: list[int] = []

    def work(name: str) -> None:
        for _ in range(25):
            with workdir.locked(layout, lambda line: None):
                inside.append(name)
                most.append(len(inside))
                inside.remove(name)
                workdir.clear(layout)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(most) == 75
    assert max(most) == 1
