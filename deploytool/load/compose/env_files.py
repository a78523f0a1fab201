"""Chains of ``env_file``: a value may refer to the variables of the files before it."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from deploytool.load.text.problems import Problems


@dataclass(frozen=True, slots=True)
class EnvFile:
    """A file of variables. In a ``raw`` one, quotes and ``$`` mean nothing."""

    path: Path
    raw: bool


@dataclass(frozen=True, slots=True)
class EnvFiles:
    """Reads each chain of files once. ``environment`` is looked up and never copied: lookups are logged."""

    environment: Mapping[str, str]
    _known: dict[tuple[EnvFile, ...], tuple[dict[str, str], Problems]] = field(default_factory=dict)

    def read(self, chain: tuple[EnvFile, ...]) -> tuple[dict[str, str], Problems]:
        """The variables of all files of a chain, of which later ones win, and the problems in them."""
        if not chain:
            return {}, Problems()
        if chain not in self._known:
            self._known[chain] = self._read(*self.read(chain[:-1]), chain[-1])
        return self._known[chain]

    def _read(
        self, values: dict[str, str], earlier: Problems, file: EnvFile
    ) -> tuple[dict[str, str], Problems]:
        from deploytool.load.templates.dotenv import read_dotenv

        problems = Problems()
        problems.found += earlier.found
        outer = ChainMap(values, cast(dict[str, str], self.environment))
        own = read_dotenv(file.path, str(file.path), outer, problems, raw=file.raw)
        return values | own, problems
