"""Why a command may be begun once more. Apart from ``link``, which imports the SSH libraries."""

from __future__ import annotations


class Lost(Exception):
    """The connection was gone before a command began."""
