"""`store predict` says beforehand what Apache's brokers and ours then do: where the commitlog ends, and every queue's offsets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.interop.apache import Broker, wait_until
from tests.interop.ours import OurNameServer, OurPair
from tests.interop.raw import call
from tests.store.inspect import damage as d
from tests.store.inspect.damage import Sound

from rocketmq_ops.store.inspect.predict import Prediction, PredictOptions, predict
from rocketmq_ops.store.inspect.source import StoreDirectory

GET_MAX_OFFSET, GET_MIN_OFFSET, GET_BROKER_RUNTIME_INFO = 30, 31, 28
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


def old_checkpoint(s: Sound) -> None:
    """As if nothing had been flushed since the second file began."""
    record = next(r for r in s.records() if r.file == s.log[1])
    time = record.data[56:64]
    later = (int.from_bytes(time, "big") + 3000).to_bytes(8, "big")
    d.overwrite(s.path("checkpoint"), 0, later * 3)


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
    "stopped, foreign name": lambda s: d.rename(s.log[-1], "core.dump"),
}
FOR_49 = [
    "killed, tail torn", "killed, body damaged, old checkpoint", "stopped, all queues stale", "stopped, one queue stale",
    "stopped, last file empty",
]  # fmt: skip


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


def damaged(sound: Path, folder: Path, kind: str) -> Path:
    root = Path(shutil.copytree(sound, folder / "store"))
    DAMAGE[kind](Sound(root))
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


def compare(prediction: Prediction, address: str) -> None:
    end, offsets = what_happened(address)
    assert prediction.end_offset == end
    said = {(q.topic, q.queue_id): (q.min_offset, q.max_offset) for q in prediction.queues}
    assert {key: said.get(key, (0, 0)) for key in QUEUES} == offsets


def run_apache(version: str, kind: str, sound: Path, folder: Path, nameserver: str) -> None:
    root = damaged(sound, folder, kind)
    prediction = foretell(root, version[:3])
    settings = {**SIZES, "brokerRole": "ASYNC_MASTER"}
    broker: Any = Broker(version, folder, nameserver, store=root, name=folder.name, settings=settings, heap="256m")
    try:
        if not prediction.starts:
            assert broker.child.process.wait(60) != 0
            assert not any("boot success" in line for line in broker.child.lines)
            return
        broker.wait_ready()
        compare(prediction, broker.address)
        assert {p.name for p in (root / "commitlog").iterdir()}.isdisjoint(prediction.files_removed)
    finally:
        broker.child.kill()


@pytest.mark.parametrize("kind", DAMAGE)
def test_apache_5(kind: str, sound: Path, tmp_path: Path, nameserver: str) -> None:
    run_apache("5.3.3", kind, sound, tmp_path / "p53", nameserver)


@pytest.mark.parametrize("kind", FOR_49)
def test_apache_4(kind: str, sound: Path, tmp_path: Path, nameserver: str) -> None:
    run_apache("4.9.7", kind, sound, tmp_path / "p49", nameserver)


@pytest.mark.parametrize("kind", [k for k in DAMAGE if k != "stopped, foreign name"])
def test_ours(kind: str, sound: Path, tmp_path: Path) -> None:
    root = damaged(sound, tmp_path, kind)
    prediction = foretell(root, "ours")
    if not prediction.starts:
        with pytest.raises(RuntimeError):
            OurPair(tmp_path / "ours", store=root, settings=SIZES)
        return
    pair = OurPair(tmp_path / "ours", store=root, settings=SIZES)
    try:
        compare(prediction, pair.broker_address)
    finally:
        pair.kill()
