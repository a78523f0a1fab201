"""Where a machine gets its packages from, out of apt's own files."""

from __future__ import annotations

import pytest

from deploytool.lab.apt import Source, deb822_sources, distributions, main_mirror, one_line_sources

DEB822 = """\
# written by the installer
Types: deb deb-src
# snapshot of the day
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
 contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://src.example/debian
Suites: bookworm
Components: main
"""

ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb-src http://src.example/debian bookworm main
deb [arch=amd64 signed-by=/etc/apt/keyrings/x.gpg] https://download.example/linux/debian bookworm stable
deb [ trusted=yes ] http://security.example/debian-security bookworm-security main   # fixes
deb http://mirror.example/debian bookworm main contrib
"""


def test_deb822_gives_every_suite_of_enabled_binary_archives():
    """Comments, folded lines, what is switched off and sources of source packages are seen as such."""
    components = ("main", "contrib")
    assert list(deb822_sources(DEB822)) == [
        Source("http://mirror.example/debian", "bookworm", components),
        Source("http://mirror.example/debian", "bookworm-updates", components),
    ]


def test_one_line_form_leaves_out_options_and_comments():
    """Options in brackets, with and without spaces, and what follows a # are no part of the source."""
    assert list(one_line_sources(ONE_LINE)) == [
        Source("https://download.example/linux/debian", "bookworm", ("stable",)),
        Source("http://security.example/debian-security", "bookworm-security", ("main",)),
        Source("http://mirror.example/debian", "bookworm", ("main", "contrib")),
    ]


@pytest.mark.parametrize("sources", [list(one_line_sources(ONE_LINE)), list(deb822_sources(DEB822))])
def test_the_mirror_is_the_distributions_own(sources):
    """Neither another party's archive nor the one of security updates is taken for it."""
    assert main_mirror(sources, "bookworm") == "http://mirror.example/debian"


def test_a_machine_that_names_its_suite_stable_has_a_mirror_too():
    """Suites that go by a rolling name count; without any that fits there is none."""
    assert main_mirror([Source("http://m.example/debian", "stable", ("main",))], "bookworm")
    assert main_mirror([Source("http://m.example/debian", "jammy", ("main",))], "bookworm") == ""
    assert main_mirror([], "bookworm") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ID=debian\nVERSION_CODENAME=bookworm\n", {"debian"}),
        ('NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n', {"linuxmint", "ubuntu", "debian"}),
        ("", set()),
    ],
)
def test_distributions_are_its_own_and_those_it_is_like(text, expected):
    """A derivative counts as what it derives from."""
    assert distributions(text) == expected
