"""A host that joins gets nothing by itself, and its share when somebody asks for it."""

from __future__ import annotations

from tests.lab.user import WEB, ok


def test_rebalance_moves_what_evens_out_and_no_more(user):
    """3+3 and a new host: converge moves nothing, rebalance two; the next plan is empty."""
    arguments = (user.lab.inventory, user.folder / "site.yaml")
    user.write(WEB.replace("hosts: web", "hosts: web:!lab3"))
    ok(user.converge())
    assert user.counts() == [3, 3, 0]
    user.write(WEB)
    ok(user.converge())
    assert user.counts() == [3, 3, 0]
    before = set().union(*user.ids().values())
    explained = ok(user.run("plan", *arguments, "--explain", "web")).stdout
    assert "lab3   –   not needed" in explained
    assert "2 to start" in ok(user.run("rebalance", *arguments, "--check")).stdout
    ok(user.run("rebalance", *arguments))
    assert user.counts() == [2, 2, 2]
    assert len(before & set().union(*user.ids().values())) == 4
    assert "Nothing to do." in ok(user.converge()).stdout
