"""Problems of the input, collected so that one run shows all of them."""

from __future__ import annotations

from collections.abc import Iterable

from deploytool.errors import InputError, Place, Problem

_LONGEST = 500
_SHOWN = 200


class Problems:
    """The problems found so far. ``raise_if_any`` ends the loading with all of them."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, place: Place, message: str, hint: str = "") -> None:
        """Add a problem; ``hint`` is the way out."""
        self.found.append(Problem(place, _readable(message), _readable(hint)))

    def extend(self, error: InputError) -> None:
        """Add the problems of an error."""
        self.found.extend(error.problems)

    def raise_if_any(self) -> None:
        """Raise InputError with all problems, if there are any."""
        if self.found:
            raise InputError(self.found)


class Mistake(Exception):
    """Raised by code that knows no place: the message is a sentence, ``hint`` the way out."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def input_error(place: Place, message: str, hint: str = "") -> InputError:
    """An error with one problem, to be raised."""
    return InputError([Problem(place, _readable(message), _readable(hint))])


def _readable(sentence: str) -> str:
    """The sentence on one line; a very long one loses its middle."""
    if len(sentence) > _LONGEST:
        sentence = f"{sentence[:_SHOWN]} … {sentence[-_SHOWN:]}"
    return " ".join(sentence.splitlines())


def near(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """A hint with the known name that is nearest to ``name``; ``otherwise`` when none is near."""
    from difflib import (
        get_close_matches,  # takes longer to load than most files to read, and few runs need it
    )

    matches = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"did you mean '{matches[0]}'?" if matches else otherwise


def near_key(name: str, known: Iterable[str]) -> str:
    """A hint about a key that is not known."""
    return near(name, known, "docs/compose-support.md lists the keys; one of your own begins with 'x-'")
