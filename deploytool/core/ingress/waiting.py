"""Needs that may be added to a step without a circle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from deploytool.model.plan import Step


def may_need(step_id: str, needs: Iterable[str], steps: Mapping[str, Step]) -> list[str]:
    """The ``needs`` that do not themselves wait for the step, directly or not."""
    needs = list(needs)
    waits: dict[str, bool] = {step_id: True}
    todo = list(needs)
    while todo:
        here = todo[-1]
        before = steps[here].needs if here in steps and here not in waits else ()
        new = [need for need in before if need not in waits]
        if new:
            todo += new
        else:
            todo.pop()
            waits.setdefault(here, any(waits[need] for need in before))
    return [need for need in needs if not waits[need]]
