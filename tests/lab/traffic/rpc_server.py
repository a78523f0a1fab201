"""A gRPC server on port 8080, with plain bytes for messages. At SIGTERM it ends its calls in order.

Say answers with what it was told, Count sends so many messages, Chat sends every message back, Fail says no.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc

ME = f"traffic/rpc:{os.environ.get('VERSION', '0')} on {socket.gethostname()}"


def say(request: bytes, context: grpc.ServicerContext) -> bytes:
    return ME.encode() + b": " + request


def count(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    for number in range(int(request)):
        yield str(number).encode()
        time.sleep(0.2)


def chat(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    yield from requests


def fail(request: bytes, context: grpc.ServicerContext) -> bytes:
    context.set_trailing_metadata((("why", "nothing is here"),))
    context.abort(grpc.StatusCode.NOT_FOUND, request.decode())


def main() -> None:
    server = grpc.server(ThreadPoolExecutor(64))
    handlers = {
        "Say": grpc.unary_unary_rpc_method_handler(say),
        "Count": grpc.unary_stream_rpc_method_handler(count),
        "Chat": grpc.stream_stream_rpc_method_handler(chat),
        "Fail": grpc.unary_unary_rpc_method_handler(fail),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("traffic.Echo", handlers),))
    server.add_insecure_port("0.0.0.0:8080")
    server.start()
    signal.sigwait({signal.SIGTERM})
    server.stop(grace=10).wait()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
