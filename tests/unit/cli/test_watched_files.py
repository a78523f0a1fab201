"""The files that a watcher was started with: every change is noticed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploytool.cli.options import FileOptions
from deploytool.cli.output_files import replace_file
from deploytool.cli.session import load
from deploytool.cli.watched_files import WatchedFiles
from deploytool.errors import InputError


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site with one file of each kind that can decide what runs."""
    for name, text in {
        "hosts/inventory.yaml": "web: {hosts: {h1: {}}}\n",
        "hosts/group_vars/web.yaml": "tag: '1'\n",
        "playbooks/site.yaml": (
            "- {name: Shop, hosts: web, compose: ../shop/compose.yaml, vars_files: [vars.yaml]}\n"
        ),
        "playbooks/vars.yaml": "a: b\n",
        "shop/compose.yaml": (
            "services:\n  web:\n    image: 'x:{{ tag }}'\n    env_file: [web.env]\n"
            "    volumes: ['./conf:/etc/conf:ro']\n"
        ),
        "shop/web.env": "A=1\n",
        "shop/.env": "B=2\n",
        "shop/conf/app.conf": "x\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 10
        return self.now_s


def reading(site: Path) -> WatchedFiles:
    files = WatchedFiles(clock=Clock())
    options = FileOptions(inventory=str(site / "hosts"), playbooks=(site / "playbooks/site.yaml",))
    files.read(lambda: load(options))
    return files


@pytest.mark.parametrize(
    "name",
    [
        "hosts/inventory.yaml",
        "hosts/group_vars/web.yaml",
        "playbooks/site.yaml",
        "playbooks/vars.yaml",
        "shop/compose.yaml",
        "shop/web.env",
        "shop/.env",
        "shop/conf/app.conf",
    ],
)
def test_every_file_that_decides_is_watched(site, name):
    """Also those that a file names, and files of folders that are copied."""
    files = reading(site)
    assert not files.changed()
    path = site / name
    path.write_text(path.read_text("utf-8") + "\n# more\n", "utf-8")
    assert files.changed()


@pytest.mark.parametrize("name", ["hosts/more.yaml", "hosts/host_vars/h1.yaml", "shop/conf/more.conf"])
def test_a_new_file_is_noticed(site, name):
    """Where it would be read: in the inventory's folder, its variables, a folder that is copied."""
    files = reading(site)
    (site / name).parent.mkdir(exist_ok=True)
    (site / name).write_text("{}\n", "utf-8")
    assert files.changed()


def test_what_passes_through_a_folder_is_no_change(site):
    """Swap files of editors, and a textfile that somebody replaces beside the playbook every second."""
    (site / "playbooks/m.prom").write_text("1", "utf-8")
    files = reading(site)
    replace_file(site / "playbooks/m.prom", b"2", "--textfile")
    for name in (".site.yaml.swp", "site.yaml~", "watch.log"):
        (site / "playbooks" / name).write_text("x", "utf-8")
    assert not files.changed()


def test_a_removed_or_replaced_file_is_noticed(site):
    """By rename too, as editors save, with the same size and time."""
    files, path = reading(site), site / "shop/web.env"
    status = path.stat()
    (site / "new").write_text("A=2\n", "utf-8")
    os.utime(site / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
    (site / "new").replace(path)
    assert files.changed()
    files = reading(site)
    path.unlink()
    assert files.changed()


def test_a_broken_file_is_still_watched(site):
    """So that mending it is noticed."""
    files, playbook = reading(site), site / "playbooks/site.yaml"
    good = playbook.read_text("utf-8")
    playbook.write_text("- [", "utf-8")
    assert files.changed()
    with pytest.raises(InputError):
        files.read(lambda: load(FileOptions(inventory=str(site / "hosts"), playbooks=(playbook,))))
    assert not files.changed()
    playbook.write_text(good, "utf-8")
    assert files.changed()
