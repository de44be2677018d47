"""Our broker on stores that Apache's brokers wrote: every message is served as Apache's client pulled it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.compression import decompress
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.message_codec import decode_messages
from rocketmq_ops.common.sysflag import COMPRESSED_FLAG
from rocketmq_ops.remoting.codes import ResponseCode
from tests.broker.support import Session, run
from tests.golden_data import STORES, manifest, unpack_store

#: Properties that Apache's client adds to what it pulls.
OF_THE_CLIENT = {"MIN_OFFSET", "MAX_OFFSET"}


async def pull_all(session: Session, topic: str, queue_id: int) -> dict[int, MessageExt]:
    """Every message of a queue by its offset."""
    found: dict[int, MessageExt] = {}
    offset = 0
    while True:
        answer = await session.pull(topic, "golden", queue_id, offset)
        if answer.code not in (ResponseCode.SUCCESS, ResponseCode.PULL_OFFSET_MOVED):
            return found
        for message in decode_messages(answer.body_bytes, decompress_body=False):
            found[message.queue_offset] = message
        offset = int(answer.ext_fields["nextBeginOffset"])


def differences(message: MessageExt, entry: dict[str, Any]) -> list[str]:
    """The fields in which a message is not what the manifest says."""
    body = message.body
    if message.sys_flag & COMPRESSED_FLAG:
        body = decompress(body, message.sys_flag)
    got = {
        "commitLogOffset": message.commit_log_offset,
        "storeSize": message.store_size,
        "bornTimestamp": message.born_timestamp,
        "storeTimestamp": message.store_timestamp,
        "bornHost": "/{}:{}".format(*message.born_host),
        "storeHost": "/{}:{}".format(*message.store_host),
        "flag": message.flag,
        "bodyCRC": message.body_crc,
        "reconsumeTimes": message.reconsume_times,
        "preparedTransactionOffset": message.prepared_transaction_offset,
        "offsetMsgId": message.offset_msg_id,
        "bodyLength": len(body),
        "bodySha256": hashlib.sha256(body).hexdigest(),
        "properties": message.properties,
    }
    want = dict(entry, properties={k: v for k, v in entry["properties"].items() if k not in OF_THE_CLIENT})
    return [f"{name}: {value!r} is not {want[name]!r}" for name, value in got.items() if value != want[name]]


@pytest.mark.parametrize("name", STORES)
def test_every_message_is_served(tmp_path: Path, name: str) -> None:
    store = unpack_store(name, tmp_path)
    queues: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for entry in manifest(name):
        queues.setdefault((entry["topic"], entry["queueId"]), []).append(entry)

    async def body(session: Session) -> None:
        for (topic, queue_id), entries in queues.items():
            found = await pull_all(session, topic, queue_id)
            for entry in entries:
                message = found.get(entry["queueOffset"])
                assert message is not None, entry
                assert not differences(message, entry), (topic, queue_id, entry["queueOffset"])

    run(store, body)


def test_state_beside_the_messages_is_taken_over(tmp_path: Path) -> None:
    store = unpack_store("5.3.3-clean", tmp_path)

    async def body(session: Session) -> None:
        broker = session.broker
        assert broker.offsets.query_all("Gold_group", "GoldOrders") == {0: 75, 1: 75, 2: 75, 3: 75}
        assert broker.delay.table == {1: 5, 2: 1, 18: 0}
        assert broker.topics.table["GoldTx"].write_queue_nums == 4
        assert broker.groups.contains("Gold_sql")
        sent = await session.send("GoldOrders", b"one more", 1)
        assert sent.ext_fields["queueOffset"] == "75"

    run(store, body)
