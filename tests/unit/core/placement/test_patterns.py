"""Host patterns. That they select what ansible-core selects is held by the oracle's tests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploytool.core.placement.patterns import NoMatch, select
from deploytool.model.inventory import Connection, Group, Host, Inventory

HOSTS = ("web1", "web2", "web3", "db1", "db2", "lone")
GROUPS = {
    "all": HOSTS,
    "ungrouped": ("lone",),
    "web": HOSTS[:3],
    "db": HOSTS[3:5],
    "eu": ("web1", "db1"),
    "none": (),
}
SHOP = Inventory(
    "shop",
    {name: Host(name, Connection(name)) for name in HOSTS},
    {name: Group(name, hosts) for name, hosts in GROUPS.items()},
)


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("all", "web1 web2 web3 db1 db2 lone"),
        ("db:web", "db1 db2 web1 web2 web3"),
        ("web,db1,web1", "web1 web2 web3 db1"),
        ("web:&eu", "web1"),
        ("&eu:web", "web1"),
        ("!web3:web", "web1 web2"),
        ("!web", "db1 db2 lone"),
        ("&eu", "web1 db1"),
        ("web[0]", "web1"),
        ("web[-1]", "web3"),
        ("web[1:2]", "web2 web3"),
        ("web[1:]", "web2 web3"),
        ("web[1:9]:db[0]", "web2 web3 db1"),
        ("*1", "web1 db1"),
        ("w?b*", "web1 web2 web3"),
        ("~(web|db)1", "web1 db1"),
        ("~web\\d:!web2", "web1 web3"),
        ("none:web1", "web1"),
        ("localhost", "localhost"),
        ("web1, localhost", "web1 localhost"),
    ],
)
def test_selects(pattern: str, hosts: str) -> None:
    """Union first, then intersections, then exclusions, in whatever order they are written."""
    assert select(pattern, SHOP) == tuple(hosts.split())


@pytest.mark.parametrize(
    ("pattern", "message", "hint"),
    [
        ("wbe", "'wbe' matches no host and no group", "did you mean 'web'"),
        ("all:!bd", "'bd' matches no host and no group", "did you mean 'db'"),
        ("web:&ue", "'ue' matches no host and no group", "did you mean 'eu'"),
        ("zzz*", "'zzz*' matches no host and no group", "groups with hosts: all, db, eu, ungrouped, web"),
        (
            "web:&db",
            "the host pattern 'web:&db' leaves no host",
            "its parts match, but nothing is left of them",
        ),
        ("none", "the host pattern 'none' leaves no host", ""),
        ("", "the host pattern is empty", "write 'all' to select every host"),
        (" , ", "the host pattern is empty", ""),
        ("web[3]", "'web[3]' is outside of the 3 hosts that match", "the first is [0], the last [-1]"),
        ("web[5:9]", "'web[5:9]' is outside of the 3 hosts that match", ""),
        ("web[1-2]", "'web[1-2]' is not a range of hosts", "write [first:last]"),
        ("~(", "'~(' is not a regular expression", ""),
        ("w?b[12]", "'w?b[12]' is outside of the 3 hosts that match", ""),
        ("web:[db", "the host pattern 'web:[db' has a bracket without its other half", ""),
        ("web:!", "'!' in the host pattern 'web:!' is followed by nothing", ""),
    ],
)
def test_refuses(pattern: str, message: str, hint: str) -> None:
    """A part that matches nothing, or a pattern that leaves nothing, is an error with near names."""
    with pytest.raises(NoMatch) as caught:
        select(pattern, SHOP)
    assert caught.value.message.startswith(message)
    assert caught.value.hint.startswith(hint)


def test_files() -> None:
    """A file is one pattern a line, with the same meaning as on the command line."""
    content = {"retry": "web1\n\n db \n!db2\n"}
    assert select("@retry", SHOP, content.__getitem__) == ("web1", "db1")
    assert select("lone,@retry", SHOP, content.__getitem__) == ("lone", "web1", "db1")


PARTS = st.sampled_from(["all", "web", "db", "eu", "web1", "db2", "lone", "*1", "~web"])


def chosen(pattern: str) -> set[str]:
    try:
        return set(select(pattern, SHOP))
    except NoMatch:
        return set()


@given(PARTS, PARTS, PARTS)
def test_algebra(one: str, other: str, third: str) -> None:
    """A pattern is a union, cut with what has an &, without what has a !."""
    assert chosen(f"{one}:{other}") == chosen(one) | chosen(other)
    assert chosen(f"{one}:&{other}:!{third}") == (chosen(one) & chosen(other)) - chosen(third)
    assert chosen(f"!{third},{one},&{other}") == chosen(f"{one}:&{other}:!{third}")


@given(st.lists(PARTS, min_size=1, max_size=4))
def test_no_host_twice(parts: list[str]) -> None:
    """However often a host is named, it is selected once."""
    hosts = select(",".join(parts), SHOP)
    assert len(hosts) == len(set(hosts))
