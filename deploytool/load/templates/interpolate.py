"""``${VAR}`` in Compose files, with all of Compose's operators.

Differs from Compose in one point: a variable that is not set and has no default is an error here, where
Compose warns and takes the empty string, which here is ``${VAR:-}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from deploytool.errors import Place
from deploytool.load.text.problems import Mistake, input_error, near
from deploytool.load.text.yaml_file import Str

MAX_DEPTH = 32

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_OPERATOR = re.compile(r":-|:\?|:\+|-|\?|\+")


class Interpolation:
    """Replaces ``$NAME`` and ``${NAME…}`` from ``environment``, and ``$$`` by ``$``."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    def __call__(self, text: str, place: Place) -> str:
        """The text with its variables replaced; it keeps its place.

        Raises:
            InputError: a variable is not set, or is required, or the syntax is wrong.
        """
        if "$" not in text:
            return text
        try:
            return Str.at(_Reader(text, self.environment).read_all(), place)
        except Mistake as error:
            raise input_error(place, str(error), error.hint) from None


class _Reader:
    """One pass over one text. ``live`` is false inside a branch that is not taken: nothing is looked up."""

    def __init__(self, text: str, environment: Mapping[str, str]) -> None:
        self._text = text
        self._environment = environment
        self._at = 0

    def read_all(self) -> str:
        return self._read(0, live=True)

    def _read(self, depth: int, *, live: bool) -> str:
        """Text up to its end, or within braces up to the one that closes them."""
        if depth > MAX_DEPTH:
            raise Mistake(f"${{…}} nested deeper than {MAX_DEPTH} levels")
        pieces: list[str] = []
        while self._at < len(self._text):
            character = self._text[self._at]
            if depth and character == "}":
                return "".join(pieces)
            if character == "$":
                pieces.append(self._variable(depth, live))
                continue
            end = self._next_special(depth)
            pieces.append(self._text[self._at : end])
            self._at = end
        if depth:
            raise Mistake("'${' without '}'", "write $$ for a dollar sign")
        return "".join(pieces)

    def _next_special(self, depth: int) -> int:
        ends = [self._text.find(special, self._at) for special in ("$}" if depth else "$")]
        return min((end for end in ends if end >= 0), default=len(self._text))

    def _variable(self, depth: int, live: bool) -> str:
        self._at += 1
        if self._text.startswith("$", self._at):
            self._at += 1
            return "$"
        if self._text.startswith("{", self._at):
            self._at += 1
            return self._braced(depth, live)
        # As in Compose: a dollar sign that begins no variable, as in $(date), is one.
        return self._value(self._name(), live) if _NAME.match(self._text, self._at) else "$"

    def _name(self) -> str:
        match = _NAME.match(self._text, self._at)
        if match is None:
            start = self._text.rindex("$", 0, self._at)
            raise Mistake(
                f"'{self._text[start : start + 12]}' begins no variable", "write $$ for a dollar sign"
            )
        self._at = match.end()
        return match.group()

    def _braced(self, depth: int, live: bool) -> str:
        name = self._name()
        if self._text.startswith("}", self._at):
            self._at += 1
            return self._value(name, live)
        match = _OPERATOR.match(self._text, self._at)
        if match is None:
            raise Mistake(f"'${{{name}' is followed by neither '}}' nor :- - :? ? :+ +")
        self._at = match.end()
        operator = match.group()
        value = self._environment.get(name)
        is_set = bool(value) if operator.startswith(":") else value is not None
        uses_word = is_set if operator.endswith("+") else not is_set
        word = self._read(depth + 1, live=live and uses_word)
        self._at += 1
        if operator.endswith("?") and uses_word and live:
            raise Mistake(
                f"the variable '{name}' is required: {word}" if word else f"the variable '{name}' is required"
            )
        if uses_word or operator.endswith("+"):
            return word if uses_word else ""
        return value or ""

    def _value(self, name: str, live: bool) -> str:
        if not live:
            return ""
        value = self._environment.get(name)
        if value is None:
            hint = f"set it under 'environment' of the play or in .env, or write ${{{name}:-}} for nothing"
            raise Mistake(f"the variable '{name}' is not set", near(name, self._environment) or hint)
        return value
