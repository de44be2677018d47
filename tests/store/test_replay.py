"""Putting the messages of Apache's stores once more, at the same times, gives the same files byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocketmq_ops.common.addresses import unpack_host
from rocketmq_ops.common.message_codec import read_record, record_hosts, record_properties, record_topic
from rocketmq_ops.store.inner_message import InnerMessage, PutStatus
from rocketmq_ops.store.message_store import MessageStore
from tests.golden_data import STORES, unpack_store
from tests.store.store_helpers import Clock, kill, small_config
from tests.store.test_golden_stores import GOLDEN_SIZES


def commit_log_files(root: Path) -> list[Path]:
    return sorted((root / "commitlog").iterdir())


@pytest.mark.parametrize("name", STORES)
def test_replayed_messages_make_the_files_that_apache_wrote(name: str, tmp_path: Path) -> None:
    golden = unpack_store(name, tmp_path / "golden")
    ours = tmp_path / "ours"
    clock = Clock()
    store: MessageStore | None = None
    for path in commit_log_files(golden):
        data = path.read_bytes()
        position = 0
        while any(data[position : position + 8]):
            record = read_record(data, position)
            if record is None:
                break
            born, host = record_hosts(data, record)
            if store is None:
                config = small_config(ours, **GOLDEN_SIZES)
                store = MessageStore(config, store_host=unpack_host(host), clock=clock)
                store.load()
            clock.now = record.store_timestamp
            put = store.put_message(
                InnerMessage(
                    topic=record_topic(data, record),
                    queue_id=record.queue_id,
                    body=data[record.body_at : record.body_at + record.body_length],
                    properties=record_properties(data, record),
                    properties_bytes=data[record.properties_at : record.properties_at + record.properties_length],
                    born_host=born,
                    born_timestamp=record.born_timestamp,
                    flag=record.flag,
                    sys_flag=record.sys_flag,
                    reconsume_times=record.reconsume_times,
                    prepared_transaction_offset=record.prepared_transaction_offset,
                )
            )
            assert put.status == PutStatus.PUT_OK
            assert put.wrote_offset == record.physical_offset
            assert put.queue_offset == record.queue_offset
            position += record.size
    assert store is not None
    kill(store)
    for path in commit_log_files(golden):
        if any(path.read_bytes()):
            assert (ours / "commitlog" / path.name).read_bytes() == path.read_bytes()
    units = {p.relative_to(golden): p.read_bytes() for p in (golden / "consumequeue").rglob("*") if p.is_file()}
    assert len(units) > 20
    for relative, data in units.items():
        assert (ours / relative).read_bytes() == data
