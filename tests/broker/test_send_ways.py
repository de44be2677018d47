"""What sends a message the long way: every reason once, each beside the plain send that takes the short one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.broker.processors.send_message import SendMessageProcessor
from rocketmq_ops.broker.send.parsed_properties import SPECIAL_PROPERTIES
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import ROCKETMQ, RemotingCommand
from tests.broker.support import Session, run, send_fields

#: Case -> topic, properties, other fields.
SHORT: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "plain": ("T", {}, {}),
    "keys": ("T", {"KEYS": "k"}, {}),
    "tags": ("T", {"TAGS": "a"}, {}),
    "properties of the application": ("T", {"colour": "red"}, {}),
    "the queue is left to the broker": ("T", {}, {"e": "-1"}),
    "compressed": ("T", {}, {"f": "1"}),
}
LONG: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "a topic of retries": ("%RETRY%g", {}, {}),
    "a queue that is not there": ("T", {}, {"e": "99"}),
    "prepared by its flag": ("T", {}, {"f": "4"}),
    "rolled back by its flag": ("T", {}, {"f": "12"}),
    "a batch inside by its flag": ("T", {}, {"f": "128"}),
    "a unique key with a sign": ("T", {"UNIQ_KEY": "a-b"}, {}),
    "a unique key beyond ASCII": ("T", {"UNIQ_KEY": "é"}, {}),
    "an empty unique key": ("T", {"UNIQ_KEY": ""}, {}),
    "no properties": ("T", {}, {"i": ""}),
    "a second unique key": ("T", {}, {"i": "UNIQ_KEY\x01A\x02UNIQ_KEY\x01B\x02"}),
    "second keys": ("T", {}, {"i": "UNIQ_KEY\x01A\x02KEYS\x01a\x02KEYS\x01b\x02"}),
    "a name that ends in the unique key's": ("T", {}, {"i": "MY_UNIQ_KEY\x01A\x02"}),
} | {f"property {name}": ("T", {name: "1"}, {}) for name in sorted(SPECIAL_PROPERTIES - {"KEYS", "UNIQ_KEY"})}


def ways(root: Path, monkeypatch: pytest.MonkeyPatch, *requests: RemotingCommand, **settings: Any) -> list[str]:
    """The way that each request takes on a broker that knows all queues of topic T, and the retries of group g, already."""
    long: list[str] = []
    general = SendMessageProcessor._send_general

    def counted(self: SendMessageProcessor, *args: Any) -> Any:
        long.append("long")
        return general(self, *args)

    taken: list[str] = []

    async def body(session: Session) -> None:
        for queue_id in range(4):
            await session.send("T", queue_id=queue_id)
        await session.send("%RETRY%g")
        monkeypatch.setattr(SendMessageProcessor, "_send_general", counted)
        for request in requests:
            long.clear()
            await session.client.invoke(session.address, request)
            taken.append(long[0] if long else "short")

    run(root, body, **settings)
    return taken


def send(topic: str, properties: dict[str, str], more: dict[str, str], body: bytes = b"x") -> RemotingCommand:
    fields = send_fields(topic, 0, properties, **more)
    return RemotingCommand.request(RequestCode.SEND_MESSAGE_V2, ext_fields=fields, body=body)


@pytest.mark.parametrize("case", SHORT)
def test_the_short_way(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ways(tmp_path, monkeypatch, send(*SHORT[case])) == ["short"]


def test_the_long_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [send(*case) for case in LONG.values()]
    assert dict(zip(LONG, ways(tmp_path, monkeypatch, *requests), strict=True)) == dict.fromkeys(LONG, "long")


def test_what_the_frame_and_the_store_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = send("T", {}, {})
    binary.serialize_type = ROCKETMQ
    big = send("T", {}, {}, bytes(140_000))
    first = send("New", {}, {})
    again, next_queue = send("New", {}, {}), send("New", {}, {"e": "1"})
    requests = (binary, send("T", {}, {}, b""), big, first, again, next_queue)
    assert ways(tmp_path, monkeypatch, *requests) == ["long", "long", "long", "long", "short", "long"]


def test_a_broker_that_answers_after_the_sync_knows_no_short_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ways(tmp_path, monkeypatch, send("T", {}, {}), flushDiskType="SYNC_FLUSH") == ["long"]
