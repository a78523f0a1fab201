"""The document of a saved plan: the version of its format, and a checksum against damage.

``plan.saved_plan`` writes its content, ``load.text.plan_file`` reads it, and ``docs/plan.schema.json`` is its
schema. A document contains no secret, and no hash from which one could be guessed.
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
    """The document: ``body`` as plain JSON values, with its checksum as the last key."""
    plain: dict[str, Any] = json.loads(json.dumps(body))
    return {**plain, DIGEST: digest_of(plain)}


def digest_of(document: Document) -> str:
    """The checksum over all other keys, independent of the order of keys and of white space."""
    body = {key: value for key, value in document.items() if key != DIGEST}
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def text_of(document: Document) -> str:
    """The text of a document for a file."""
    return json.dumps(document, indent=2) + "\n"
