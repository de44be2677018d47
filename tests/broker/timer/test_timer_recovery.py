"""After a stop, a kill or a power cut at any moment every timer comes once, none of them early."""

from __future__ import annotations

import asyncio
import logging
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest

import rocketmq_ops.broker.timer
import rocketmq_ops.store
from rocketmq_ops.broker.send.inner_messages import encode_properties
from rocketmq_ops.broker.turns import Turn
from rocketmq_ops.common import fastjson
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC
from rocketmq_ops.store.inner_message import InnerMessage, PutStatus
from rocketmq_ops.store.timer import timer_message_store, timer_wheel
from tests.broker.timer.support import START, Timers
from tests.store.faults import FaultyFileSystem
from tests.store.store_helpers import BORN_V4, Clock

CODE = tuple(str(Path(one.__file__ or "").parent) for one in (rocketmq_ops.broker.timer, rocketmq_ops.store))
SLOTS = 1024
HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def small_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the wheel turns within minutes, and file systems are copied quickly."""
    monkeypatch.setattr(timer_wheel, "WHEEL_SLOTS", SLOTS)
    monkeypatch.setattr(timer_wheel, "FILE_SIZE", SLOTS * 32)
    monkeypatch.setattr(timer_wheel, "_PAGES", SLOTS * 32 // 4096)
    monkeypatch.setattr(timer_message_store, "ROUND_SLOTS", SLOTS // 2)


class Moment(NamedTuple):
    """What had been given to the broker when it ended, and the disk it left."""

    sent: dict[bytes, int]
    acked: set[bytes]
    recalled: set[bytes]
    now: int
    #: Time by the clock of each turn -> the latest moment that the clock has ever shown in a turn until then: what was due
    #: by it is not early, though the clock was set back in between.
    turns: dict[int, int]
    fs: FaultyFileSystem


class Load:
    """Random timers, flushes and passing time, with copies of the disk at some of the lines of the code."""

    def __init__(self, root: Path, seed: int, *, power: bool, share: float) -> None:
        #: What happens is drawn apart from when it ends: how many lines of code are run differs from Python to Python.
        self.rng, self._ends = random.Random(seed), random.Random(seed)
        self.root = root
        self.fs = FaultyFileSystem()
        self.timers = open_timers(root, Clock(START), self.fs)
        self.sent: dict[bytes, int] = {}
        self.acked: set[bytes] = set()
        self.recalled: set[bytes] = set()
        self.turns: dict[int, int] = {}
        self.moments: list[Moment] = []
        self._power, self._share = power, share

    def take(self) -> None:
        fs = self.fs.after_power_cut(self._ends) if self._power else self.fs.after_kill()
        now = self.timers.clock.now
        self.moments.append(Moment(dict(self.sent), set(self.acked), set(self.recalled), now, dict(self.turns), fs))

    def on_line(self, frame: FrameType, event: str, arg: Any) -> Callable[..., Any] | None:
        if not frame.f_code.co_filename.startswith(CODE):
            return None
        if self._ends.random() < self._share:
            self.take()
        return self.on_line

    def step(self) -> None:
        timers, rng = self.timers, self.rng
        kind = rng.random()
        if kind < 0.5:
            body = b"m%d" % len(self.sent)
            due = self.sent[body] = timers.clock.now + rng.choice([1, 900, 1_000, 1_500, 4_000, 9_000, 30_000])
            if (
                due < timers.files.read_time
            ):  # this moment is over, and comes at once: wherever the clock is set until then
                self.sent[body] = 0
            assert timers.send(body, TIMER_DELIVER_MS=due) is PutStatus.PUT_OK
            self.acked.add(body)
        elif kind < 0.6 and self.acked:
            body = rng.choice(sorted(self.acked))
            moment = (self.sent[body] - 1) // 1_000 * 1_000
            over = max(timers.clock.now // 1_000 * 1_000, timers.files.read_time - 1_000)
            if moment > over and body not in self.recalled:
                self.recalled.add(body)
                assert timers.recall(body, moment + 1) is PutStatus.PUT_OK
        elif kind < 0.75:
            timers.flush()
        elif kind < 0.78:
            timers.clock.now -= rng.choice([10, 2_000, 6_000])
        else:
            timers.clock.now += rng.choice([10, 300, 1_000, 3_000])
            self.turns[timers.clock.now] = max(timers.clock.now, *self.turns.values(), 0)
            timers.service.run(timers.clock.now)

    def run(self, steps: int) -> None:
        before = sys.gettrace()
        sys.settrace(self.on_line)
        try:
            for _ in range(steps):
                self.step()
        finally:
            sys.settrace(before)
        self.take()


def open_timers(root: Path, clock: Clock, fs: FaultyFileSystem, **settings: Any) -> Timers:
    sizes = {"mappedFileSizeCommitLog": 16_384, "maxMessageSize": 4_096, "mappedFileSizeConsumeQueue": 400}
    return Timers(
        root, clock, fs, **{**sizes, "maxHashSlotNum": 20, "maxIndexNum": 400, "timerRollWindowSlot": 7, **settings}
    )


def check(moment: Moment, root: Path, rng: random.Random, *, power: bool) -> None:
    """Start after the end, twice killed again in between, until all is due."""
    clock = Clock(moment.now + rng.choice([0, 500, 2_000, 20_000]))
    fs = moment.fs
    for _ in range(2):
        timers = open_timers(root, clock, fs)
        if rng.random() < 0.5:
            timers.service.run(clock.now)
            if rng.random() < 0.5:
                timers.flush()
        fs = fs.after_kill()
    timers = open_timers(root, clock, fs)
    timers.pass_time(120_000, step=1_000)
    waited = {message.body for message in timers.messages(TIMER_TOPIC)} - {b"0"}
    came = timers.messages()
    assert timers.files.waiting == 0
    assert not timers.service._delivered
    counts = Counter(message.body for message in came)
    assert [body for body, count in counts.items() if count > 1] == []
    # Beside what was delivered before the end comes at once what was over by then, too, wherever the clock is now.
    over = max(moment.turns.values(), default=0)
    reached = [max(m.store_timestamp, moment.turns.get(m.store_timestamp, over)) for m in came]
    assert [m.body for m, latest in zip(came, reached, strict=True) if latest < moment.sent[m.body]] == []
    expected = waited if power else moment.acked
    recalled = moment.recalled
    assert expected - recalled <= set(counts) <= waited
    if not power:
        kept = {m.properties["UNIQ_KEY"].encode() for m in timers.messages(TIMER_TOPIC) if m.body == b"0"}
        assert not kept & set(counts)
    fs.check_blocks()
    timers.stop()


@pytest.mark.parametrize("power", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_none_is_early_lost_or_doubled_whenever_it_ends(tmp_path: Path, seed: int, power: bool) -> None:
    load = Load(tmp_path, seed, power=power, share=0.002)
    load.run(60)
    assert len(load.sent) > 15
    rng = random.Random(seed)
    for moment in rng.sample(load.moments, min(12, len(load.moments))):
        check(moment, tmp_path, rng, power=power)


@pytest.mark.parametrize("step", [-3_000, -5_000, -60_000, -600_000, 0, 3_600_000])
def test_none_comes_again_where_the_clock_was_set_before_a_kill(tmp_path: Path, step: int) -> None:
    fs, clock = FaultyFileSystem(), Clock(START)
    timers = open_timers(tmp_path, clock, fs)
    timers.send(b"a", TIMER_DELIVER_MS=START + 3_000)
    timers.send(b"b", TIMER_DELIVER_MS=START + 30_000)
    timers.pass_time(1_000)
    timers.flush()
    timers.pass_time(4_000)
    assert timers.got() == [b"a"]
    clock.now += step
    timers.send(b"x")
    again = open_timers(tmp_path, clock, fs.after_kill())
    assert again.got() == [b"a", b"x"]
    again.pass_time(26_000 + max(0, -step), step=1_000)
    assert again.got() == [b"a", b"x", b"b"]
    assert again.messages()[-1].store_timestamp >= START + 30_000
    again.stop()


@pytest.mark.parametrize("end", [Timers.stop, Timers.kill])
@pytest.mark.parametrize("files", [["timercheck"], []], ids=["no checkpoint", "all files"])
def test_none_comes_again_where_the_clock_was_set_back_at_a_kill_and_the_broker_ends_once_more(
    tmp_path: Path, end: Callable[[Timers], None], files: list[str]
) -> None:
    """The second start meets records of the clock behind, and none that says that what it was set back from was over."""
    timers = Timers(tmp_path)
    for number in range(3):
        timers.send(b"over %d" % number, TIMER_DELAY_SEC=2 + number)
    timers.send(b"later", TIMER_DELAY_SEC=3_600)
    timers.run()
    timers.flush()
    timers.pass_time(10_000)
    assert timers.got() == [b"over 0", b"over 1", b"over 2"]
    timers.kill()
    for file in files:
        (tmp_path / "config" / file).unlink()
    clock = timers.clock
    clock.now -= HOUR_MS
    timers = Timers(tmp_path, clock)
    for number in range(20):
        timers.send(b"plain %d" % number)
        timers.pass_time(100)
    asyncio.run(timers.store.flush.until_flushed(timers.store.max_phy_offset))
    timers.flush()
    end(timers)
    timers = Timers(tmp_path, clock)
    clock.now += 3 * HOUR_MS
    timers.run()
    assert Counter(timers.got()) == Counter(
        [b"over 0", b"over 1", b"over 2", b"later", *(b"plain %d" % number for number in range(20))]
    )
    timers.stop()


def waiting_store(root: Path, **settings: Any) -> tuple[FaultyFileSystem, Clock, dict[bytes, int]]:
    """A cleanly stopped broker: some timers delivered, some waiting, one of them recalled, and one that has rolled."""
    fs, clock = FaultyFileSystem(), Clock(START)
    timers = open_timers(root, clock, fs, **settings)
    sent = {b"%d" % delay: START + delay for delay in (500, 1_000, 4_000, 8_000, 8_001, 30_000, 30_001)}
    for body, due in sent.items():
        timers.send(body, TIMER_DELIVER_MS=due)
    timers.send(b"gone", TIMER_DELIVER_MS=START + 30_000)
    timers.pass_time(5_000)
    precision = timers.files.precision
    timers.recall(b"gone", (START + 29_999) // precision * precision + 1)
    timers.run()
    assert sorted(timers.got()) == [b"1000", b"4000", b"500"]
    timers.stop()
    return fs, clock, sent


def deliver_rest(timers: Timers, sent: dict[bytes, int]) -> None:
    timers.pass_time(40_000)
    came = timers.messages()
    assert Counter(message.body for message in came) == Counter(list(sent))
    assert all(message.store_timestamp >= sent[message.body] for message in came)
    assert timers.files.waiting == 0
    timers.stop()


def nothing(fs: FaultyFileSystem, root: Path) -> None:
    """As it was left."""


def by_apache(fs: FaultyFileSystem, root: Path) -> None:
    """Whoever has changed the checkpoint does not know of the note."""
    node = fs.node(f"{root}/config/timercheck")
    node.live[:8] = (int.from_bytes(node.live[:8]) - 1_000).to_bytes(8)


def without_wheel(fs: FaultyFileSystem, root: Path) -> None:
    fs.remove(f"{root}/timerwheel")


def wheel_zeroed(fs: FaultyFileSystem, root: Path) -> None:
    node = fs.node(f"{root}/timerwheel")
    node.live[:] = bytes(len(node.live))


def without_log(fs: FaultyFileSystem, root: Path) -> None:
    for name in fs.list_dir(f"{root}/timerlog"):
        fs.remove(f"{root}/timerlog/{name}")


def without_checkpoint(fs: FaultyFileSystem, root: Path) -> None:
    fs.remove(f"{root}/config/timercheck")


def without_files(fs: FaultyFileSystem, root: Path) -> None:
    for lose in (without_wheel, without_log, without_checkpoint):
        lose(fs, root)


@pytest.mark.parametrize(
    "damage", [nothing, by_apache, without_wheel, wheel_zeroed, without_log, without_checkpoint, without_files]
)
def test_lost_files_are_made_anew(tmp_path: Path, damage: Callable[[FaultyFileSystem, Path], None]) -> None:
    fs, clock, sent = waiting_store(tmp_path)
    damage(fs, tmp_path)
    deliver_rest(open_timers(tmp_path, clock, fs), sent)


@pytest.mark.parametrize("name", ["timerwheel", "timerlog/00000000000000000000", "config/timercheck"])
def test_a_file_that_goes_while_the_broker_runs_is_said_once(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    timers = Timers(tmp_path)
    timers.send(b"first", TIMER_DELAY_MS=1_000)
    timers.pass_time(200)
    timers.flush()
    path = Path(timers.store.root) / name
    aside = path.with_name("aside")
    path.rename(aside)
    for number in range(3):
        timers.send(b"%d" % number, TIMER_DELAY_MS=2_000)
        timers.pass_time(200)
        timers.flush()
    lines = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert [name in line for line in lines] == [True, False]
    assert "the next start makes lost files of timers anew" in lines[1]
    aside.rename(path)
    timers.flush()
    assert caplog.messages[-1] == "the timers are flushed again"
    path.unlink()
    timers.flush()
    timers.pass_time(1_000)
    timers.flush()
    assert timers.got() == [b"first"]
    timers.kill()
    again = Timers(tmp_path, timers.clock)
    again.pass_time(3_000)
    assert sorted(again.got()) == [b"0", b"1", b"2", b"first"]
    again.kill()


@pytest.mark.parametrize("damage", [nothing, by_apache, without_log, without_files])
def test_lost_files_are_made_anew_long_after(tmp_path: Path, damage: Callable[[FaultyFileSystem, Path], None]) -> None:
    """All is due by then, and has been for more than a round of the wheel."""
    fs, clock, sent = waiting_store(tmp_path)
    damage(fs, tmp_path)
    clock.now += 3 * SLOTS * 1_000
    timers = open_timers(tmp_path, clock, fs)
    timers.send(b"new", TIMER_DELAY_MS=1_000)
    deliver_rest(timers, {**sent, b"new": clock.now + 1_000})


@pytest.mark.parametrize("precisions", [(100, 1_000), (1_000, 100), (500, 200)])
def test_another_precision(tmp_path: Path, precisions: tuple[int, int]) -> None:
    fs, clock, sent = waiting_store(tmp_path, timerPrecisionMs=precisions[0])
    timers = open_timers(tmp_path, clock, fs, timerPrecisionMs=precisions[1])
    timers.pass_time(40_000)
    assert Counter(timers.got()) == Counter(list(sent))
    timers.stop()


def test_after_a_clean_stop_nothing_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fs, clock, sent = waiting_store(tmp_path)
    monkeypatch.setitem(sys.modules, "rocketmq_ops.broker.timer.delivered_timers", None)
    deliver_rest(open_timers(tmp_path, clock, fs), sent)


def test_what_apache_s_broker_has_enqueued_twice_comes_once(tmp_path: Path) -> None:
    """Its recovery goes on at the queue's place of the last checkpoint, with the units of what came behind it."""
    fs, clock, sent = waiting_store(tmp_path)
    timers = open_timers(tmp_path, clock, fs)
    for unit in list(timers.files.log.units())[-3:]:
        timers.files.add(unit.time, unit.physical_offset, unit.message_size, 0, deletes=unit.deletes)
    timers.stop()
    by_apache(fs, tmp_path)
    deliver_rest(open_timers(tmp_path, clock, fs), sent)


def by_timeline(timers: Timers, body: bytes, *, rolls: bool) -> None:
    """Do as Apache's 5.5 with the message that has this body, when it has taken it out of RocksDB (convertMessage)."""
    (message,) = (one for one in timers.messages(TIMER_TOPIC) if one.body == body)
    properties = dict(message.properties)
    if rolls:
        topic, properties["TIMER_ROLL_LABEL"] = TIMER_TOPIC, "R"
    else:
        topic = properties.pop("REAL_TOPIC")
        del properties["REAL_QID"]
    copy = InnerMessage(topic, 0, body, properties, encode_properties(properties), BORN_V4, message.born_timestamp)
    assert timers.store.put_message(copy).status is PutStatus.PUT_OK


@pytest.mark.parametrize(("moved", "killed"), [(False, False), (True, False), (True, True)])
def test_what_was_driven_by_rocksdb_comes_once(tmp_path: Path, moved: bool, killed: bool) -> None:
    """Apache's 5.5 with timerRocksDBEnable leaves the wheel's place in the topic where it was, until something is
    recalled: the recall is put into timerlog, behind which the wheel is read on."""
    fs, clock = FaultyFileSystem(), Clock(START)
    timers = open_timers(tmp_path, clock, fs, timerStopEnqueue=True)
    sent = {body: START + delay for body, delay in ((b"done", 1_000), (b"waits", 30_000), (b"rolled", 20_000))}
    for body, due in (sent | {b"gone": START + 2_000}).items():
        timers.send(body, TIMER_DELIVER_MS=due)
    timers.send(b"0", TIMER_DEL_UNIQKEY="gone", TIMER_DELIVER_MS=START + 2_000, UNIQ_KEY="gone")
    timers.pass_time(1_500)
    by_timeline(timers, b"done", rolls=False)
    timers.pass_time(3_500)
    by_timeline(timers, b"rolled", rolls=True)
    assert timers.files.queue_offset == 0 and timers.got() == [b"done"]
    if moved:
        fs.make_dirs(f"{tmp_path}/rocksdbstore")
        timers.send(b"lost", TIMER_DELIVER_MS=START + 25_000)
        timers.send(b"1", TIMER_DEL_UNIQKEY="T+lost", TIMER_DELIVER_MS=START + 25_000, UNIQ_KEY="lost")
        *_, recall = timers.messages(TIMER_TOPIC)
        timers.files.queue_offset = timers.store.max_offset(TIMER_TOPIC, 0)
        timers.files.add(START + 24_000, recall.commit_log_offset, recall.store_size, 0, deletes=True)
    timers.stop()
    by_apache(fs, tmp_path)
    if killed:
        timers = open_timers(tmp_path, clock, fs)
        timers.service.run(clock.now, Turn(0))
        assert 0 < timers.files.queue_offset < timers.store.max_offset(TIMER_TOPIC, 0)
        timers.flush()
        fs = fs.after_kill()
    deliver_rest(open_timers(tmp_path, clock, fs), sent)


def test_what_the_wheel_of_a_5_5_broker_holds_comes_once(tmp_path: Path) -> None:
    """Every store of 5.5 has the folder of RocksDB, also where the wheel drives the timers."""
    fs, clock = FaultyFileSystem(), Clock(START)
    timers = open_timers(tmp_path, clock, fs)
    sent = {body: START + delay for body, delay in ((b"soon", 1_000), (b"waits", 30_000))}
    for body, due in sent.items():
        timers.send(body, TIMER_DELIVER_MS=due)
    timers.pass_time(1_500)
    sent[b"late"] = clock.now + 1_000
    timers.send(b"late", TIMER_DELIVER_MS=sent[b"late"])
    clock.now += 3_000
    timers.run()
    assert Counter(timers.got()) == Counter([b"soon", b"late"])
    timers.stop()
    fs.make_dirs(f"{tmp_path}/rocksdbstore")
    by_apache(fs, tmp_path)
    deliver_rest(open_timers(tmp_path, clock, fs), sent)


def test_a_slave_s_timers_follow_its_master_s(tmp_path: Path) -> None:
    fs, clock, sent = waiting_store(tmp_path, timerRollWindowSlot=100)
    master = open_timers(tmp_path, clock, fs)
    checkpoint, metrics = master.service.encoded_checkpoint(), master.service.metrics.encode()
    slave = open_timers(tmp_path, clock, fs.after_kill(), brokerRole="SLAVE")
    without_files(slave.store.fs, tmp_path)  # type: ignore[arg-type]
    slave.kill()
    slave = open_timers(tmp_path, clock, slave.store.fs.after_kill(), brokerRole="SLAVE")  # type: ignore[attr-defined]
    assert slave.files.queue_offset == 0
    slave.service.take_over(checkpoint)
    slave.run()
    slave.service.metrics.take_over(metrics_document(metrics))
    assert slave.files.queue_offset == master.files.queue_offset
    assert slave.service.metrics.count("T") == master.service.metrics.count("T") == 4
    slave.pass_time(60_000)
    assert len(slave.got()) == 3
    slave.stop()
    promoted = open_timers(tmp_path, clock, slave.store.fs.after_kill())  # type: ignore[attr-defined]
    deliver_rest(promoted, sent)


@pytest.mark.parametrize("killed", [False, True])
def test_a_slave_that_has_taken_in_later_what_its_master_has_rolled(tmp_path: Path, killed: bool) -> None:
    """The moment to which a message rolls is counted from when it came into the wheel, which is another one there."""
    fs, clock = FaultyFileSystem(), Clock(START)
    master = open_timers(tmp_path, clock, fs, timerRollWindowSlot=4)
    sent = {b"%d" % delay: START + delay for delay in (3_500, 9_000, 20_000)}
    for body, due in sent.items():
        master.send(body, TIMER_DELIVER_MS=due)
    master.pass_time(6_000)
    master.flush()
    checkpoint, replicated = master.service.encoded_checkpoint(), fs.after_kill()
    without_files(replicated, tmp_path)
    slave = open_timers(tmp_path, clock, replicated, brokerRole="SLAVE", timerRollWindowSlot=4)
    slave.service.take_over(checkpoint)
    slave.run()
    assert slave.files.queue_offset == slave.store.max_offset(TIMER_TOPIC, 0) > len(sent)
    slave.stop()
    promoted = open_timers(tmp_path, clock, replicated, timerRollWindowSlot=4)
    if killed:
        promoted.pass_time(1_500)
        promoted.flush()
        promoted = open_timers(tmp_path, clock, replicated.after_kill(), timerRollWindowSlot=4)
    deliver_rest(promoted, sent)
    assert not promoted.service._delivered


def metrics_document(data: bytes) -> dict[str, Any]:
    document = fastjson.loads(data)
    assert isinstance(document, dict)
    return document
