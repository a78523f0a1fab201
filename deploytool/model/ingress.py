"""What a play offers to the world behind ``mode: ingress``: which requests lead to which service.

Every host of the play answers on such a port and passes each request to a healthy replica, wherever that
runs. One proxy a host, the *edge*, does so for all projects of the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.errors import Place
from deploytool.model.secret import Secret
from deploytool.model.str_enum import StrEnum

EDGE = "deploytool-ingress"
"""The project of the proxies, and the Docker network on which they meet the replicas of their host."""

HOLDER, PROXY = "net", "envoy"
"""The edge's two services: one holds the network and the published ports, the other is replaced beside it."""

UNFINISHED = "unfinished"
"""What a host calls a part that its proxy has not taken yet, or did not take."""

DEFAULT_IMAGE = "docker.io/envoyproxy/envoy:v1.40.0"
DEFAULT_MESH = (15080, 15179)

METRICS_PATH = "/stats/prometheus"
ANY_HOST = "*"


class IngressProtocol(StrEnum):
    """What a proxy speaks to a service. ``HTTP`` takes WebSockets too."""

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
    """``x-ingress`` of a service. ``domains`` are host names, of which a first label may be ``*``.

    ``timeout_s`` 0 is no limit. ``health_path`` is empty where a connection alone has to do. A proxy has at
    most ``max_requests`` under way to the service, and lets as many wait.
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
        """Whether TLS ends on a port: on each but 80, unless the port itself says ``http`` or ``https``."""
        return self.tls is not None and (app_protocol == "https" or (not app_protocol and published != 80))


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """``ingress`` of a play: how the proxies of its hosts are run. ``mesh`` is a range of ports.

    The first of these takes HTTP from the proxies of other hosts, the second serves the proxy's metrics,
    each of the rest takes one TCP service. ``drain_s`` is how long a proxy that was replaced may keep its
    connections. ``mtls`` is the name of the authority's file, empty where the
    connections between hosts are plain; ``authority`` is what is in it.
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
    """One service behind one port, as other projects have to know it.

    ``mesh`` is its port between hosts, ``certificate`` names what it shows where TLS ends.
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
    """What a proxy thinks of one endpoint of a service, ``project/service``.

    ``endpoint`` is a container of its host, or another host. ``trouble`` is empty where it gets requests;
    ``active`` are the requests that are under way there.
    """

    service: str
    endpoint: str
    active: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """What the edge of a host does for one project, as the host remembers it.

    ``digest`` names the configuration that it was given, ``local`` are the containers in the endpoints of
    each service, ``remote`` the weight of every other host in them.
    """

    digest: str = ""
    offers: tuple[Offer, ...] = ()
    local: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remote: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
