"""A frame to a name server or broker and the one that comes back, with nothing of ours or of Apache's in between."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any, NamedTuple

GET_ROUTEINFO_BY_TOPIC = 105


class Answer(NamedTuple):
    code: int
    remark: str | None
    ext_fields: dict[str, str]
    body: bytes


def _read(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ConnectionError("closed in the middle of an answer")
        data += piece
    return bytes(data)


def frame(code: int, ext_fields: dict[str, str] | None = None, body: bytes = b"", **header: Any) -> bytes:
    """A request with a JSON header, with its length prefix."""
    fields = {"code": code, "language": "JAVA", "version": 479, "opaque": 1, "flag": 0, "extFields": ext_fields or {}, **header}
    encoded = json.dumps(fields).encode()
    return struct.pack(">II", 4 + len(encoded) + len(body), len(encoded)) + encoded + body


def call(address: str, code: int, ext_fields: dict[str, str] | None = None, body: bytes = b"", timeout: float = 5.0) -> Answer:
    """One request on a connection of its own."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout) as connection:
        connection.sendall(frame(code, ext_fields, body))
        (length,) = struct.unpack(">I", _read(connection, 4))
        data = _read(connection, length)
    header_length = struct.unpack(">I", data[:4])[0] & 0xFFFFFF
    header = json.loads(data[4 : 4 + header_length])
    return Answer(header["code"], header.get("remark"), header.get("extFields") or {}, data[4 + header_length :])


def wait_for_route(namesrv: str, topic: str, broker_name: str, timeout: float = 30.0) -> None:
    """Until the name server's route of `topic` names the broker: a broker registers a moment after it says that it is ready."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            answer = call(namesrv, GET_ROUTEINFO_BY_TOPIC, {"topic": topic})
        except OSError:
            answer = None
        if answer is not None and answer.code == 0 and f'"{broker_name}"'.encode() in answer.body:
            return
        time.sleep(0.02)
    raise AssertionError(f"{namesrv} has no route of {topic} to {broker_name} within {timeout:.0f} s")
