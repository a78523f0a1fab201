"""Enums of words print as their words everywhere."""

from __future__ import annotations

import json

from deploytool.model.container import ContainerState


def test_a_member_is_its_word():
    """In text, in JSON, and where it is compared with what somebody else wrote."""
    state = ContainerState.EXITED
    assert state == "exited" and str(state) == f"{state}" == "exited"
    assert json.dumps({"state": state}) == '{"state": "exited"}'
    assert {"exited": 1}[state] == 1
