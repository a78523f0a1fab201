"""``--tags`` and ``--skip-tags``: the choice of plays by their tags."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from deploytool.errors import UsageError
from deploytool.load.text.problems import near


@dataclass(frozen=True, slots=True)
class TagFilter:
    """The tags of the command line. Source: ``Taggable.evaluate_tags`` of ansible-core."""

    tags: Set[str]
    skip_tags: Set[str]

    def selects(self, own: Set[str]) -> bool:
        """True where a play with the tags ``own`` runs."""
        return _asked_for(own, self.tags or {"all"}) and not _skipped(own, self.skip_tags)

    def check(self, selected: int, known: Set[str]) -> None:
        """Check that the tags leave a play; ``known`` are the tags of all plays.

        Raises:
            UsageError: they leave none, which would run nothing in silence.
        """
        if not selected and (self.tags or self.skip_tags):
            raise UsageError(f"{self} leaves no play", hint=self._hint(known))

    def __str__(self) -> str:
        options = (("--tags", self.tags), ("--skip-tags", self.skip_tags))
        return " ".join(f"{option} {','.join(sorted(words))}" for option, words in options if words)

    def _hint(self, known: Set[str]) -> str:
        otherwise = f"the tags are {', '.join(sorted(known))}" if known else "no play has tags"
        return next(filter(None, (near(tag, known) for tag in sorted(self.tags))), otherwise)


def _asked_for(own: Set[str], tags: Set[str]) -> bool:
    effective = own or {"untagged"}
    if "always" in own or effective & tags:
        return True
    return "never" not in own and ("all" in tags or ("tagged" in tags and bool(own)))


def _skipped(own: Set[str], skip: Set[str]) -> bool:
    effective = own or {"untagged"}
    if "all" in skip:
        return "always" not in own or "always" in skip
    return bool(effective & skip) or ("tagged" in skip and bool(own))
