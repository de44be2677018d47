"""Half messages, delay levels and times on the short way of sends: as on the long one, to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.broker.processors import send_message
from rocketmq_ops.broker.processors.send_message import SendMessageProcessor
from rocketmq_ops.broker.send.send_plan import LongWay
from rocketmq_ops.common.message_codec import message_of, read_record
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, TRANS_HALF_TOPIC
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC
from tests.broker.support import Session, run

#: Case -> properties, other fields, the queue that the message waits in.
CASES: dict[str, tuple[dict[str, str], dict[str, str], tuple[str, int]]] = {
    "half": ({"TRAN_MSG": "true", "PGROUP": "p"}, {"f": "4"}, (TRANS_HALF_TOPIC, 0)),
    "half, compressed": ({"TRAN_MSG": "true", "PGROUP": "p", "TAGS": "t"}, {"f": "5"}, (TRANS_HALF_TOPIC, 0)),
    "level": ({"DELAY": "3", "TAGS": "t", "KEYS": "one two"}, {}, (SCHEDULE_TOPIC, 2)),
    "time": ({"TIMER_DELAY_SEC": "60", "KEYS": "k", "colour": "r\u00f6t"}, {"j": "2"}, (TIMER_TOPIC, 0)),
}


async def parked(session: Session, case: str) -> list[Any]:
    """What the broker answers a message that waits, stores of it, counts and finds by its keys."""
    properties, more, (topic, queue_id) = CASES[case]
    answer = await session.send("T", b"body", 2, {"UNIQ_KEY": "0A0B"} | properties, **more)
    assert answer.code == 0
    broker = session.broker
    offset = broker.store.max_offset(topic, queue_id) - 1
    queue = broker.store.consume_queue(topic, queue_id)
    unit = queue.unit(offset) if queue is not None else None
    assert unit is not None
    view = broker.store.message_at(unit[0], unit[1])
    record = read_record(view) if view is not None else None
    assert view is not None and record is not None
    message = message_of(view, record, decompress_body=False)
    # Where it lies is another place for each.
    fields = dict(answer.ext_fields)
    assert fields.pop("msgId") == message.offset_msg_id and fields.pop("queueOffset") == str(offset)
    message.offset_msg_id, message.queue_offset, message.commit_log_offset = "", 0, 0
    code = unit[2] - message.store_timestamp if topic == SCHEDULE_TOPIC else unit[2]
    message.store_timestamp = 0
    counters = broker.stats.topic_counters(topic)
    counted = counters.put_nums, counters.put_times, counters.put_size
    counters.put_nums = counters.put_times = counters.put_size = 0
    waiting = broker.transactions.metrics.count("T")
    broker.transactions.metrics.forget("T")
    found = len(broker.store.query_message(topic, "0A0B", 32, 0, 1 << 62).views)
    return [fields, message, bytes(view[record.properties_at :]), unit[1], code, counted, waiting, found - offset]


@pytest.mark.parametrize("case", CASES)
def test_both_ways_do_the_same(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long: list[str] = []
    general = SendMessageProcessor._send_general

    def counted(self: SendMessageProcessor, *args: Any) -> Any:
        long.append("long")
        return general(self, *args)

    async def body(session: Session) -> None:
        monkeypatch.setattr(SendMessageProcessor, "_send_general", counted)
        now = session.broker.clock()
        session.broker.clock = lambda: now
        await session.send("T", queue_id=2)
        await parked(session, case)  # makes the queue
        long.clear()
        with monkeypatch.context() as patch:
            patch.setattr(send_message, "why_long", lambda *_: LongWay.PROPERTIES)
            expected = await parked(session, case)
        assert long == ["long"]
        # The first is decoded, the others are known by it.
        assert [await parked(session, case) for _ in range(3)] == [expected] * 3
        assert long == ["long"]

    run(tmp_path, body)
