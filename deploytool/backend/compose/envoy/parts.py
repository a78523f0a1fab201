"""A project's part of the configuration of one host's proxy, as files.

Several projects share a proxy, and two runs may change two of them at once. So each project writes a part of
its own, and the host joins the parts line by line:

    digest                      a hash of all the rest
    offers.json                 the offers, for the plans of other projects
    clusters/SERVICE~N          a line each for the front and the local cluster
    local/SERVICE~N             the endpoint of a replica here, with @NAME@ and @PORT@
    remote/SERVICE~N/HOST       the endpoint of another host, with @WEIGHT@
    self/SERVICE~N              this host's name, where its replicas are reached through its mesh port, too
    routes/PORT/DOMAIN          lines of KEY, a tab, and a route; of all projects the highest key comes first
    heads/PORT, chains/PORT     a listener without its filter chains, and a line for each of these
    secrets/NAME                a certificate with its key
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from deploytool.backend.compose.envoy import clusters, identity, listeners, routes
from deploytool.backend.compose.envoy.certificates import mistake
from deploytool.errors import InputError, Problem
from deploytool.model.ingress import ANY_HOST, IngressKeys, Offer, Tls
from deploytool.model.intent import Definition, File, PortMode, Project, Service
from deploytool.model.inventory import Host


def ingress_parts(
    project: Project, offers: Sequence[Offer], host: Host, definition: Definition
) -> tuple[File, ...]:
    """The files of ``project`` for the proxy of ``host``; none where it has no offers."""
    if not offers:
        return ()
    writer = _Writer(project, offers, host, definition)
    for service in project.services:
        if service.exposure:
            writer.service(service, service.exposure)
    return writer.files()


def parts_digest(parts: Iterable[File]) -> str:
    """The digest of a part, as the host reports it; empty for none."""
    return next((part.content.decode() for part in parts if part.path == "digest"), "")


class _Writer:
    def __init__(self, project: Project, offers: Sequence[Offer], host: Host, definition: Definition) -> None:
        self._project, self._offers, self._host, self._definition = project, offers, host, definition
        self._files: dict[str, str] = {}
        self._lines: dict[str, list[str]] = {}
        self._mtls = project.proxy_settings.authority is not None
        if project.proxy_settings.authority:
            for name, secret in identity.secrets(project.proxy_settings.authority, host.name).items():
                self._files[f"secrets/{name}"] = _json(secret)

    def files(self) -> tuple[File, ...]:
        offers = [asdict(offer) for offer in self._offers]
        self._files["offers.json"] = _json(offers)
        texts = {**self._files, **{path: "\n".join(lines) for path, lines in self._lines.items()}}
        whole = hashlib.sha256(json.dumps(sorted(texts.items())).encode()).hexdigest()[:16]
        written = {"digest": whole, **{path: f"{text}\n" for path, text in sorted(texts.items())}}
        return tuple(File(path, text.encode(), 0o600) for path, text in written.items())

    def service(self, service: Service, exposure: IngressKeys) -> None:
        mine = [offer for offer in self._offers if offer.service == service.name]
        target_of = {port.first: port.target for port in service.ports if port.mode == PortMode.INGRESS}
        for index, target in enumerate(dict.fromkeys(target_of.values())):
            behind = [offer for offer in mine if target_of[offer.port] == target]
            self._endpoints(service, index, exposure, behind[0].mesh)
            for offer in behind:
                self._front(service, index, exposure, offer, mine)
            self._mesh(service, index, exposure, behind[0].mesh)

    def _endpoints(self, service: Service, index: int, exposure: IngressKeys, mesh: int) -> None:
        own, name = (self._project.name, service.name, index, exposure), f"{service.name}~{index}"
        front = clusters.front_cluster(*own) | (identity.client() if self._mtls else {})
        both = (front, clusters.local_cluster(*own))
        self._lines[f"clusters/{name}"] = [_json(cluster) for cluster in both]
        self._files[f"local/{name}"] = _json(clusters.endpoint("@NAME@", "@PORT@", "@NAME@", 1))
        for host in self._project.hosts:
            if host.name != self._host.name:
                address = host.address or host.connection.address
                self._files[f"remote/{name}/{host.name}"] = self._remote(address, mesh, host.name)
            elif exposure.sticky:
                # The same hash ring on every host, so that a cookie leads to one replica from each of them.
                self._files[f"remote/{name}/{host.name}"] = self._remote("127.0.0.1", mesh, host.name)
                self._files[f"self/{name}"] = host.name

    def _remote(self, address: str, mesh: int, name: str) -> str:
        marked = {"metadata": identity.MARK} if self._mtls else {}
        return _json(clusters.endpoint(address, mesh, name, "@WEIGHT@") | marked)

    def _front(
        self, service: Service, index: int, exposure: IngressKeys, offer: Offer, mine: Sequence[Offer]
    ) -> None:
        project, port = self._project.name, offer.port
        self._files[f"heads/{port}"] = _json(listeners.head(port, tls=offer.tls))
        if not exposure.is_http:
            chain = listeners.tcp_chain(project, service.name, index, exposure, mesh=False)
            self._add(f"chains/{port}", _json(chain))
            return
        if offer.tls and exposure.tls:
            content = _secret(offer.certificate, service, exposure.tls, self._definition)
            if content:
                self._files[f"secrets/{offer.certificate}"] = content
            for domain in exposure.domains:
                self._add(f"chains/{port}", _json(listeners.https_chain(port, domain, offer.certificate)))
        else:
            self._add(f"chains/{port}", _json(listeners.http_chain(port)))
        https = next((other.port for other in mine if other.tls), None)
        sent_on = https if exposure.redirect_https and not offer.tls else None
        for domain in exposure.domains:
            for line in _keyed(routes.front_routes(project, service.name, index, exposure, sent_on)):
                self._add(f"routes/{port}/{_file_name(domain)}", line)

    def _mesh(self, service: Service, index: int, exposure: IngressKeys, mesh: int) -> None:
        project = self._project.name
        self._files[f"heads/{mesh}"] = _json(listeners.head(mesh, tls=False))
        secured = identity.server() if self._mtls else {}
        if not exposure.is_http:
            chain = listeners.tcp_chain(project, service.name, index, exposure, mesh=True)
            self._add(f"chains/{mesh}", _json(chain | secured))
            return
        self._add(f"chains/{mesh}", _json(listeners.http_chain(mesh, mesh=True) | secured))
        for line in _keyed(routes.mesh_routes(project, service.name, index, exposure)):
            self._add(f"routes/{mesh}/{_file_name(ANY_HOST)}", line)

    def _add(self, path: str, line: str) -> None:
        lines = self._lines.setdefault(path, [])
        if line not in lines:
            lines.append(line)


def _keyed(found: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    return (f"{key}\t{_json(route)}" for key, route in found)


def _file_name(domain: str) -> str:
    """A domain with ``*`` as ``_``, which no host name contains; the host turns it back."""
    return domain.replace("*", "_")


def _secret(name: str, service: Service, tls: Tls, definition: Definition) -> str:
    """Envoy's secret with a certificate and its key.

    Empty in a rollback, whose release has only the names of its secrets: the host keeps the ones it has.
    """
    if not {tls.certificate, tls.key} <= set(definition.toplevel.get("secrets") or {}):
        return ""
    pem, key = (_content(definition, secret) for secret in (tls.certificate, tls.key))
    wrong = mistake(tls, pem, key)
    if wrong:
        raise InputError([Problem(service.place, f"{service.name}: {wrong}", "see x-ingress.tls")])
    certificate = {
        "certificate_chain": {"inline_string": pem.decode()},
        "private_key": {"inline_string": key.decode()},
    }
    return _json(
        {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            "name": name,
            "tls_certificate": certificate,
        }
    )


def _content(definition: Definition, secret: str) -> bytes:
    entries: Mapping[str, Any] = definition.toplevel.get("secrets") or {}
    path = str(entries[secret]["file"])
    return next(file.content for file in definition.files if path.endswith(f"/{file.path}"))


def _json(value: Any) -> str:
    """JSON in one line of ASCII, so that the host's tools need no encoding."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True, sort_keys=True)
