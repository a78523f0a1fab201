"""Which steps come after another one: a step that is given more to wait for must not wait for itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from deploytool.model.plan import Step


def may_need(step_id: str, needs: Iterable[str], steps: Mapping[str, Step]) -> list[str]:
    """Those of ``needs`` that are not done only after the step itself, be it by way of others."""
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
