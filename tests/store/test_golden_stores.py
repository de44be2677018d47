"""Our store opens what Apache's brokers wrote and serves every message that Apache's client read from them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.store.message_store import MessageStore
from tests.golden_data import STORES, manifest, unpack_store
from tests.store.store_helpers import HOST, kill, open_store, read_all

GOLDEN_SIZES = {
    "mappedFileSizeCommitLog": 262144,
    "mappedFileSizeConsumeQueue": 6000,
    "maxHashSlotNum": 1000,
    "maxIndexNum": 4000,
    "maxMessageSize": 131072,
}
ADDED_BY_THE_CLIENT = {"MIN_OFFSET", "MAX_OFFSET"}


def golden(name: str, tmp_path: Path) -> MessageStore:
    return open_store(unpack_store(name, tmp_path), **GOLDEN_SIZES)


def as_in_manifest(found: MessageExt) -> dict[str, object]:
    return {
        "topic": found.topic,
        "queueId": found.queue_id,
        "queueOffset": found.queue_offset,
        "commitLogOffset": found.commit_log_offset,
        "storeSize": found.store_size,
        "bornTimestamp": found.born_timestamp,
        "storeTimestamp": found.store_timestamp,
        "bornHost": "/{}:{}".format(*found.born_host),
        "storeHost": "/{}:{}".format(*found.store_host),
        "flag": found.flag,
        "bodyCRC": found.body_crc,
        "reconsumeTimes": found.reconsume_times,
        "preparedTransactionOffset": found.prepared_transaction_offset,
        "msgId": found.msg_id,
        "offsetMsgId": found.offset_msg_id,
        "bodyLength": len(found.body),
        "bodySha256": hashlib.sha256(found.body).hexdigest(),
        "properties": found.properties,
    }


@pytest.mark.parametrize("name", STORES)
def test_every_message_of_the_manifest_is_served_field_by_field(name: str, tmp_path: Path) -> None:
    store = golden(name, tmp_path)
    served = {}
    for topic, queue_id in store.queues.names():
        for found in read_all(store, topic, queue_id):
            served[topic, queue_id, found.queue_offset] = as_in_manifest(found)
    assert len(manifest(name)) > 400
    for line in manifest(name):
        expected = {**line, "properties": {k: v for k, v in line["properties"].items() if k not in ADDED_BY_THE_CLIENT}}
        del expected["sysFlag"]  # the client's value: it clears the compressed bit
        got = served[line["topic"], line["queueId"], line["queueOffset"]]
        assert got == expected
    for topic, queue_id in {(line["topic"], line["queueId"]) for line in manifest(name)}:
        last = [line for line in manifest(name) if (line["topic"], line["queueId"]) == (topic, queue_id)][-1]
        assert store.max_offset(topic, queue_id) >= int(last["properties"]["MAX_OFFSET"])
    kill(store)


@pytest.mark.parametrize("name", STORES)
def test_opening_changes_neither_commitlog_nor_consumequeue(name: str, tmp_path: Path) -> None:
    root = unpack_store(name, tmp_path)
    before = file_bytes(root)
    kill(open_store(root, **GOLDEN_SIZES))
    # Apache makes the next commitlog file ahead; unused, it goes as it does in Apache's own recovery.
    ahead = {path for path, data in before.items() if path.startswith("commitlog") and not any(data)}
    assert file_bytes(root) == {path: data for path, data in before.items() if path not in ahead}


@pytest.mark.parametrize("name", STORES)
def test_consumequeues_rebuilt_from_the_commitlog_are_apaches_byte_for_byte(name: str, tmp_path: Path) -> None:
    root = unpack_store(name, tmp_path)
    expected = {path: data for path, data in file_bytes(root).items() if path.startswith("consumequeue")}
    for path in expected:
        (root / path).unlink()
    kill(open_store(root, **GOLDEN_SIZES))
    rebuilt = {path: data for path, data in file_bytes(root).items() if path.startswith("consumequeue")}
    gone = {path for path in expected if path not in rebuilt}
    # A topic that was deleted while its records stayed comes back; nothing else may differ.
    assert not gone
    assert {path: rebuilt[path] for path in expected} == expected


def file_bytes(root: Path) -> dict[str, bytes]:
    paths = [p for kind in ("commitlog", "consumequeue") for p in (root / kind).rglob("*") if p.is_file()]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def test_new_messages_continue_the_offsets_of_an_apache_store(tmp_path: Path) -> None:
    from tests.store.store_helpers import message

    store = golden("5.3.3-killed", tmp_path)
    end, next_offset = store.max_phy_offset, store.max_offset("CrashOrders", 0)
    put = store.put_message(message("CrashOrders", 0, TAGS="TagA"))
    assert (put.wrote_offset, put.queue_offset) == (end, next_offset)
    assert read_all(store, "CrashOrders", 0)[-1].store_host == HOST
    kill(store)
