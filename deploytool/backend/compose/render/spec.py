"""The spec: a hash of what one container is made from. Equal spec, nothing to do.

The hash is ours and versioned, so neither an upgrade of Compose nor one of this tool restarts anything.
Policy (how many, where, in which order) is no part of it; the content of files is, since their paths
carry its hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from deploytool.model.desired import Spec
from deploytool.model.intent import Definition

VERSION = 1

# What a container is not made from: how it is scheduled, rolled, fetched and ordered.
POLICY_KEYS = frozenset({"depends_on", "pull_policy", "scale", "profiles"})
DEPLOY_KEYS = ("resources",)


def spec_of(service: str, definition: Definition) -> Spec:
    """The spec of one service of a rendered definition."""
    made_from = container_keys(definition.services[service])
    parts = {**made_from, **_attached(made_from, definition.toplevel)}
    hashes = {key: _hash(value)[:12] for key, value in sorted(_flat(parts))}
    return Spec(f"{VERSION}:{_hash(parts)[:40]}", str(made_from.get("image", "")), hashes)


def container_keys(service: Mapping[str, Any]) -> dict[str, Any]:
    """A service's mapping without policy: what Compose makes a container from."""
    kept = {key: value for key, value in service.items() if key not in POLICY_KEYS and not _is_note(key)}
    deploy = {key: value for key, value in (kept.pop("deploy", None) or {}).items() if key in DEPLOY_KEYS}
    return {**kept, "deploy": deploy} if deploy else kept


def _is_note(key: str) -> bool:
    return key.startswith("x-")


def _attached(service: Mapping[str, Any], toplevel: Mapping[str, Any]) -> dict[str, Any]:
    """The configs and secrets that a service mounts: their definitions name their content."""
    found: dict[str, Any] = {}
    for kind in ("configs", "secrets"):
        for entry in service.get(kind) or ():
            name = entry["source"] if isinstance(entry, Mapping) else entry
            found[f"{kind}.{name}"] = (toplevel.get(kind) or {}).get(name)
    return found


def _flat(parts: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in parts.items():
        if isinstance(value, Mapping) and value:
            yield from ((f"{key}.{inner}", item) for inner, item in value.items())
        else:
            yield key, value


def _hash(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
