"""A frame to a name server or broker and the one that comes back, with nothing of ours or of Apache's in between."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any, NamedTuple

REGISTER_BROKER = 103
GET_ROUTEINFO_BY_TOPIC = 105
HEART_BEAT = 34
REGISTER_FILTER_SERVER = 301
_RESPONSE = 1  # in the flag of a header


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
    fields = {
        "code": code,
        "language": "JAVA",
        "version": 479,
        "opaque": 1,
        "flag": 0,
        "extFields": ext_fields or {},
        **header,
    }
    encoded = json.dumps(fields).encode()
    return struct.pack(">II", 4 + len(encoded) + len(body), len(encoded)) + encoded + body


#: Seconds for an answer. What hangs is found all the same; a loaded machine has kept a broker from its cores for longer than 5.
PATIENCE = 20.0


def _connect(address: str, timeout: float = PATIENCE) -> socket.socket:
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout)


def _ask(connection: socket.socket, request: bytes) -> Answer:
    """The answer to a request; requests that the server sends meanwhile are passed over."""
    connection.sendall(request)
    header: dict[str, Any] = {"flag": 0}
    while not header["flag"] & _RESPONSE:
        (length,) = struct.unpack(">I", _read(connection, 4))
        data = _read(connection, length)
        header_length = struct.unpack(">I", data[:4])[0] & 0xFFFFFF
        header = json.loads(data[4 : 4 + header_length])
    return Answer(header["code"], header.get("remark"), header.get("extFields") or {}, data[4 + header_length :])


def call(
    address: str,
    code: int,
    ext_fields: dict[str, str] | None = None,
    body: bytes = b"",
    timeout: float = PATIENCE,
    **header: Any,
) -> Answer:
    """One request on a connection of its own."""
    with _connect(address, timeout) as connection:
        try:
            return _ask(connection, frame(code, ext_fields, body, **header))
        except TimeoutError:
            raise TimeoutError(f"{address} did not answer {code} {ext_fields} within {timeout:.0f} s") from None


def wait_for_route(namesrv: str, topic: str, broker_name: str, timeout: float = 60.0) -> None:
    """Until the name server's route of `topic` names the broker: a broker registers a moment after it is ready.

    A registration that Apache's broker could not make, as on an overloaded machine, comes again after 30 s only.
    """
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


class DeadBroker:
    """A registration without a broker: while it is open, the name server has a route to where nobody listens."""

    def __init__(self, namesrv: str, *, cluster: str, name: str, address: str, topic: str) -> None:
        # Two topics: a first registration with one alone is refused.
        table = {
            each: {
                "topicName": each, "readQueueNums": 1, "writeQueueNums": 1, "perm": 6,
                "topicFilterType": "SINGLE_TAG", "topicSysFlag": 0, "order": False,
            }
            for each in (topic, topic + "_other")
        }  # fmt: skip
        wrapper = {"topicConfigTable": table, "dataVersion": {"timestamp": 1, "counter": 1}}
        body = json.dumps({"topicConfigSerializeWrapper": wrapper, "filterServerList": []}).encode()
        header = {
            "clusterName": cluster, "brokerName": name, "brokerAddr": address, "brokerId": "0", "haServerAddr": address,
            "compressed": "false", "bodyCrc32": "0",
        }  # fmt: skip
        self._connection = _connect(namesrv)
        _ask(self._connection, frame(REGISTER_BROKER, header, body))
        wait_for_route(namesrv, topic, name)

    def __enter__(self) -> DeadBroker:
        return self

    def __exit__(self, *_: object) -> None:
        """The name server drops the routes of a broker whose connection ends."""
        self._connection.close()


class SilentClient:
    """A heartbeat without a consumer: while it is open, the broker counts a client of the group that answers nothing."""

    def __init__(self, broker: str, *, group: str, client_id: str, topic: str) -> None:
        subscription = {
            "topic": topic, "subString": "*", "tagsSet": [], "codeSet": [], "subVersion": 1, "expressionType": "TAG",
            "classFilterMode": False,
        }  # fmt: skip
        consumer = {
            "groupName": group, "consumeType": "CONSUME_PASSIVELY", "messageModel": "CLUSTERING", "unitMode": False,
            "consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET", "subscriptionDataSet": [subscription],
        }  # fmt: skip
        body = {"clientID": client_id, "consumerDataSet": [consumer], "producerDataSet": []}
        self._connection = _connect(broker)
        answer = _ask(self._connection, frame(HEART_BEAT, body=json.dumps(body).encode()))
        assert answer.code == 0, answer

    def __enter__(self) -> SilentClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


class Announced:
    """A filter server, at any address: the broker knows of it while this is open."""

    def __init__(self, broker: str, address: str) -> None:
        self._connection = _connect(broker)
        answer = _ask(self._connection, frame(REGISTER_FILTER_SERVER, {"filterServerAddr": address}))
        assert answer.code == 0, answer

    def __enter__(self) -> Announced:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
