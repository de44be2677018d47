"""The health check: what it asks, what it makes of answers, and of servers that are none."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rocketmq_ops.housekeeping.probe import ping as pinging
from rocketmq_ops.housekeeping.probe.ping import ping, registration
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.frame_codec import FrameDecoder

TIMEOUT_MS = 5000

#: From the code of a request to the code and the body of its answer.
Answers = dict[int, tuple[int, bytes]]

UNSUPPORTED = (3, b"")
NAME_SERVER: Answers = {106: (0, b'{"brokerAddrTable":{"a":{"brokerAddrs":{0:"10.0.0.1:10911"}}}}'), 28: UNSUPPORTED}
BROKER: Answers = {106: UNSUPPORTED, 28: (0, b'{"table":{"brokerVersionDesc":"V5_3_3","x":"1"}}')}


@contextmanager
def serving(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that hands each connection to `handle`; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection = server.accept()[0]
                except OSError:
                    return
                with connection:
                    handle(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def answering(answers: Answers, asked: list[dict[str, Any]] | None = None) -> Callable[[socket.socket], None]:
    def handle(connection: socket.socket) -> None:
        buffer = b""
        while part := connection.recv(65536):
            buffer += part
            while len(buffer) >= 8:
                total, mark = struct.unpack_from(">II", buffer)
                if len(buffer) < 4 + total:
                    break
                request = json.loads(buffer[8 : 8 + mark])
                buffer = buffer[4 + total :]
                if asked is not None:
                    asked.append(request)
                if request["code"] not in answers:  # as a name server of 4.9 does with what it does not know
                    continue
                code, body = answers[request["code"]]
                remark = 'a remark with "code":77 in it'
                header = json.dumps(
                    {"remark": remark, "code": code, "flag": 1, "opaque": request["opaque"]}, separators=(",", ":")
                ).encode()
                frame = struct.pack(">II", 4 + len(header) + len(body), len(header)) + header + body
                for at in range(0, len(frame), 7):  # in pieces, as networks bring them
                    connection.sendall(frame[at : at + 7])

    return handle


def at(port: int) -> tuple[str, str, int]:
    return f"127.0.0.1:{port}", "127.0.0.1", port


def test_the_codes_are_those_of_the_protocol() -> None:
    assert pinging.GET_BROKER_CONFIG == RequestCode.GET_BROKER_CONFIG
    assert pinging.GET_BROKER_RUNTIME_INFO == RequestCode.GET_BROKER_RUNTIME_INFO
    assert pinging.GET_BROKER_CLUSTER_INFO == RequestCode.GET_BROKER_CLUSTER_INFO
    assert pinging.SUCCESS == ResponseCode.SUCCESS
    assert pinging.REQUEST_CODE_NOT_SUPPORTED == ResponseCode.REQUEST_CODE_NOT_SUPPORTED


def test_what_is_sent_are_frames_that_change_nothing() -> None:
    asked: list[dict[str, Any]] = []
    with serving(answering(BROKER, asked)) as port:
        assert ping(*at(port), TIMEOUT_MS).kind == pinging.BROKER
    assert [request["code"] for request in asked] == [106, 28]
    decoder = FrameDecoder()
    [command] = decoder.feed(pinging._frame(28, 1))
    assert (command.code, command.opaque) == (28, 1)


@pytest.mark.parametrize(
    ("answers", "kind", "version"),
    [
        (NAME_SERVER, pinging.NAME_SERVER, None),
        ({106: NAME_SERVER[106]}, pinging.NAME_SERVER, None),
        (BROKER, pinging.BROKER, "V5_3_3"),
        ({106: UNSUPPORTED, 28: (16, b"")}, pinging.BROKER, None),
        ({106: UNSUPPORTED, 28: UNSUPPORTED}, pinging.OTHER, None),
    ],
    ids=["name server", "name server of 4.9", "broker", "a broker that refuses", "a controller"],
)
def test_kinds_are_told_apart(answers: Answers, kind: str, version: str | None) -> None:
    with serving(answering(answers)) as port:
        found = ping(*at(port), TIMEOUT_MS)
    assert (found.kind, found.version, found.problem) == (kind, version, None)
    assert found.millis is not None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak RocketMQ's protocol"),
        (b"\0\0\0\x0a\0\0\0\x06{}    ", "does not speak RocketMQ's protocol"),
        (b"\0\0", "closed before an answer came"),
        (b"", "closed before an answer came"),
    ],
)
def test_what_is_no_server_of_rocketmq(content: bytes, problem: str) -> None:
    def handle(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(content)

    with serving(handle) as port:
        found = ping(*at(port), TIMEOUT_MS)
    assert found.kind is None
    assert found.problem is not None and problem in found.problem


def test_nothing_listens_or_nothing_comes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # never accepts: the connection waits in the backlog
        port = server.getsockname()[1]
        assert ping(*at(port), 50).problem == "no answer within 50 ms"
    assert ping(*at(port), TIMEOUT_MS).problem == "connection refused"


def config(advertised: str, name_servers: str) -> bytes:
    host, _, port = advertised.rpartition(":")
    return f"brokerName=a\nbrokerIP1={host}\nlistenPort={port}\nnamesrvAddr={name_servers}\n".encode()


def test_a_broker_is_looked_for_under_the_address_that_it_advertises() -> None:
    with serving(answering(NAME_SERVER)) as knows, serving(answering(NAME_SERVER | {106: (0, b"{}")})) as other:
        own = f"127.0.0.1:{knows};127.0.0.1:{other}"
        with serving(answering(BROKER | {26: (0, config("10.0.0.1:10911", own))})) as port:
            found = registration(*at(port), [], TIMEOUT_MS)
            assert (found.advertised, found.problem) == ("10.0.0.1:10911", None)
            assert found.asked == {f"127.0.0.1:{knows}": True, f"127.0.0.1:{other}": False}
            given = registration(*at(port), [at(other)], TIMEOUT_MS)
            assert given.asked == {f"127.0.0.1:{other}": False}


def test_where_a_registration_cannot_be_looked_up() -> None:
    with serving(answering(BROKER | {26: (16, b"")})) as port:
        address = f"127.0.0.1:{port}"
        assert registration(*at(port), [], TIMEOUT_MS).problem is not None
        asked = registration(*at(port), [at(port)], TIMEOUT_MS)
    assert asked.advertised == address
    assert asked.asked == {address: f"{address} is not a name server"}
