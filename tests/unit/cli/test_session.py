"""What commands begin with, before anything is decided."""

from __future__ import annotations

import pytest

from deploytool.backend.compose.render.renderer import ComposeRenderer
from deploytool.backend.hosts import HostsBackend
from deploytool.backend.memory.engine import MemoryEngine
from deploytool.backend.memory.host import MemoryHost
from deploytool.cli import session
from deploytool.cli.options import FileOptions, HostOptions, SiteOptions
from deploytool.model.secret import Secret
from tests.builders import host, intent, project


class Begun(MemoryEngine):
    """Notes that its look was begun."""

    def begin(self) -> None:
        self.execs.append("begin")


@pytest.mark.parametrize(("may_be_asked", "begun"), [(False, ["h1", "h2"]), (True, [])])
def test_hosts_are_looked_at_ahead_unless_somebody_may_be_asked(may_be_asked, begun, monkeypatch, tmp_path):
    """As many as --forks; a passphrase is asked for by the first command that needs it."""
    made = {}

    def engine(one):
        made[one.name] = Begun(MemoryHost(one.name))
        return made[one.name]

    prompt = (lambda path: Secret("")) if may_be_asked else None
    backend = HostsBackend(engine, ComposeRenderer)
    monkeypatch.setattr(session, "backend_for", lambda screen, hosts, change: backend)
    monkeypatch.setattr(session, "passphrase_prompt", lambda screen: prompt)
    loaded = session.Loaded(intent(project(hosts=[host(name) for name in ("h1", "h2", "h3")])), tmp_path)
    options = SiteOptions(
        files=FileOptions(inventory="hosts.yaml"), hosts=HostOptions(forks=2, connect_timeout=10.0)
    )
    session.connecting(loaded, None, options)
    assert [name for name, one in made.items() if one.execs] == begun
