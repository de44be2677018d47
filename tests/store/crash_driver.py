"""Drives a store on a `FaultyFileSystem` and checks what a later start makes of a moment in between.

What lives here: the load, the moments at which a crash is imagined (any line of the store's code, any sync) and
everything that has to hold after recovery. What does not: which loads and faults are tried (`test_crash*.py`).
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import rocketmq_ops.store
from rocketmq_ops.common.message import Message, MessageExt
from rocketmq_ops.common.message_codec import decode_message, encode_batch
from rocketmq_ops.common.record_layout import BLANK_MAGIC, SIZE_AND_MAGIC
from rocketmq_ops.common.sysflag import TRANSACTION_PREPARED_TYPE
from rocketmq_ops.store.inner_message import InnerMessage, PutStatus
from rocketmq_ops.store.message_store import MessageStore
from tests.store.faults import FaultyFileSystem
from tests.store.store_helpers import BORN_V4, Clock, kill, message, open_store, read_all

ROOT = Path("/data/store")
STORE_CODE = str(Path(rocketmq_ops.store.__file__).parent)
HORIZON = 1 << 62
#: Bytes of a body in a batch at most; a batch has to fit one commitlog file.
BATCHED = 300
SIZES = {
    "mappedFileSizeCommitLog": 8192,
    "mappedFileSizeConsumeQueue": 200,
    "maxHashSlotNum": 20,
    "maxIndexNum": 40,
    "flushIntervalCommitLog": 2,
    "flushCommitLogLeastPages": 1,
    "flushIntervalConsumeQueue": 3,
    "flushConsumeQueueThoroughInterval": 4,
}


class Sent(NamedTuple):
    """A message that was given to the store; `physical` is -1 until the put has returned."""

    topic: str
    queue_id: int
    body: bytes
    key: str
    physical: int
    note: str = ""


class Moment(NamedTuple):
    """What was acknowledged, and what had been given to the store at all, when the crash came."""

    acked: dict[bytes, Sent]
    sent: dict[bytes, Sent]
    fs: FaultyFileSystem


def open_small(fs: FaultyFileSystem, clock: Clock | None = None, **keys: object) -> MessageStore:
    return open_store(ROOT, fs=fs, clock=clock, **{**SIZES, **keys})


# -- the load


class Load:
    """Random messages for a few queues: single, batches, prepared ones; some with keys."""

    def __init__(self, rng: random.Random, prefix: str = "m") -> None:
        self.rng = rng
        self.prefix = prefix
        self.number = 0
        self.sent: dict[bytes, Sent] = {}
        self.acked: dict[bytes, Sent] = {}

    def _new(self, topic: str, queue_id: int, largest: int) -> Sent:
        self.number += 1
        length = self.rng.randint(0, largest)
        body = f"{self.prefix}-{self.number}-".encode()
        body += bytes(length) if self.rng.random() < 0.1 else self.rng.randbytes(length)
        note = "n" * self.rng.choice([0, 10, 1700 if largest != BATCHED else 900])
        return Sent(topic, queue_id, body, f"{self.prefix}key{self.number}", -1, note)

    def put(self, store: MessageStore, clock: Clock) -> list[Sent]:
        """Put one message or one batch; returns what was taken, with physical offsets."""
        clock.now += self.rng.choice([0, 1, 700, 5000])
        topic, queue_id = self.rng.choice([("T", 0), ("T", 1), ("Other", 0)])
        kind = self.rng.random()
        if kind < 0.15:
            return self._put_batch(store, topic, queue_id)
        sent = self._new(topic, queue_id, self.rng.choice([10, 200, 2000]))
        unique = f"AA{self.number:030X}"
        inner = message(topic, queue_id, sent.body, KEYS=sent.key, UNIQ_KEY=unique, TAGS="tag", note=sent.note)
        if kind > 0.95:
            inner.sys_flag = TRANSACTION_PREPARED_TYPE
        self.sent[sent.body] = sent
        result = store.put_message(inner)
        if result.status != PutStatus.PUT_OK:
            return []
        sent = self.sent[sent.body] = sent._replace(physical=result.wrote_offset)
        return [sent]

    def _put_batch(self, store: MessageStore, topic: str, queue_id: int) -> list[Sent]:
        group = [self._new(topic, queue_id, BATCHED) for _ in range(self.rng.randint(1, 5))]
        if self.rng.random() < 0.5:  # alike in size, so that they are written at once
            group = [one._replace(body=one.body[:40].ljust(60, b"."), note="") for one in group]
        body = encode_batch([Message(topic=topic, body=one.body, properties=batched(one)) for one in group])
        self.sent.update({one.body: one for one in group})
        result = store.put_messages(InnerMessage(topic, queue_id, body, {}, b"", BORN_V4, 1))
        if result.status != PutStatus.PUT_OK:
            return []
        offsets = [int(one[16:], 16) for one in result.offset_msg_id.split(",")]
        group = [one._replace(physical=at) for one, at in zip(group, offsets, strict=True)]
        self.sent.update({one.body: one for one in group})
        return group

    def ack(self, taken: list[Sent]) -> None:
        self.acked.update({one.body: one for one in taken})


async def run_load(store: MessageStore, load: Load, clock: Clock, count: int, *, sync: bool) -> list[bool]:
    """Put `count` times with the flush services running; the answers of the syncs under SYNC_FLUSH."""
    store.start()
    answers: list[bool] = []
    waiting: list[asyncio.Future[None]] = []

    def park(taken: list[Sent]) -> None:
        done = asyncio.get_running_loop().create_future()

        def flushed(ok: bool) -> None:
            if ok:
                load.ack(taken)
            answers.append(ok)
            done.set_result(None)

        waiting.append(done)
        store.when_flushed(end_of(store, taken[-1]), flushed)

    for _ in range(count):
        taken = load.put(store, clock)
        if sync and taken:
            park(taken)
        else:
            load.ack(taken)
        if load.rng.random() < 0.3:
            await asyncio.sleep(load.rng.choice([0, 0, 0.004]))
    await asyncio.gather(*waiting)
    return answers


def end_of(store: MessageStore, sent: Sent) -> int:
    record = store.message_at(sent.physical)
    assert record is not None
    return sent.physical + len(record)


def batched(sent: Sent) -> dict[str, str]:
    return {"KEYS": sent.key, "note": sent.note}


# -- moments


class Moments:
    """Takes a copy of the file system at some of the lines of the store's code and at its syncs."""

    def __init__(self, load: Load, fs: FaultyFileSystem, rng: random.Random, share: float, *, power: bool) -> None:
        self.taken: list[Moment] = []
        self._load = load
        self._fs = fs
        self._rng = rng
        self._share = share
        self._power = power

    def take(self) -> None:
        # In this order, as the load goes on while a sync in the worker is interrupted.
        acked = dict(self._load.acked)
        fs = self._fs.after_power_cut(self._rng) if self._power else self._fs.after_kill()
        self.taken.append(Moment(acked, dict(self._load.sent), fs))

    def _on_line(self, frame: FrameType, event: str, arg: Any) -> Callable[..., Any] | None:
        if not frame.f_code.co_filename.startswith(STORE_CODE):
            return None
        if self._rng.random() < self._share:
            self.take()
        return self._on_line

    def _on_event(self, name: str, path: str) -> None:
        if self._rng.random() < 0.1:
            self.take()

    def __enter__(self) -> Moments:
        self._before = sys.gettrace()
        self._fs.on_event = self._on_event
        sys.settrace(self._on_line)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)
        self._fs.on_event = None


# -- what must hold after it


def check_moment(moment: Moment, rng: random.Random, **keys: object) -> None:
    """Recover, check everything, write on, crash once more, check again."""
    clock = Clock(1_800_000_000_000)
    store = open_small(moment.fs, clock, **keys)
    check_contents(store, moment.acked, moment.sent)
    more = Load(rng, "n")
    for _ in range(6):
        taken = more.put(store, clock)
        assert taken, "the recovered store takes messages"
        answers: list[bool] = []
        store.when_flushed(end_of(store, taken[-1]), answers.append)
        assert answers == [True]
        more.ack(taken)
    acked, sent = {**moment.acked, **more.acked}, {**moment.sent, **more.sent}
    check_contents(store, acked, sent)
    moment.fs.check_blocks()
    # The power fails right after: all that was there after recovery counts as durable.
    for fs in (moment.fs.after_power_cut(rng), moment.fs.after_kill()):
        again = open_small(fs, clock, **keys)
        check_contents(again, acked, sent)
        kill(again)
    kill(store)


def check_contents(store: MessageStore, acked: dict[bytes, Sent], sent: dict[bytes, Sent]) -> None:
    records = records_of(store)
    by_offset = {record.commit_log_offset: record for record in records}
    for body, one in acked.items():
        assert one.physical in by_offset, f"an acknowledged message at {one.physical} is lost"
        assert by_offset[one.physical].body == body
    for record in records:
        assert record.body in sent, f"a foreign message at {record.commit_log_offset}"
        origin = sent[record.body]
        assert (record.topic, record.queue_id) == (origin.topic, origin.queue_id)
        assert origin.physical in (-1, record.commit_log_offset)
        assert (record.properties["KEYS"], record.properties.get("note", "")) == (origin.key, origin.note)
    check_queues(store, records)
    for record in records:
        check_key(store, record, sent[record.body].key)


def records_of(store: MessageStore) -> list[MessageExt]:
    """Every record of the commitlog, read one after the other; no byte may be left over."""
    records: list[MessageExt] = []
    offset, end = max(0, store.commit_log.min_offset), store.max_phy_offset
    while offset < end:
        head = store.commit_log.view(offset, 8)
        assert head is not None
        size, magic = SIZE_AND_MAGIC.unpack(head)
        if magic != BLANK_MAGIC:
            records.append(decode_message(bytes(store.commit_log.view(offset, size) or b"")))
            assert records[-1].commit_log_offset == offset
        assert size > 0
        offset += size
    assert offset == end
    return records


def check_queues(store: MessageStore, records: list[MessageExt]) -> None:
    """The consumequeues hold exactly the records that consumers may see, in order."""
    expected: dict[tuple[str, int], list[MessageExt]] = {}
    for record in records:
        if not record.sys_flag & TRANSACTION_PREPARED_TYPE:
            expected.setdefault((record.topic, record.queue_id), []).append(record)
    for topic, queue_id in set(store.queues.names()) | set(expected):
        want = expected.get((topic, queue_id), [])
        assert [record.queue_offset for record in want] == list(range(len(want)))
        assert [found.commit_log_offset for found in read_all(store, topic, queue_id)] == [
            record.commit_log_offset for record in want
        ]
        assert store.max_offset(topic, queue_id) == len(want)
        queue = store.consume_queue(topic, queue_id)
        assert queue is None or queue.next_offset == len(want)


def check_key(store: MessageStore, record: MessageExt, key: str) -> None:
    views = store.query_message(record.topic, key, 32, 0, HORIZON).views
    found = [decode_message(bytes(view)).commit_log_offset for view in views]
    assert record.commit_log_offset in found, f"{key} does not lead to {record.commit_log_offset}"
