"""What sends a message the long way: every reason once, each beside the plain send that takes the short one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.broker.processors import send_message
from rocketmq_ops.broker.processors.send_message import SendMessageProcessor
from rocketmq_ops.broker.send.parsed_properties import SPECIAL_PROPERTIES
from rocketmq_ops.broker.send.send_plan import LongWay, why_long
from rocketmq_ops.remoting.bodies import TopicConfig
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
#: Messages that wait, each by its one property: case -> topic, properties, other fields.
WAITING_SHORT: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "a half message": ("T", {"TRAN_MSG": "true"}, {"f": "4"}),
    "a half message without the flag": ("T", {"TRAN_MSG": "True"}, {}),
    "a delay level": ("T", {"DELAY": "18"}, {}),
    "a delay (ms)": ("T", {"TIMER_DELAY_MS": "60000"}, {}),
    "a delay (s)": ("T", {"TIMER_DELAY_SEC": "60"}, {}),
}
#: Properties that let a message wait.
WAITING = {"TRAN_MSG", "DELAY", "TIMER_DELAY_MS", "TIMER_DELAY_SEC", "TIMER_DELIVER_MS"}
#: Case -> the reason; topic, properties, other fields.
LONG: dict[str, tuple[LongWay, tuple[str, dict[str, str], dict[str, str]]]] = {
    "a topic of retries": (LongWay.RETRY_TOPIC, ("%RETRY%g", {}, {})),
    "a compacted topic": (LongWay.COMPACTED_TOPIC, ("Compacted", {"KEYS": "k"}, {})),
    "a topic without a queue to write to": (LongWay.NO_QUEUE, ("ReadOnly", {}, {})),
    "a queue that is not there": (LongWay.QUEUE_ID, ("T", {}, {"e": "99"})),
    "prepared by its flag": (LongWay.FLAG, ("T", {}, {"f": "4"})),
    "rolled back by its flag": (LongWay.FLAG, ("T", {}, {"f": "12"})),
    "a batch inside by its flag": (LongWay.FLAG, ("T", {}, {"f": "128"})),
    "a unique key with a sign": (LongWay.UNIQUE_KEY, ("T", {"UNIQ_KEY": "a-b"}, {})),
    "a unique key beyond ASCII": (LongWay.UNIQUE_KEY, ("T", {"UNIQ_KEY": "é"}, {})),
    "an empty unique key": (LongWay.UNIQUE_KEY, ("T", {"UNIQ_KEY": ""}, {})),
    "no properties": (LongWay.UNIQUE_KEY, ("T", {}, {"i": ""})),
    "a second unique key": (LongWay.PROPERTIES, ("T", {}, {"i": "UNIQ_KEY\x01A\x02UNIQ_KEY\x01B\x02"})),
    "second keys": (LongWay.PROPERTIES, ("T", {}, {"i": "UNIQ_KEY\x01A\x02KEYS\x01a\x02KEYS\x01b\x02"})),
    "a name that ends in the unique key's": (LongWay.PROPERTIES, ("T", {}, {"i": "MY_UNIQ_KEY\x01A\x02"})),
    "a name that ends in the keys'": (LongWay.PROPERTIES, ("T", {}, {"i": "UNIQ_KEY\x01A\x02MYKEYS\x01A\x02"})),
    "a property without a value": (LongWay.PROPERTIES, ("T", {}, {"i": "UNIQ_KEY\x01A\x02colour\x02"})),
    "no half message for all its property": (LongWay.PROPERTIES, ("T", {"TRAN_MSG": "1"}, {"f": "0"})),
    "a delay level in a form of its own": (LongWay.PROPERTIES, ("T", {"DELAY": "01"}, {})),
    "no delay level": (LongWay.PROPERTIES, ("T", {"DELAY": "0"}, {})),
    "a time that is no number": (LongWay.PROPERTIES, ("T", {"TIMER_DELAY_MS": "soon"}, {})),
    "a time beyond 64 bits": (LongWay.PROPERTIES, ("T", {"TIMER_DELAY_MS": "9" * 19}, {})),
    "a level and a time": (LongWay.PROPERTIES, ("T", {"DELAY": "1", "TIMER_DELAY_MS": "60000"}, {})),
    "a half message with a level": (LongWay.PROPERTIES, ("T", {"TRAN_MSG": "true", "DELAY": "1"}, {"f": "4"})),
    "a waiting one with another's topic": (LongWay.PROPERTIES, ("T", {"DELAY": "1", "REAL_TOPIC": "S"}, {})),
    "a recall": (LongWay.PROPERTIES, ("T", {"TIMER_DELAY_MS": "60000", "TIMER_DEL_UNIQKEY": "K"}, {})),
    "a delay with a transaction's flag": (LongWay.FLAG, ("T", {"DELAY": "1"}, {"f": "4"})),
    "waiting ones in a batch": (LongWay.PARKED, ("T", {"DELAY": "1"}, {"m": "true"})),
} | {
    f"property {name}": (LongWay.PROPERTIES, ("T", {name: "1"}, {}))
    for name in sorted(SPECIAL_PROPERTIES - {"KEYS", "UNIQ_KEY", *WAITING})
}

#: How a send was stored, and what was decided of it. What the store refuses on the short way takes the long one too.
Way = tuple[str, LongWay | None]


def ways(root: Path, monkeypatch: pytest.MonkeyPatch, *requests: RemotingCommand, **settings: Any) -> list[Way]:
    """The way that each request takes on a broker that knows all queues of topic T, and the other topics of LONG, already."""
    long: list[str] = []
    decided: list[LongWay | None] = []
    general = SendMessageProcessor._send_general

    def counted(self: SendMessageProcessor, *args: Any) -> Any:
        long.append("long")
        return general(self, *args)

    def recorded(*args: Any) -> LongWay | None:
        decided.append(why_long(*args))
        return decided[-1]

    taken: list[Way] = []

    async def body(session: Session) -> None:
        topics = session.broker.topics
        topics.table["Compacted"] = TopicConfig(topic_name="Compacted", attributes={"cleanup.policy": "COMPACTION"})
        topics.table["ReadOnly"] = TopicConfig(topic_name="ReadOnly", write_queue_nums=0)
        for queue_id in range(4):
            await session.send("T", queue_id=queue_id)
        for topic in ("%RETRY%g", "Compacted", "ReadOnly"):
            await session.send(topic)
        monkeypatch.setattr(SendMessageProcessor, "_send_general", counted)
        monkeypatch.setattr(send_message, "why_long", recorded)
        for request in requests:
            long.clear()
            decided.clear()
            await session.client.invoke(session.address, request)
            taken.append((long[0] if long else "short", decided[0]))

    run(root, body, **settings)
    return taken


def send(topic: str, properties: dict[str, str], more: dict[str, str], body: bytes = b"x") -> RemotingCommand:
    fields = send_fields(topic, 0, properties, **more)
    return RemotingCommand.request(RequestCode.SEND_MESSAGE_V2, ext_fields=fields, body=body)


@pytest.mark.parametrize("case", SHORT)
def test_the_short_way(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ways(tmp_path, monkeypatch, send(*SHORT[case])) == [("short", None)]


@pytest.mark.parametrize("case", WAITING_SHORT)
def test_the_short_way_of_what_waits(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one makes the queue that it waits in."""
    request = send(*WAITING_SHORT[case])
    assert ways(tmp_path, monkeypatch, request, request) == [("long", None), ("short", None)]


@pytest.mark.parametrize("key", ["flushDiskType=SYNC_FLUSH", "brokerRole=SYNC_MASTER", "metricsExporterType=PROM"])
def test_what_waits_takes_the_long_way_where_more_is_done_for_each(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _, value = key.partition("=")
    found = ways(tmp_path, monkeypatch, *(send(*case) for case in WAITING_SHORT.values()), **{name: value})
    assert found == [("long", LongWay.PARKED)] * len(WAITING_SHORT)


def test_the_long_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [send(*case) for _, case in LONG.values()]
    assert dict(zip(LONG, ways(tmp_path, monkeypatch, *requests), strict=True)) == {
        case: ("long", reason) for case, (reason, _) in LONG.items()
    }


def test_what_the_frame_and_the_store_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = send("T", {}, {})
    binary.serialize_type = ROCKETMQ
    big = send("T", {}, {}, bytes(140_000))
    first = send("New", {}, {})
    again, next_queue = send("New", {}, {}), send("New", {}, {"e": "1"})
    requests = (binary, send("T", {}, {}, b""), big, first, again, next_queue)
    assert ways(tmp_path, monkeypatch, *requests) == [
        ("long", LongWay.BINARY_HEADER),
        ("long", LongWay.NO_BODY),
        ("long", None),
        ("long", LongWay.NEW_TOPIC),
        ("short", None),
        ("long", None),
    ]


@pytest.mark.parametrize("key", ["flushDiskType=SYNC_FLUSH", "brokerRole=SYNC_MASTER"])
def test_sends_whose_answers_wait_take_the_short_way_too(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _, value = key.partition("=")
    found = ways(tmp_path, monkeypatch, *(send(*case) for case in SHORT.values()), **{name: value})
    assert found == [("short", None)] * len(SHORT)


def test_nobody_waits_for_a_one_way_send(tmp_path: Path) -> None:
    """It is stored, and the connection gets the answers to the others alone."""

    async def body(session: Session) -> None:
        await session.send("T")
        for number in range(3):
            await session.client.invoke_oneway(session.address, send("T", {}, {}, b"%d" % number))
            assert (await session.send("T")).ext_fields["queueOffset"] == str(2 * number + 2)

    run(tmp_path, body, flushDiskType="SYNC_FLUSH")


def test_what_counts_every_answer_takes_the_long_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"brokerRole": "SYNC_MASTER", "enableSlaveActingMaster": True, "inSyncReplicas": 1}
    assert ways(tmp_path, monkeypatch, send("T", {}, {}), **settings) == [("long", LongWay.WATCHED)]


def test_every_reason_is_in_these_tables() -> None:
    elsewhere = {LongWay.BINARY_HEADER, LongWay.NO_BODY, LongWay.NEW_TOPIC, LongWay.WATCHED, LongWay.ONE_WAY}
    assert {reason for reason, _ in LONG.values()} | elsewhere == set(LongWay)
