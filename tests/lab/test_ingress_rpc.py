"""gRPC behind ingress, with the clients and servers that everybody uses: `make proof`."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from tests.lab.labhosts import LabHosts
from tests.lab.traffic.rpc_image import give_rpc_images
from tests.lab.traffic.site import Shop, give_images
from tests.unit.backend.compose.envoy.certificates import certificate

pytestmark = pytest.mark.proof

SITE = """\
- name: Rpc
  hosts: web
  ingress: {image: demo/envoy:1}
  secrets: {crt: {file: rpc.crt}, key: {file: rpc.key}}
  services:
    echo:
      image: "traffic/rpc:{{ tag }}"
      ports:
        - {target: 8080, published: "80", mode: ingress}
        - {target: 8080, published: "8080", mode: ingress}
      x-ingress: {protocol: grpc, tls: {certificate: crt, key: key}}
      deploy:
        replicas: 4
        update_config: {order: "{{ order }}", parallelism: 2, monitor: 1s}
"""
CALL_S = 30.0


@pytest.fixture
def user(lab: LabHosts, tmp_path: Path) -> Shop:
    give_images(lab)
    give_rpc_images(lab)
    made = Shop(lab, tmp_path, timeout_s=600.0)
    made.write(SITE)
    for file, text in zip(("rpc.crt", "rpc.key"), certificate("rpc.test"), strict=True):
        (tmp_path / file).write_bytes(text)
    made.up(tag="1", order="start-first")
    return made


class Client:
    """One channel to one host, as a program keeps it for its whole life."""

    def __init__(self, address: tuple[str, int], root: bytes = b"") -> None:
        where = f"{address[0]}:{address[1]}"
        if root:
            options = [("grpc.ssl_target_name_override", "rpc.test")]
            self.channel = grpc.secure_channel(where, grpc.ssl_channel_credentials(root), options)
        else:
            self.channel = grpc.insecure_channel(where)
        self._say = self.channel.unary_unary("/traffic.Echo/Say")
        self._fail = self.channel.unary_unary("/traffic.Echo/Fail")
        self._count = self.channel.unary_stream("/traffic.Echo/Count")
        self._chat = self.channel.stream_stream("/traffic.Echo/Chat")

    def say(self, text: bytes) -> bytes:
        return self._say(text, timeout=CALL_S)

    def count(self, number: int) -> list[bytes]:
        return list(self._count(str(number).encode(), timeout=CALL_S))

    def chat(self, messages: list[bytes]) -> list[bytes]:
        """Each message is sent when the one before it came back."""
        return_of = threading.Semaphore(1)

        def sent() -> Iterator[bytes]:
            for message in messages:
                return_of.acquire()
                yield message

        found = []
        for answer in self._chat(sent(), timeout=CALL_S):
            found.append(answer)
            return_of.release()
        return found

    def refused(self, text: bytes) -> grpc.RpcError:
        with pytest.raises(grpc.RpcError) as caught:
            self._fail(text, timeout=CALL_S)
        return caught.value


def test_calls_streams_and_trailers_with_and_without_tls(user: Shop, tmp_path: Path) -> None:
    """On every host: one message, many in one direction and in both, and an error with its trailers."""
    root = (tmp_path / "rpc.crt").read_bytes()
    plain = [Client(address) for address in user.addresses]
    secured = [Client(("127.0.0.1", host.alt_http_port), root) for host in user.lab.all]
    for client in (*plain, *secured):
        assert client.say(b"hello").endswith(b": hello")
        assert client.count(3) == [b"0", b"1", b"2"]
        assert client.chat([b"a", b"b", b"c" * 100_000]) == [b"a", b"b", b"c" * 100_000]
        error = client.refused("nothing: ä".encode())
        assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "nothing: ä")
        assert ("why", "nothing is here") in [(key, value) for key, value in error.trailing_metadata()]
    # One channel is one connection, and yet its calls reach all replicas.
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: plain[0].say(b""), range(100)))
    assert len(answers) == 4


@pytest.mark.parametrize("order", ["start-first", "stop-first"])
def test_no_call_is_lost_in_an_update(user: Shop, order: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Short calls, streams of three seconds, and conversations, on channels that live through it all."""
    with calling(user.addresses) as (good, failed):
        time.sleep(2)
        user.up(tag="2", order=order)
        time.sleep(2)
    with capsys.disabled():
        print(f"\ngRPC, update {order}: {dict(good)} calls, {len(failed)} failed")
    assert not failed
    assert min(good[kind] for kind in ("say", "count", "chat")) > 3
    assert all(client.say(b"").startswith(b"traffic/rpc:2") for client in map(Client, user.addresses))


@contextmanager
def calling(addresses: list[tuple[str, int]]) -> Iterator[tuple[Counter[str], list[str]]]:
    """Calls of each kind to each address, all the time; how many were good, and what failed."""
    good: Counter[str] = Counter()
    failed: list[str] = []
    done = threading.Event()

    def keep(kind: str, call: Callable[[], bool]) -> None:
        while not done.wait(0.02):
            try:
                assert call(), "another answer"
                good[kind] += 1
            except (grpc.RpcError, AssertionError) as error:
                failed.append(f"{time.strftime('%H:%M:%S')} {kind}: {error}")

    threads = []
    for client in map(Client, addresses):
        calls = {
            "say": lambda client=client: client.say(b"x").endswith(b": x"),
            "count": lambda client=client: len(client.count(15)) == 15,
            "chat": lambda client=client: client.chat([b"a", b"b"] * 10) == [b"a", b"b"] * 10,
        }
        threads += [threading.Thread(target=keep, args=one, daemon=True) for one in calls.items()]
    for thread in threads:
        thread.start()
    try:
        yield good, failed
    finally:
        done.set()
        for thread in threads:
            thread.join(CALL_S * 2)
