"""Renders single values, as tests of templates do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploytool.errors import InputError, Place
from deploytool.load.templates.lazy_vars import LazyVars
from deploytool.load.templates.template import Templates

AT = Place("vars.yaml", 3, 5)


TEMPLATES = Templates(search=Path(), environ={"HOME": "/root"})


def render(value: Any, **variables: Any) -> Any:
    return TEMPLATES.render(value, LazyVars(TEMPLATES, variables), AT)


def problem(value: Any, **variables: Any) -> str:
    with pytest.raises(InputError) as caught:
        render(value, **variables)
    (found,) = caught.value.problems
    return f"{found.place} {found.message}" + (f" | {found.hint}" if found.hint else "")
