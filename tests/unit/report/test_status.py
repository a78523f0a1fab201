"""Where projects stand, as people and programs read it."""

from __future__ import annotations

import json

from deploytool.errors import Place, Problem
from deploytool.model.release import Lease, Release
from deploytool.model.status import HeldLease, ProjectStatus, Route, Row, Status
from deploytool.report.status import status_json, status_text

STANDING = Status(
    rows=(
        Row("shop", "web", "h1", 2, 2, 1, 1, 0, 0, 0, 2, 190.0),
        Row("shop", "web", "h10", 1),
        Row("shop", "job", "h1", 1, 0, 0, 0, 0, 0, 1, 1),
    ),
    projects=(
        ProjectStatus(
            "shop",
            Release(12, "d", when="2026-11-25 13:50:18+00:00", who="me@here", commit="0f3c9d1e77aa55"),
            (HeldLease(Lease("ci", who="ci@runner", reason="converge"), ("h1", "h2"), 42.4),),
            steps=1,
        ),
        ProjectStatus("blog", None, (HeldLease(Lease("me", who="me", manual=True), ("h1",), 1e9),)),
    ),
    unreachable={"h10": "no answer"},
)


TEXT = """\
PROJECT  SERVICE  HOST  EXPECTED  RUNNING  HEALTHY  UNHEALTHY  RESTARTING  CURRENT  AGE  STATE
shop     web      h1    2         2        1        1          0           2        3m   unhealthy
shop     web      h10   1         ?        ?        ?          ?           ?        -    unreachable
shop     job      h1    1         0        0        0          0           1        -    done
shop: release 12, 2026-11-25 13:50:18+00:00 by me@here, commit 0f3c9d1e77; \
lease held by ci@runner (converge) on h1, h2 for 42s more
blog: no release yet; lease held by me on h1 until it is released
h10: unreachable: no answer
2 of 4 replicas are healthy.
Changes are pending: see deploytool plan.
"""


def test_a_table_then_releases_and_leases_then_the_verdict():
    """What is not known is a question mark."""
    assert status_text(STANDING) == TEXT


def test_without_a_plan_nothing_is_said_of_what_is_expected():
    """The problems are printed as problems."""
    found = Status(
        rows=(Row("shop", "web", "h1", None, 1, 1, 0, 0, 0, 0, 1),), problems=(Problem(Place("x"), "y"),)
    )
    assert "1 replicas are healthy; what is expected is not known" in status_text(found)


def test_as_json_it_is_one_document():
    """With the same words, ages in seconds, and what is not known as null."""
    document = json.loads(status_json(STANDING))
    assert document["converged"] is False
    assert document["unreachable"] == {"h10": "no answer"}
    assert document["replicas"][0]["age_s"] == 190.0
    assert document["replicas"][1]["running"] is None
    assert [row["state"] for row in document["replicas"]] == ["unhealthy", "unreachable", "done"]
    assert document["projects"][0]["release"]["number"] == 12
    assert document["projects"][0]["leases"][0]["hosts"] == ["h1", "h2"]
    assert document["projects"][1]["leases"][0]["seconds_left"] is None
    assert "\n" not in status_json(STANDING, indent=None).rstrip("\n")


ROWS = (Row("shop", "web", "h1", 1, 1, 1, 1),)


ROUTES = (Route("h1", "shop/web", "shop-web-1", 2, ""), Route("h1", "shop/web", "h2", 0, "failed active hc"))


def test_status_says_what_each_proxy_thinks() -> None:
    """Beside what runs: to whom requests are sent, how many are under way, and to whom none are."""
    assert status_text(Status(ROWS, routes=ROUTES)).splitlines()[2:7] == [
        "",
        "PROXY  SERVICE   SENDS TO    REQUESTS  STATE",
        "h1     shop/web  shop-web-1  2         healthy",
        "h1     shop/web  h2          0         failed active hc",
        "",
    ]
    (first, second) = json.loads(status_json(Status(ROWS, routes=ROUTES)))["ingress"]
    assert (first["state"], second["state"]) == ("healthy", "failed active hc")


def test_without_ingress_status_says_nothing_of_it() -> None:
    """No empty table."""
    assert "PROXY" not in status_text(Status(ROWS))
