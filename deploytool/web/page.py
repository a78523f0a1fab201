"""A watcher's snapshot → a page: hosts as columns, services as rows, each replica a mark with its age.

Pure. Whatever a name, a reason or a log line holds is text on the page, never markup.
The page is whole without JavaScript; its ``sections`` are what a script may replace one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from html import escape

from deploytool.model.event import Level
from deploytool.model.inventory import HostState
from deploytool.model.release import Release
from deploytool.model.snapshot import (
    Action,
    ReplicaState,
    Snapshot,
    WatchedHost,
    WatchedProject,
    WatchedReplica,
    WatchedService,
)
from deploytool.report.table import age

REFRESH_S = 10  # without JavaScript
MOST_ACTIONS = 100
MOST_NAMES = 8
MOST_MISSING = 20  # marks in one cell

# State → its mark and its colour's class. The shape alone has to tell, too.
MARKS = {
    ReplicaState.HEALTHY: ("●", "good"),
    ReplicaState.RUNNING: ("●", "good"),
    ReplicaState.DONE: ("✓", "done"),
    ReplicaState.STARTING: ("◐", "busy"),
    ReplicaState.RESTARTING: ("◓", "warn"),
    ReplicaState.CREATED: ("◌", "busy"),
    ReplicaState.PAUSED: ("❙❙", "warn"),
    ReplicaState.UNHEALTHY: ("◆", "bad"),
    ReplicaState.EXITED: ("✕", "bad"),
    ReplicaState.DEAD: ("✕", "bad"),
    ReplicaState.REMOVING: ("✕", "done"),
    ReplicaState.UNKNOWN: ("?", "warn"),
}
LEGEND = (
    ReplicaState.HEALTHY,
    ReplicaState.STARTING,
    ReplicaState.UNHEALTHY,
    ReplicaState.RESTARTING,
    ReplicaState.EXITED,
    ReplicaState.DONE,
)
MISSING = ("○", "bad")


def page(snapshot: Snapshot) -> str:
    """The whole document."""
    parts = "\n".join(f'<div id="{name}">{html}</div>' for name, html in sections(snapshot).items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>deploytool watch</title>
<noscript><meta http-equiv="refresh" content="{REFRESH_S}"></noscript>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="page.css">
<script src="page.js" defer></script>
</head>
<body>
<main data-version="{snapshot.version}" data-now="{snapshot.now_s:.3f}">
{parts}
</main>
<footer><span id="link" role="status">as of the last load</span> · read-only · {_legend()}</footer>
</body>
</html>
"""


def sections(snapshot: Snapshot) -> dict[str, str]:
    """The parts of the page by id, in their order."""
    return {
        "summary": _summary(snapshot),
        "projects": "".join(_project(project, snapshot) for project in snapshot.projects)
        or '<p class="quiet">No project was looked at yet.</p>',
        "actions": _actions(snapshot),
    }


# --- what there is to say first ---------------------------------------------------------------------------


def _summary(snapshot: Snapshot) -> str:
    word, kind = _headline(snapshot)
    wanted = sum(service.wanted for service in snapshot.services)
    healthy = sum(sum(service.healthy.values()) for service in snapshot.services)
    answering = sum(bool(host.reachable) for host in snapshot.hosts)
    facts = [
        f"<b>{healthy}</b> of <b>{wanted}</b> replicas are healthy",
        f"<b>{answering}</b> of <b>{len(snapshot.hosts)}</b> hosts answer",
    ]
    if snapshot.last_success_s and not snapshot.whole:
        facts.append(f"as expected {_since(snapshot.last_success_s, snapshot.now_s)} ago")
    lines = [f'<h1 class="{kind}">{escape(word)}</h1>', f"<p>{' · '.join(facts)}</p>"]
    if snapshot.problem:
        lines.append(
            f'<p class="note bad">The files that are there now are not used: {_text(snapshot.problem)}</p>'
        )
    lines += [
        f'<p class="note bad">{_lost(host, snapshot.now_s)}</p>'
        for host in _unreachable(snapshot)[:MOST_NAMES]
    ]
    more = len(_unreachable(snapshot)) - MOST_NAMES
    if more > 0:
        lines.append(f'<p class="note bad">and {more} hosts more</p>')
    return "".join(lines)


def _headline(snapshot: Snapshot) -> tuple[str, str]:
    if not snapshot.ready:
        return "Looking at the hosts", "busy"
    if snapshot.converging:
        return "Converging", "busy"
    if any(project.waits for project in snapshot.projects):
        return "Waiting", "warn"
    if any(project.drift for project in snapshot.projects):
        return "Drift", "warn"
    if any(project.backing_off for project in snapshot.projects):
        return "Backing off", "warn"
    if not snapshot.whole:
        return "Not all hosts answer", "bad"
    return "As expected", "good"


def _unreachable(snapshot: Snapshot) -> list[WatchedHost]:
    return [host for host in snapshot.hosts if host.reachable is False]


def _lost(host: WatchedHost, now_s: float) -> str:
    since = f"has not answered for {_since(host.since_s, now_s)}" if host.since_s else "does not answer"
    return f"<b>{_text(host.name)}</b> {since}: {_text(host.reason or 'no reason known')}"


# --- projects ---------------------------------------------------------------------------------------------


def _project(project: WatchedProject, snapshot: Snapshot) -> str:
    services = [service for service in snapshot.services if service.project == project.name]
    cells: dict[tuple[str, str], list[WatchedReplica]] = defaultdict(list)
    for replica in snapshot.replicas:
        if replica.project == project.name:
            cells[replica.service, replica.host].append(replica)
    named = {service.name for service in services}
    services += [WatchedService(project.name, name) for name in sorted({s for s, _ in cells} - named)]
    hosts = [host for host in snapshot.hosts if any(_concerns(s, host.name, cells) for s in services)]
    shared = _shared_domain([host.name for host in hosts])
    head = "".join(_host(host, host.name.removesuffix(shared)) for host in hosts)
    rows = "".join(_service(service, hosts, cells, snapshot.now_s) for service in services)
    return (
        f"<section><h2>{_text(project.name)}</h2>{_status_line(project, snapshot.now_s)}{_drift(project)}"
        f'<div class="grid" tabindex="0" role="region" aria-label="{_text(project.name)}"><table>'
        f'<thead><tr><th scope="col">service</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _concerns(service: WatchedService, host_name: str, cells: Mapping[tuple[str, str], object]) -> bool:
    return bool(service.desired.get(host_name)) or (service.name, host_name) in cells


def _status_line(project: WatchedProject, now_s: float) -> str:
    parts = [_release(project.release)] if project.release else ["no release yet"]
    leases: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for host_name, lease in sorted(project.leases.items()):
        leases[lease.who, lease.reason, lease.manual].append(host_name)
    parts += [_lease(*key, hosts) for key, hosts in leases.items()] or ["no lease is held"]
    why = project.waits[:1].upper() + project.waits[1:]
    waits = f'<p class="note warn">{_text(why)}</p>' if why else ""
    return f'<p class="quiet">{" · ".join(parts)}</p>{waits}'


def _release(release: Release) -> str:
    who = f" by {_text(release.who)}" if release.who else ""
    commit = f", commit <code>{_text(release.commit[:10])}</code>" if release.commit else ""
    return f"release <b>{release.number}</b>, {_text(release.when)}{who}{commit}"


def _lease(who: str, reason: str, manual: bool, hosts: list[str]) -> str:
    why = f" ({_text(reason)})" if reason else ""
    how = " by hand" if manual else ""
    return f'<span class="warn">lease of {_text(who or "another run")}{why}{how} on {_names(hosts)}</span>'


def _drift(project: WatchedProject) -> str:
    if not project.drift:
        return ""
    return f'<pre class="drift">{_text(chr(10).join(project.drift))}</pre>'


def _host(host: WatchedHost, short: str) -> str:
    flags = [word for word, is_so in _flags(host) if is_so]
    said = f'<span class="flags">{_text(", ".join(flags))}</span>' if flags else ""
    kind = ' class="bad"' if host.reachable is False else ""
    title = _text(": ".join(filter(None, (host.name, host.reason))))
    return f'<th scope="col"{kind} title="{title}"><span class="name">{_text(short)}</span>{said}</th>'


def _shared_domain(names: list[str]) -> str:
    """The ending that all names share from a point on; it is left out, since columns are narrow."""
    endings = [name.partition(".")[2] for name in names]
    alike = len(names) > 1 and endings[0] and len(set(endings)) == 1
    return f".{endings[0]}" if alike else ""


def _flags(host: WatchedHost) -> tuple[tuple[str, bool], ...]:
    return (
        ("no answer", host.reachable is False),
        ("not looked at", host.reachable is None),
        (host.state, host.state is not HostState.ACTIVE),
        ("failing", host.doubtful),
        ("no events", bool(host.reachable) and not host.follows),
    )


def _service(
    service: WatchedService,
    hosts: Iterable[WatchedHost],
    cells: Mapping[tuple[str, str], list[WatchedReplica]],
    now_s: float,
) -> str:
    healthy, wanted = sum(service.healthy.values()), service.wanted
    kind = "good" if healthy >= wanted else "bad"
    image = ""
    if service.image:
        short = service.image.rpartition("/")[2]
        image = f'<span class="flags" title="{_text(service.image)}">{_text(short)}</span>'
    rests = ""
    if service.backoff_until_s > now_s or service.why:
        rests = f'<span class="flags warn">left alone: {_text(service.why or "it failed too often")}</span>'
    columns = "".join(
        _cell(host, service.desired.get(host.name, 0), cells.get((service.name, host.name), []), now_s)
        for host in hosts
    )
    return (
        f'<tr><th scope="row"><span class="name">{_text(service.name)}</span> '
        f'<span class="count {kind}">{healthy}/{wanted}</span>{image}{rests}</th>{columns}</tr>'
    )


def _cell(host: WatchedHost, wanted: int, replicas: list[WatchedReplica], now_s: float) -> str:
    marks = [_replica(replica, now_s, known=bool(host.reachable)) for replica in replicas]
    missing = min(wanted - len(replicas), MOST_MISSING)
    if missing > 0:
        word, kind = ("missing", MISSING[1]) if host.reachable else ("not known", "done")
        marks += [_mark(MISSING[0], kind, word, word, "")] * missing
    return f"<td>{''.join(marks)}</td>"


def _replica(replica: WatchedReplica, now_s: float, *, known: bool) -> str:
    mark, kind = MARKS[replica.state]
    words = [
        (replica.name, True),
        (replica.state if known else f"was {replica.state} when last seen", True),
        ("of an older definition", not replica.current),
        (f"restarted {replica.restarts} times", replica.restarts > 0),
        (f"failed {replica.failures} times", replica.failures > 0),
        (f"left alone for {age(replica.backoff_until_s - now_s)}", replica.backoff_until_s > now_s),
        (replica.why, bool(replica.why)),
    ]
    title = " · ".join(word for word, is_so in words if is_so)
    classes = f"{kind if known else 'done'}{'' if replica.current else ' old'}"
    beside = _since(replica.since_s, now_s) if replica.since_s else "–"
    return _mark(mark, classes, title, replica.state, beside)


def _mark(mark: str, kind: str, title: str, spoken: str, beside: str) -> str:
    return (
        f'<span class="replica {kind}" title="{_text(title)}"><span aria-hidden="true">{mark}</span>'
        f'<span class="spoken">{_text(spoken)}</span><small>{beside}</small></span>'
    )


# --- what happened ----------------------------------------------------------------------------------------


def _actions(snapshot: Snapshot) -> str:
    lines = [_action(action) for action in reversed(snapshot.actions[-MOST_ACTIONS:])]
    listed = f"<ol>{''.join(lines)}</ol>" if lines else '<p class="quiet">Nothing yet.</p>'
    return f"<section><h2>Drift and actions</h2>{listed}</section>"


_KIND_OF_LEVEL = {Level.INFO: "plain", Level.WARNING: "warn", Level.ERROR: "bad"}


def _action(action: Action) -> str:
    moment = datetime.fromtimestamp(action.when_s, timezone.utc).astimezone()
    kind = _KIND_OF_LEVEL[action.level]
    where = f"<b>{_text(action.host)}</b>: " if action.host else ""
    what = action.text.removeprefix(f"{action.host}: ")  # it may begin with its host, as in a log
    return (
        f'<li class="{kind}"><time datetime="{moment.isoformat(timespec="seconds")}">{moment:%H:%M:%S}</time>'
        f"<span>{where}{_text(what)}</span></li>"
    )


# --- words ------------------------------------------------------------------------------------------------


def _legend() -> str:
    marks = (f'<span class="{MARKS[state][1]}">{MARKS[state][0]}</span> {state}' for state in LEGEND)
    return ", ".join((*marks, f'<span class="bad">{MISSING[0]}</span> missing'))


def _since(moment_s: float, now_s: float) -> str:
    return f'<span data-since="{moment_s:.3f}">{age(now_s - moment_s)}</span>'


def _names(names: list[str]) -> str:
    shown = ", ".join(map(_text, names[:MOST_NAMES]))
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"


def _text(text: str) -> str:
    """Foreign text as text: no markup, and no character that turns the direction of what follows."""
    return escape("".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text))
