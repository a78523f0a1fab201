"""Messages of failures on a host: the code and the facts that a script reports → a sentence and a hint."""

from __future__ import annotations

from collections.abc import Mapping

from deploytool.backend.compose.documents import Document, printable

_MOST_CHARACTERS = 600
_ROOM = "{free_kib} KiB are free on {mount}"
_SENTENCES: Mapping[str, str] = {
    # the folder of the project
    "folder": "{path} cannot be written by {user}{in_brackets}",
    "lease": f"the lease cannot be written: {_ROOM}",
    "files": f"the files cannot be written: {_ROOM}",
    "ingress-files": f"the proxy's files cannot be written: {_ROOM}",
    "record": f"the release cannot be recorded: {_ROOM}",
    "attempt": f"how it ended cannot be recorded: {_ROOM}",
    "containers": "it still has containers",
    "prune": "what its releases need cannot be read, so no image was removed",
    # images and Compose
    "definition": "Docker Compose refuses the rendered file: {said}",
    "image-missing": "image {image} is not on the host, and pull_policy is never",
    "image-refused": "image {image} cannot be pulled: {said}",
    "start": "Docker Compose could not start it: {said}",
    "remove": "a container could not be removed: {said}",
    # gates: see gates.py
    "nothing-started": "no container was started",
    "gone": "its container {id:.12} is gone",
    "out-of-memory": "{container} ran out of memory, exit code {exit_code}",
    "unhealthy": "{container} is unhealthy",
    "unhealthy-still": "{container} is still unhealthy",
    "starting": "{container} is not healthy yet{restarted}",
    "restarted": "{container} does not keep running{restarted}",
    "created": "{container} was not started yet",
    "running": "{container} did not end yet",
    "exited": "{container} exited with code {exit_code}",
    "loops": "{container} restarts in a loop, the last time after exit code {exit_code}",
    "ended": "{container} {status} with code {exit_code}",
    # the proxy
    "no-client": "neither curl nor perl is on the host, and Envoy is asked with one of them",
    "endpoints": "Envoy does not take the new endpoints: {proxy}",
    "routes": "Envoy does not take the new routes: {proxy}",
}
_LOAD = "load it there (docker save IMAGE | ssh HOST docker load)"
_HINTS: Mapping[str, str] = {
    "image-missing": f"{_LOAD}, or choose another pull_policy",
    "image-refused": f"check its name and tag, log in to its registry on the host (docker login), or {_LOAD}",
}
_PROXY: Mapping[str, str] = {
    "silent": "its admin socket does not answer",
    "unlooked": "{cluster} has not been looked at",
    "unwell": "no replica of {cluster} is well as this host sees it: {places}",
}
_LEFT: Mapping[str, str] = {
    "requests_left": "{number} requests were still under way after {after_s} s",
    "connections_left": "{number} connections stay with the proxy that was replaced after {after_s} s",
}


def sentence(raw: Document) -> str:
    """The sentence for a failure that a host reported, in one line of at most 600 characters."""
    facts = _Facts({name: _in_one_line(str(value)) for name, value in raw.items()})
    code = facts["failed"]
    facts["in_brackets"] = f" ({facts['said']})" if facts["said"] else ""
    facts["restarted"] = _restarted(facts)
    facts["proxy"] = _PROXY.get(facts["why"], facts["said"] or "it does not say why").format_map(facts)
    text = _SENTENCES.get(code, "the host says '{failed}'").format_map(facts) + _when(facts)
    return text[:_MOST_CHARACTERS].strip()


def hint(code: str) -> str:
    """The hint for a failure code; empty where it has none."""
    return _HINTS.get(code, "")


def log_line(raw: Document) -> str:
    """A line of a task's log: of a failed container's output, or the remainder when a drain ended."""
    for name, text in _LEFT.items():
        if name in raw:
            return text.format_map({"number": raw[name], "after_s": raw.get("after_s", 0)})
    check = raw.get("check")
    return printable(f"health check: {check}" if check is not None else str(raw.get("log", "")))


class _Facts(dict[str, str]):
    """The facts that a host reported, by name; a missing one is empty."""

    def __missing__(self, key: str) -> str:
        return ""


def _in_one_line(text: str) -> str:
    return " ".join(printable(text.replace("\n", " ").replace("\r", " ").replace("\t", " ")).split())


def _restarted(facts: _Facts) -> str:
    times = facts["restarts"]
    if times in ("", "0"):
        return ""
    last = facts["last_exit"] or "unknown"
    return f": it was restarted {times} time{'s' * (times != '1')}, the last time after exit code {last}"


def _when(facts: _Facts) -> str:
    if facts["ready_s"]:
        return f", after it had been ready for {facts['ready_s']} s"
    return f" after {facts['after_s']} s" if facts["after_s"] else ""
