"""`store predict` says beforehand what Apache's brokers and ours then do: where the commitlog ends, every queue's offsets,
and which messages are found by key no more."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.interop.apache import Broker, wait_until
from tests.interop.ours import OurNameServer, OurPair
from tests.interop.raw import call
from tests.store.inspect import damage as d
from tests.store.inspect.damage import Sound

from rocketmq_ops.store.inspect.predict.prediction import Prediction, PredictOptions, predict
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory

GET_MAX_OFFSET, GET_MIN_OFFSET, GET_BROKER_RUNTIME_INFO, QUERY_MESSAGE = 30, 31, 28, 12
FUTURE = 4_000_000_000_000  # ms: in the year 2096
SIZES = {
    "mappedFileSizeCommitLog": "65536", "mappedFileSizeConsumeQueue": "600", "maxHashSlotNum": "100", "maxIndexNum": "400",
    "maxMessageSize": "32768", "fileReservedTime": "1000000",
}  # fmt: skip
QUEUES = [(topic, number) for topic in ("Topic0", "Topic1") for number in (0, 1)]


def abort(s: Sound) -> None:
    s.path("abort").write_bytes(b"")


def both(*steps: Callable[[Sound], None]) -> d.Make:
    def make(s: Sound) -> None:
        for step in steps:
            step(s)

    return make


def body_of(number: int) -> d.Make:
    """A bit of one record's body."""

    def make(s: Sound) -> None:
        record = s.records()[number]
        d.flip(record.file, record.position + record.field("body").offset + 3)

    return make


def body_of_first(file: int) -> d.Make:
    """A bit of the body of the first record in a file of the log."""

    def make(s: Sound) -> None:
        records = s.records()
        body_of(next(i for i, r in enumerate(records) if r.file == s.log[file]))(s)

    return make


def stale_tail(topic: str, queue_id: int) -> d.Make:
    """The last seven units of a queue were not written."""

    def make(s: Sound) -> None:
        path = max(s.path(f"consumequeue/{topic}/{queue_id}").iterdir())
        used = len(path.read_bytes().rstrip(b"\0")) // 20 + 1
        d.zero(path, (used - 7) * 20, 7 * 20)

    return make


def all_stale(s: Sound) -> None:
    for topic, number in QUEUES:
        stale_tail(topic, number)(s)


def no_queues(s: Sound) -> None:
    shutil.rmtree(s.path("consumequeue"))


def broken_topics(s: Sound) -> None:
    for name in ("topics.json", "topics.json.bak"):
        s.path(f"config/{name}").write_bytes(b'{"half')


def one_topic_gone(s: Sound) -> None:
    shutil.rmtree(s.path("consumequeue/Topic1"))


def zeroed_range(number: int) -> d.Make:
    """A record and the four behind it are zeros."""

    def make(s: Sound) -> None:
        hit = s.records()[number : number + 5]
        d.zero(hit[0].file, hit[0].position, sum(len(record.data) for record in hit))

    return make


def old_checkpoint(s: Sound) -> None:
    """As if nothing had been flushed since the second file began."""
    record = next(r for r in s.records() if r.file == s.log[1])
    time = int.from_bytes(record.data[56:64], "big") + 3000
    checkpoint(time, time, time)(s)


def checkpoint(physic: int, logics: int, index: int, dispatched: int = 0) -> d.Make:
    """Times in ms, and (at byte 40, since 5.5) the commitlog offset up to which all units are durable."""

    def make(s: Sound) -> None:
        data = bytearray(s.path("checkpoint").read_bytes())
        struct.pack_into(">qqq16xq", data, 0, physic, logics, index, dispatched)
        s.path("checkpoint").write_bytes(data)

    return make


def dispatched_until(file: int, logics: int = FUTURE) -> d.Make:
    """The checkpoint's times are of no use to recovery; its offset is where a file of the log begins."""

    def make(s: Sound) -> None:
        checkpoint(FUTURE, logics, FUTURE, int(s.log[file].name))(s)

    return make


def cut_queue(s: Sound) -> None:
    """All units of one queue but its first thirty are gone, with the files that held them."""
    first, *others = sorted(s.path("consumequeue/Topic0/0").iterdir())
    d.zero(first, 15 * 20, 15 * 20)
    d.remove(*others)


def units_beyond(s: Sound) -> None:
    """Behind a queue's last unit stand others that lead far behind the log, which has room for more."""
    path = max(s.path("consumequeue/Topic0/0").iterdir())
    used = len(path.read_bytes().rstrip(b"\0")) // 20 + 1
    for number in range(used, 30):
        d.overwrite(path, number * 20, struct.pack(">qiq", 10**6 + number * 300, 300, 0))


def index_of_a_lie(s: Sound) -> None:
    """The index is said to be durable to shortly before the end of its second file."""
    _, end, *_ = struct.unpack_from(">qq", sorted(s.path("index").iterdir())[1].read_bytes())
    checkpoint(FUTURE, FUTURE, end - 1, int(s.log[-2].name))(s)


DAMAGE: dict[str, d.Make] = {
    "killed, tail torn": both(abort, d.tear_last(60)),
    "killed, body damaged, old checkpoint": both(abort, old_checkpoint, body_of(400)),
    "stopped, body damaged in the last file": body_of(650),
    "stopped, no consumequeue": no_queues,
    "stopped, all queues stale": all_stale,
    "stopped, one queue stale": stale_tail("Topic0", 0),
    "stopped, last file missing": d.remove_log(-1),
    "killed, first file missing": both(abort, d.remove_log(0)),
    "killed, middle file missing": both(abort, d.remove_log(1)),
    "stopped, last file empty": lambda s: d.os.truncate(s.log[-1], 0),
    "stopped, middle file shorter": d.resize_log(1, -512),
    "stopped, queue cut, checkpoint of the future": both(cut_queue, checkpoint(FUTURE, FUTURE, FUTURE)),
    "killed, queue cut, checkpoint of the future": both(abort, cut_queue, checkpoint(FUTURE, FUTURE, FUTURE)),
    "killed, queue cut, checkpoint of zeros": both(abort, cut_queue, checkpoint(0, 0, 0)),
    "killed, queue cut, dispatched until the second file": both(abort, cut_queue, dispatched_until(1)),
    "killed, queue cut, dispatched until the last file, times of zero": both(abort, cut_queue, dispatched_until(-1, 0)),
    "killed, body damaged where the last file begins": both(abort, dispatched_until(-1), body_of_first(-1)),
    "stopped, units behind the log": units_beyond,
    "killed, units behind the log": both(abort, units_beyond),
    "killed, index dropped": both(abort, index_of_a_lie),
    "stopped, consumequeue without one topic": one_topic_gone,
    "stopped, zeroed range in the first file": zeroed_range(20),
    "stopped, zeroed range in the last file": zeroed_range(650),
    "stopped, hidden file": d.add_file("commitlog/.DS_Store", bytes(6148)),
    "stopped, folder": lambda s: s.path("commitlog/lost+found").mkdir(),
    "stopped, empty foreign file at the end": d.add_file("commitlog/zz", b""),
    "stopped, topics of NULs": lambda s: s.path("config/topics.json").write_bytes(bytes(500)) and None,
    "stopped, broken topics and .bak": broken_topics,
    "stopped, foreign name": lambda s: d.rename(s.log[-1], "core.dump"),
}
FOR_49 = [
    "killed, tail torn", "killed, body damaged, old checkpoint", "stopped, all queues stale", "stopped, one queue stale",
    "stopped, last file empty", "stopped, queue cut, checkpoint of the future", "killed, queue cut, checkpoint of the future",
    "killed, queue cut, checkpoint of zeros", "stopped, units behind the log", "killed, units behind the log",
    "killed, index dropped", "stopped, consumequeue without one topic", "stopped, folder", "stopped, topics of NULs",
]  # fmt: skip
# More files than 5.5 goes back.
MANY = {"stopped, no consumequeue": no_queues, "killed, no consumequeue": both(abort, no_queues, checkpoint(0, 0, 0))}


# Damage that leaves the log whole: what no queue holds then is lost.
LOG_IS_WHOLE = [
    kind for kind in DAMAGE if ("queue" in kind and "without" not in kind) or "units" in kind or "index" in kind
]


@pytest.fixture(scope="module")
def sound(scratch: Path) -> Path:
    root = scratch / "predict" / "store"
    d.write_own_store(root)
    return root


@pytest.fixture(scope="module")
def nameserver(scratch: Path) -> Iterator[str]:
    server = OurNameServer(scratch / "predict-namesrv")
    server.child.wait_for("boot success")
    yield server.address
    server.child.kill()


@pytest.fixture(scope="module")
def many(scratch: Path) -> Path:
    root = scratch / "predict-many" / "store"
    d.write_own_store(root, messages=4000)
    assert len(Sound(root).log) > 12
    return root


def damaged(sound: Path, folder: Path, make: d.Make) -> Path:
    root = Path(shutil.copytree(sound, folder / "store"))
    make(Sound(root))
    return root


def foretell(root: Path, broker: str) -> Prediction:
    store = StoreDirectory(root)
    try:
        return predict(store, broker, PredictOptions(log_file_size=65536, queue_file_size=600))
    finally:
        store.close()


def what_happened(address: str) -> tuple[int, dict[tuple[str, int], tuple[int, int]]]:
    """The commitlog's max offset, and min and max of every queue, as the running broker says them."""

    def runtime_info() -> Any:
        """Apache's broker cannot tell before it has sampled its rates once."""
        answer = call(address, GET_BROKER_RUNTIME_INFO)
        return json.loads(answer.body)["table"] if answer.code == 0 else None

    info = wait_until(runtime_info, "the broker tells its runtime info")
    offsets = {}
    for topic, number in QUEUES:
        fields = {"topic": topic, "queueId": str(number), "committed": "true"}
        ends = [int(call(address, code, fields).ext_fields["offset"]) for code in (GET_MIN_OFFSET, GET_MAX_OFFSET)]
        offsets[topic, number] = (ends[0], ends[1])
    return int(info["commitLogMaxOffset"]), offsets


def found_by_key(address: str, keys: list[tuple[str, str]]) -> int:
    """How many of the messages the running broker finds by their unique keys."""
    every = {"maxNum": "5", "beginTimestamp": "0", "endTimestamp": str(1 << 62)}
    asked = ({"topic": topic, "key": key, **every} for topic, key in keys)
    return sum(call(address, QUERY_MESSAGE, fields).code == 0 for fields in asked)


def keys_within(sound: Path, root: Path, end: int) -> list[tuple[str, str]]:
    """Topic and unique key of each message that begins before `end`, in a file that is still there."""
    files = {path.name for path in (root / "commitlog").iterdir()}
    return [(r.topic, r.data[r.data.index(b"UNIQ_KEY\1") + 9 :].split(b"\2")[0].decode())
            for r in Sound(sound).records() if r.offset < end and r.file.name in files]  # fmt: skip


def compare(prediction: Prediction, address: str, due: int | None = None) -> None:
    """`due` is how many messages the log holds whole, where every queue is read from its first message on."""
    end, offsets = what_happened(address)
    if due is not None:
        assert prediction.lost == due - sum(high - low for low, high in offsets.values())
    assert prediction.end_offset == end
    said = {(q.topic, q.queue_id): (q.min_offset, q.max_offset) for q in prediction.queues}
    assert {key: said.get(key, (0, 0)) for key in QUEUES} == offsets


def messages_in(sound: Path) -> int:
    return len(Sound(sound).records())


def run_apache(
    version: str, make: d.Make, sound: Path, folder: Path, nameserver: str, *, log_is_whole: bool = True
) -> None:
    root = damaged(sound, folder, make)
    prediction = foretell(root, version[:3])
    keys = keys_within(sound, root, prediction.end_offset) if prediction.index_dropped else []
    settings = {**SIZES, "brokerRole": "ASYNC_MASTER"}
    broker: Any = Broker(version, folder, nameserver, store=root, name=folder.name, settings=settings, heap="256m")
    try:
        if not prediction.starts:
            assert broker.child.process.wait(60) != 0
            assert not any("boot success" in line for line in broker.child.lines)
            return
        broker.wait_ready()
        compare(prediction, broker.address, messages_in(sound) if log_is_whole else None)
        assert {p.name for p in (root / "commitlog").iterdir()}.isdisjoint(prediction.files_removed)
        assert found_by_key(broker.address, keys) == len(keys) - (prediction.keys_lost if keys else 0)
    finally:
        broker.child.kill()


@pytest.mark.parametrize("version", ["5.3.3", "5.5.0"])
@pytest.mark.parametrize("kind", DAMAGE)
def test_apache_5(kind: str, version: str, sound: Path, tmp_path: Path, nameserver: str) -> None:
    run_apache(version, DAMAGE[kind], sound, tmp_path / "p5", nameserver, log_is_whole=kind in LOG_IS_WHOLE)


@pytest.mark.parametrize("version", ["5.3.3", "5.5.0"])
@pytest.mark.parametrize("kind", MANY)
def test_apache_5_with_many_files(kind: str, version: str, many: Path, tmp_path: Path, nameserver: str) -> None:
    run_apache(version, MANY[kind], many, tmp_path / "p5m", nameserver)


@pytest.mark.parametrize("kind", FOR_49)
def test_apache_4(kind: str, sound: Path, tmp_path: Path, nameserver: str) -> None:
    run_apache("4.9.7", DAMAGE[kind], sound, tmp_path / "p49", nameserver, log_is_whole=kind in LOG_IS_WHOLE)


@pytest.mark.parametrize("kind", [k for k in DAMAGE if k != "stopped, foreign name"])
def test_ours(kind: str, sound: Path, tmp_path: Path) -> None:
    root = damaged(sound, tmp_path, DAMAGE[kind])
    prediction = foretell(root, "ours")
    if not prediction.starts:
        with pytest.raises(RuntimeError):
            OurPair(tmp_path / "ours", store=root, settings=SIZES)
        return
    pair = OurPair(tmp_path / "ours", store=root, settings=SIZES)
    try:
        compare(prediction, pair.broker_address, messages_in(sound) if kind in LOG_IS_WHOLE else None)
    finally:
        pair.kill()
