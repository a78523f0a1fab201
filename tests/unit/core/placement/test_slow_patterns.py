"""A host pattern with a regular expression comes to an end."""

from __future__ import annotations

import pytest

from deploytool.core.placement.patterns import NoMatch, select
from deploytool.model.inventory import Connection, Group, Host, Inventory

NAMES = ("a" * 60 + "!", "web1", "web2")
SHOP = Inventory("shop", {name: Host(name, Connection(name)) for name in NAMES}, {"all": Group("all", NAMES)})


def test_an_expression_that_takes_too_long_is_an_error() -> None:
    """The sentence names the pattern and the host; the hint says why."""
    with pytest.raises(NoMatch, match=r"'~\(a\|aa\)\+\$' takes too long to match 'aaa") as caught:
        select("~(a|aa)+$", SHOP)
    assert "repetition" in caught.value.hint


def test_braces_that_count_nothing_are_text() -> None:
    """As for ``re``: ``{e}`` is no spelling mistake allowed."""
    with pytest.raises(NoMatch, match="matches no host"):
        select("~web3{e}$", SHOP)
    assert select("~web[12]{1}", SHOP) == ("web1", "web2")


def test_an_expression_that_no_machine_has_room_for_is_an_error() -> None:
    """It is refused before it is built."""
    with pytest.raises(NoMatch, match="repetitions of repetitions are too many"):
        select("~((?=b{1000}c){1000}d){1000}", SHOP)
