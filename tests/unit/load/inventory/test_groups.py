"""The hosts and groups of an inventory: how many there may be."""

from __future__ import annotations

import pytest

from deploytool.errors import InputError
from tests.unit.load.inventory.conftest import Load


def test_huge_ranges_are_refused_at_once(load: Load) -> None:
    """A range that would fill the memory costs nothing, alone or multiplied."""
    for entry in ("h[0:999999999]", "h[0:9999]-[0:9999]-[0:9999]", "h[0:99999999999999999999999]"):
        with pytest.raises(InputError) as caught:
            load(f"all: {{hosts: {{'{entry}': }}}}")
        assert caught.value.problems[0].place.line == 1


def test_hosts_are_counted_over_the_whole_inventory(load: Load) -> None:
    """Many ranges that are each allowed do not add up beyond the limit."""
    entries = ", ".join(f"'{letter}[1:60000]': " for letter in "abc")
    with pytest.raises(InputError, match="more than 100000 hosts"):
        load(f"all: {{hosts: {{{entries}}}}}")
