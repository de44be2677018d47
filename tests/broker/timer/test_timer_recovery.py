"""After a stop, a kill or a power cut at any moment every timer comes once, none of them early."""

from __future__ import annotations

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
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC
from rocketmq_ops.store.inner_message import PutStatus
from rocketmq_ops.store.timer import timer_message_store, timer_wheel
from tests.broker.timer.support import START, Timers
from tests.store.faults import FaultyFileSystem
from tests.store.store_helpers import Clock

CODE = tuple(str(Path(one.__file__ or "").parent) for one in (rocketmq_ops.broker.timer, rocketmq_ops.store))
SLOTS = 1024


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
    fs: FaultyFileSystem


class Load:
    """Random timers, flushes and passing time, with copies of the disk at some of the lines of the code."""

    def __init__(self, root: Path, seed: int, *, power: bool, share: float) -> None:
        self.rng = random.Random(seed)
        self.root = root
        self.fs = FaultyFileSystem()
        self.timers = open_timers(root, Clock(START), self.fs)
        self.sent: dict[bytes, int] = {}
        self.acked: set[bytes] = set()
        self.recalled: set[bytes] = set()
        self.moments: list[Moment] = []
        self._power, self._share = power, share

    def take(self) -> None:
        fs = self.fs.after_power_cut(self.rng) if self._power else self.fs.after_kill()
        now = self.timers.clock.now
        self.moments.append(Moment(dict(self.sent), set(self.acked), set(self.recalled), now, fs))

    def on_line(self, frame: FrameType, event: str, arg: Any) -> Callable[..., Any] | None:
        if not frame.f_code.co_filename.startswith(CODE):
            return None
        if self.rng.random() < self._share:
            self.take()
        return self.on_line

    def step(self) -> None:
        timers, rng = self.timers, self.rng
        kind = rng.random()
        if kind < 0.5:
            body = b"m%d" % len(self.sent)
            due = self.sent[body] = timers.clock.now + rng.choice([1, 900, 1_000, 1_500, 4_000, 9_000, 30_000])
            assert timers.send(body, TIMER_DELIVER_MS=due) is PutStatus.PUT_OK
            self.acked.add(body)
        elif kind < 0.6 and self.acked:
            body = rng.choice(sorted(self.acked))
            moment = (self.sent[body] - 1) // 1_000 * 1_000
            if moment > timers.clock.now // 1_000 * 1_000 and body not in self.recalled:
                self.recalled.add(body)
                assert timers.recall(body, moment + 1) is PutStatus.PUT_OK
        elif kind < 0.75:
            timers.flush()
        else:
            timers.clock.now += rng.choice([10, 300, 1_000, 3_000])
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
    early = [m.body for m in came if m.store_timestamp < moment.sent[m.body]]
    assert early == []
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
