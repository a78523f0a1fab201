"""At a terminal: the plan is shown, and a question comes before anything that runs is stopped or replaced."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tests.lab.user import User
from tests.terminal import Terminal

PLAYBOOK = """\
- name: Shop
  hosts: web
  services:
    web:
      image: "demo/web:{{ tag | default('1') }}"
      init: true
      stop_grace_period: 1s
      deploy: {replicas: 3, update_config: {parallelism: 0, monitor: 0s}}
"""
QUESTION = "Make these changes?"


def at_terminal(user: User, *more: str, environ: Mapping[str, str] | None = None) -> Terminal:
    argv = [sys.executable, "-m", "deploytool", "converge", str(user.lab.inventory), "site.yaml", *more]
    return Terminal(argv, environ or {}, columns=100, rows=30, cwd=str(user.folder))


def test_a_person_is_asked_before_replicas_are_replaced(user):
    """Not for a first start; no means that nothing happens; --yes and DEPLOYTOOL_YES stand for a yes."""
    first = at_terminal(user)
    assert first.run() == 0, first.text
    assert user.counts() == [1, 1, 1]
    assert QUESTION not in first.text
    seen = "\n".join(line for frame in first.frames for line in frame)
    assert "steps" in seen or "hosts looked at" in seen
    assert "lab1 : ok=0    changed=1" in first.text

    before = user.ids()
    declined = at_terminal(user, "-e", "tag=2")
    assert declined.run((QUESTION, "n\n")) == 130, declined.text
    assert user.ids() == before
    assert "± replace 1   changed: image" in declined.text.partition(QUESTION)[0]
    assert "Nothing was changed." in declined.text
    no_answer = at_terminal(user, "-e", "tag=2")
    assert no_answer.run((QUESTION, "\x04")) == 130, no_answer.text
    assert user.ids() == before

    agreed = at_terminal(user, "-e", "tag=2")
    assert agreed.run((QUESTION, "y\n")) == 0, agreed.text
    assert not before["lab1"] & user.ids()["lab1"]
    for tag, more, environ in (("1", ("--yes",), {}), ("2", (), {"DEPLOYTOOL_YES": "1"})):
        unasked = at_terminal(user, "-e", f"tag={tag}", *more, environ=environ)
        assert unasked.run() == 0, unasked.text
        assert QUESTION not in unasked.text
