"""The plan as a document that travels: its version, and the checksum that tells a damaged one.

``plan.saved_plan`` says what is in it, ``load.text.plan_file`` how it is read, and ``docs/plan.schema.json``
describes it to others. Nothing in a document is secret, and its checksum is no secret's hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

FORMAT = 1
DIGEST = "digest"

Document: TypeAlias = Mapping[str, Any]


def sealed(body: Document) -> dict[str, Any]:
    """The document of plain JSON values that ``body`` is, with its checksum as the last key."""
    plain: dict[str, Any] = json.loads(json.dumps(body))
    return {**plain, DIGEST: digest_of(plain)}


def digest_of(document: Document) -> str:
    """The checksum over all but itself, whatever the order of keys and the white space."""
    body = {key: value for key, value in document.items() if key != DIGEST}
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def text_of(document: Document) -> str:
    """As it is written to a file."""
    return json.dumps(document, indent=2) + "\n"
