"""One string → a compiled template, or an error in a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jinja2 import TemplateSyntaxError, nodes

from deploytool.errors import Place
from deploytool.load.templates.limits import Data
from deploytool.load.templates.sandbox import Environment
from deploytool.load.text.problems import input_error, near

MAX_TEMPLATE = 1024 * 1024

# Docker's own templates, as in a log tag: never an expression, since those do not begin with a dot.
_DOCKERS = re.compile(r"\{\{-?\s*\.([\w.]*)\s*-?\}\}")
_SWARMS = ("Node", "Service", "Task")
_RAW_HINT = "braces that are to stay go between {% raw %} and {% endraw %}"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template ready to run; ``single`` where it is one ``{{ expression }}``."""

    run: Callable[[Data], Iterator[str]]
    single: bool
    size: int


def compile_template(env: Environment, text: str, place: Place) -> Compiled:
    """The template in ``text``. Raises InputError at ``place`` where it is none."""
    if len(text) > MAX_TEMPLATE:
        raise input_error(place, f"a template of more than {MAX_TEMPLATE // 1024} KiB")
    try:
        tree = env.metered(_with_dockers_templates(text, place))
        expression = _single(tree)
        if expression is not None:
            target = nodes.Name("result", "store", lineno=1)
            tree.body = [nodes.Assign(target, expression, lineno=1)]
        return Compiled(env.from_string(tree).root_render_func, expression is not None, len(text))
    except TemplateSyntaxError as error:
        raise input_error(place, *_syntax_sentence(error, env)) from None
    except RecursionError:
        raise input_error(place, "the template is nested too deep") from None
    except Exception as error:
        raise input_error(place, f"the template cannot be compiled: {one_line(error)}") from None


def _with_dockers_templates(text: str, place: Place) -> str:
    """The text with Docker's templates, as ``{{.Name}}``, marked as raw.

    Raises:
        InputError: one that only Swarm fills in.
    """
    found = {match[1] for match in _DOCKERS.finditer(text)}
    if not found or "{% raw" in text:
        return text
    swarms = next((name for name in sorted(found) if name.split(".")[0] in _SWARMS), None)
    if swarms:
        hint = "the host's name is {{ inventory_hostname }}, the other hosts' are in placements"
        raise input_error(place, f"'{{{{.{swarms}}}}}' is filled in by Swarm only", hint)
    return _DOCKERS.sub(lambda match: f"{{% raw %}}{match[0]}{{% endraw %}}", text)


def _single(tree: nodes.Template) -> nodes.Expr | None:
    """The expression, where the template is nothing but one."""
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output) or len(tree.body[0].nodes) != 1:
        return None
    node = tree.body[0].nodes[0]
    return None if isinstance(node, nodes.TemplateData) else node


def _syntax_sentence(error: TemplateSyntaxError, env: Environment) -> tuple[str, str]:
    message = (error.message or "wrong syntax").rstrip(".")
    for kind, known in (("filter", env.filters), ("test", env.tests)):
        prefix = f"No {kind} named '"
        if message.startswith(prefix):
            name = message[len(prefix) :].rstrip("'")
            return f"unknown {kind} '{name}'", near(name, (n for n in known if not n.startswith("_")))
    return f"wrong template syntax: {message}", _RAW_HINT


def one_line(error: BaseException) -> str:
    """The first line of an exception's message."""
    text = str(error).split("\n", 1)[0] or type(error).__name__
    return text[:300]
