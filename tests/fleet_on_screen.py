"""A program that shows a large fleet at work, without hosts: what a terminal makes of it is what is tested.

Usage: python -m tests.fleet_on_screen HOSTS. It goes on to the next screen when somebody presses Enter.
"""

from __future__ import annotations

import sys

from deploytool.cli.screen import Screen
from deploytool.model.desired import Desired
from deploytool.model.event import (
    HostLooked,
    Looking,
    Planned,
    StepDone,
    StepFailed,
    StepStarted,
)
from deploytool.model.plan import Gate, GateGoal, Plan, ProjectPlan, Step, StepKind


def main(count: int) -> None:
    hosts = tuple(f"host-{number:03}" for number in range(1, count + 1))
    steps = tuple(
        Step(
            f"shop/{host}/web/start/1",
            StepKind.START,
            host,
            "shop",
            "changed: image",
            service="web",
            count=2,
            gate=Gate(GateGoal.READY, 74.0),
        )
        for host in hosts
    )
    desired = Desired("shop", {("web", host): 2 for host in hosts})
    with Screen() as screen:
        screen.emit(Looking(hosts))
        sys.stdin.readline()
        for host in hosts[: count // 2]:
            screen.emit(HostLooked(host, 0.1))
        sys.stdin.readline()
        for host in hosts[count // 2 :]:
            screen.emit(HostLooked(host, 0.1))
        screen.emit(Planned(Plan((ProjectPlan("shop", "all", hosts, desired, steps),))))
        for step in steps:
            screen.emit(StepStarted(step))
        sys.stdin.readline()
        for number, step in enumerate(steps):
            if number == 0:
                reason, log = "shop-web-1 is unhealthy \x1b[2J", ("first \x1b]0;title\x07", "last")
                screen.emit(StepFailed(step, 1.0, reason, "look at its log", log))
            else:
                screen.emit(StepDone(step, 1.0))
            if number == count // 2:
                sys.stdin.readline()
        sys.stdin.readline()


if __name__ == "__main__":
    main(int(sys.argv[1]))
