"""Ingress: the routes from published ports with ``mode: ingress`` to services.

Every host of the play answers on such a port and passes each request to a healthy replica, wherever that
runs. One proxy a host does so for all projects of the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.errors import Place
from deploytool.model.secret import Secret
from deploytool.model.str_enum import StrEnum

INGRESS_PROJECT = "deploytool-ingress"
"""The project of the proxies, and the Docker network on which they meet the replicas of their host."""

HOLDER, PROXY = "net", "envoy"
"""The two services of a proxy: one holds network and published ports, the other is replaced beside it."""

UNFINISHED = "unfinished"
"""The digest that a host reports for a configuration that its proxy has not accepted."""

DEFAULT_IMAGE = "docker.io/envoyproxy/envoy:v1.40.0"
DEFAULT_MESH = (15080, 15179)

METRICS_PATH = "/stats/prometheus"
ANY_HOST = "*"


class IngressProtocol(StrEnum):
    """The protocol between a proxy and a service. ``HTTP`` includes WebSockets."""

    HTTP = "http"
    HTTP2 = "http2"
    GRPC = "grpc"
    TCP = "tcp"


@dataclass(frozen=True, slots=True)
class Tls:
    """The names of two secrets of the project, both PEM."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class IngressKeys:
    """``x-ingress`` of a service. ``domains``: host names, whose first label may be ``*``.

    ``timeout_s``: 0 for no limit. ``health_path``: the path of health checks, empty to check the connection
    only. ``max_requests``: each proxy's limit of concurrent requests to the service, and of queued ones.
    """

    domains: tuple[str, ...] = (ANY_HOST,)
    path: str = "/"
    protocol: IngressProtocol = IngressProtocol.HTTP
    health_path: str = ""
    timeout_s: float = 0.0
    sticky: bool = False
    tls: Tls | None = None
    redirect_https: bool = False
    max_requests: int = 8192

    @property
    def is_http(self) -> bool:
        return self.protocol != IngressProtocol.TCP

    def ends_tls(self, published: int, app_protocol: str) -> bool:
        """True if the proxy terminates TLS on a port: by its ``app_protocol``, else on all ports but 80."""
        return self.tls is not None and (app_protocol == "https" or (not app_protocol and published != 80))


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """``ingress`` of a play: how the proxies of its hosts are run. ``mesh`` is a range of ports.

    The first port of ``mesh`` takes HTTP from the proxies of other hosts, the second serves the proxy's
    metrics, each of the rest takes one TCP service. ``drain_s``: the time for which a replaced proxy may keep
    its connections. ``mtls``: the file name of the certificate authority, empty for plain connections between
    hosts; ``authority``: the content of this file.
    """

    image: str = DEFAULT_IMAGE
    mesh: tuple[int, int] = DEFAULT_MESH
    drain_s: float = 900.0
    mtls: str = field(default="", compare=False)
    authority: Secret | None = None
    place: Place = field(default=Place(""), compare=False)

    @property
    def metrics_port(self) -> int:
        return self.mesh[0] + 1


@dataclass(frozen=True, slots=True)
class Offer:
    """One service behind one published port, with the data that other projects need to detect a clash.

    ``mesh``: its port between hosts. ``certificate``: the name of its certificate, empty without TLS.
    """

    project: str
    service: str
    port: int
    protocol: IngressProtocol = IngressProtocol.HTTP
    tls: bool = False
    domains: tuple[str, ...] = (ANY_HOST,)
    path: str = "/"
    mesh: int = 0
    place: str = ""
    certificate: str = ""

    @property
    def name(self) -> str:
        return f"{self.project}/{self.service}"


@dataclass(frozen=True, slots=True)
class Belief:
    """The state of one endpoint of a service (``project/service``) as a proxy reports it.

    ``endpoint``: a container on the proxy's host, or another host. ``active``: the number of requests in
    progress. ``trouble``: the reason for which it gets no requests, empty where it does.
    """

    service: str
    endpoint: str
    active: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """The configuration that a host's proxy has of one project.

    ``digest``: of the whole configuration. ``local``: service → its containers among the endpoints.
    ``remote``: service → host → the weight of another host among the endpoints.
    """

    digest: str = ""
    offers: tuple[Offer, ...] = ()
    local: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remote: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
