"""The end of a run as people read it: the recap a host."""

from __future__ import annotations

from deploytool.model.event import HostLooked
from deploytool.report.run_summary import RunSummary
from deploytool.report.run_text import recap
from tests.builders import Fleet
from tests.unit.report.fleets import shop, summary_of


def test_the_recap_has_a_line_a_host_as_ansible_has(fleet):
    """A replacement is one change; what is in place is ok."""
    assert list(recap(summary_of(fleet, shop()))) == [
        f"h{n} : ok=1    changed=0    unreachable=0    failed=0    skipped=0" for n in (1, 2, 3)
    ]
    assert list(recap(summary_of(fleet, shop("demo/web:2")))) == [
        f"h{n} : ok=0    changed=1    unreachable=0    failed=0    skipped=0" for n in (1, 2, 3)
    ]


def test_the_recap_counts_what_failed_and_who_did_not_answer(fleet):
    """By host, sorted by name."""
    fleet.hosts["h3"].reachable = False
    fleet.hosts["h1"].sick.add("demo/web:2")
    lines = list(recap(summary_of(fleet, shop("demo/web:2"))))
    assert [line.split()[0] for line in lines] == ["h1", "h2", "h3"]
    assert "failed=1" in lines[0]
    assert "unreachable=1" in lines[2]


def test_a_large_quiet_fleet_shares_a_line():
    """Only hosts on which something happened are listed."""
    names = [f"h{n:03}" for n in range(100)]
    fleet = Fleet.of(*names)
    fleet.converge(shop(replicas=100, hosts=names))
    fleet.hosts["h042"].containers.clear()
    lines = list(recap(summary_of(fleet, shop(replicas=100, hosts=names))))
    assert [line.split()[0] for line in lines] == ["h042", "99"]


def test_a_host_that_answers_later_is_not_unreachable():
    """The last look counts."""
    summary = RunSummary()
    summary.add(HostLooked("h1", 1.0, "no answer"))
    summary.add(HostLooked("h1", 1.0))
    assert list(recap(summary)) == ["h1 : ok=0    changed=0    unreachable=0    failed=0    skipped=0"]
