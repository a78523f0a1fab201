"""The documents of a host's proxies → the model. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace

from deploytool.backend.compose.documents import Document, items_of, json_value, number_of, text_of, word_of
from deploytool.model.container import Container
from deploytool.model.ingress import Belief, IngressProtocol, Offer, Served


def parse_served(documents: Sequence[Document]) -> dict[str, Served]:
    """Project → the configuration that the host's proxy has of it."""
    return {
        text_of(raw, "ingress"): Served(
            text_of(raw, "digest").strip(),
            tuple(_offers(text_of(raw, "offers"))),
            {service: tuple(text.split()) for service, text in _of_services(documents, raw, "local")},
            {service: _weights(text) for service, text in _of_services(documents, raw, "remote")},
        )
        for raw in documents
        if "ingress" in raw and "digest" in raw
    }


def parse_beliefs(documents: Iterable[Document]) -> Iterator[Belief]:
    """The health of each endpoint as the host's proxy reports it."""
    for raw in documents:
        if "believes" in raw:
            flags = text_of(raw, "health")
            trouble = "" if flags == "healthy" else flags.strip("/").replace("_", " ")
            yield Belief(
                text_of(raw, "believes"), text_of(raw, "endpoint"), number_of(raw, "active"), trouble
            )


def marked(containers: Iterable[Container], documents: Iterable[Document]) -> Iterator[Container]:
    """The containers, with replaced proxies marked ``let_go``, and ``lingers`` while they drain."""
    let_go = {text_of(raw, "let_go")[:12]: raw.get("lingers") is True for raw in documents if "let_go" in raw}
    for container in containers:
        mark = container.id[:12]
        lingers = let_go.get(mark, False) and container.running
        yield replace(container, let_go=True, lingers=lingers) if mark in let_go else container


def _of_services(documents: Iterable[Document], project: Document, key: str) -> Iterator[tuple[str, str]]:
    """(service, the value under ``key``) for each service in the documents of the project."""
    for raw in documents:
        if "service" in raw and key in raw and raw.get("ingress") == project["ingress"]:
            yield text_of(raw, "service"), text_of(raw, key)


def _weights(text: str) -> Mapping[str, int]:
    """Lines of ``HOST WEIGHT``."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


_OF_OFFER = frozenset(field.name for field in fields(Offer))


def _offers(text: str) -> Iterator[Offer]:
    """The offers in the text of ``offers.json``, without damaged ones."""
    raw = json_value(text)
    for offer in raw if isinstance(raw, list) else ():
        if isinstance(offer, dict) and offer.keys() <= _OF_OFFER:
            protocol = word_of(IngressProtocol, text_of(offer, "protocol"), IngressProtocol.HTTP)
            yield Offer(**{**offer, "domains": items_of(offer, "domains"), "protocol": protocol})
