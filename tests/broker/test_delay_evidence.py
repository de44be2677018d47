"""Delayed messages after a kill, and after a slave became the master: none is lost, and none comes twice."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.broker import controller
from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.broker.schedule import delay_evidence, schedule_message_service
from rocketmq_ops.broker.slave import slave_synchronize
from rocketmq_ops.broker.turns import Turn
from rocketmq_ops.common.delay_levels import LOG_END
from rocketmq_ops.common.fastjson import loads
from rocketmq_ops.common.topics import SCHEDULE_TOPIC
from rocketmq_ops.store.message_store import MessageStore
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue
from tests.broker.ha.pairs import Pair, caught_up, stall
from tests.broker.support import Session, bodies, run, running, until

LEVELS = "1s 1h"


class Clock:
    """What brokers take for the time, ms."""

    now = 1_795_246_590_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(controller, "now_ms", clock)
    yield clock


async def park(session: Session, clock: Clock, *texts: str, level: int = 1, apart: int = 1) -> None:
    """Delayed messages, so many ms apart; those of the same text are equal in all."""
    for text in texts:
        clock.now += apart
        properties = {"DELAY": str(level), "UNIQ_KEY": text}
        assert (await session.send("T", text.encode(), properties=properties)).code == 0


async def pulled(session: Session) -> list[str]:
    return [body.decode() for body in bodies(await session.pull("T"))]


def say_delivered(root: Path, offsets: dict[str, int]) -> None:
    """As a broker leaves the file that is killed before it writes it again."""
    path = root / "config" / "delayOffset.json"
    path.with_name("delayOffset.json.bak").unlink(missing_ok=True)
    path.write_text(json.dumps({"offsetTable": offsets}))


def test_what_was_delivered_before_a_kill_does_not_come_again(tmp_path: Path, clock: Clock) -> None:
    async def fill(session: Session) -> None:
        delay = session.broker.delay
        delay.stop()
        await park(session, clock, "a", "b")
        clock.now += 1_000
        assert delay.deliver_due(clock.now) == 2
        await park(session, clock, "c", "d", "e")
        await park(session, clock, "in an hour", level=2)
        clock.now += 998  # c and d are due
        assert delay.deliver_due(clock.now) == 2
        delay.stop()

    run(tmp_path, fill, messageDelayLevel=LEVELS)
    say_delivered(tmp_path, {"1": 1, "2": 0})

    async def check(session: Session) -> None:
        delay = session.broker.delay
        delay.stop()
        assert delay.table == {1: 4, 2: 0}
        clock.now += 3_600_000
        assert delay.deliver_due(clock.now) == 2
        assert await pulled(session) == ["a", "b", "c", "d", "e", "in an hour"]

    run(tmp_path, check, messageDelayLevel=LEVELS)


@pytest.mark.parametrize("back", [5_000, 600_000])
@pytest.mark.parametrize("killed", [True, False])
def test_nothing_comes_again_where_the_clock_was_set_back(
    tmp_path: Path, clock: Clock, back: int, killed: bool
) -> None:
    """What was stored last is then earlier than what was delivered; a clean stop is that of a slave."""

    async def fill(session: Session) -> None:
        delay = session.broker.delay
        delay.stop()
        await park(session, clock, "a", "b")
        clock.now += 1_000
        assert delay.deliver_due(clock.now) == 2
        await park(session, clock, "c")
        clock.now -= back
        assert delay.deliver_due(clock.now) == 1  # it would wait for longer than its level
        await park(session, clock, "d")
        await session.send("T", b"now")
        delay.stop()

    run(tmp_path, fill, messageDelayLevel=LEVELS)
    say_delivered(tmp_path, {"1": 0})
    if killed:
        (tmp_path / "abort").touch()

    async def check(session: Session) -> None:
        delay = session.broker.delay
        delay.stop()
        assert delay.table == {1: 3}
        clock.now += 1_000
        assert delay.deliver_due(clock.now) == 1
        assert await pulled(session) == ["a", "b", "c", "now", "d"]

    run(tmp_path, check, messageDelayLevel=LEVELS)


async def saved(broker: BrokerController, path: Path) -> bytes:
    """The file, once it has been written for the log as it is now."""
    end = broker.store.max_phy_offset
    broker.delay.save()
    found = [b""]

    def is_there() -> bool:
        found[0] = path.read_bytes() if path.exists() else b"{}"
        return bool(loads(found[0]).get(LOG_END) == end)

    await until(is_there)
    return found[0]


def test_where_the_file_says_how_far_the_log_was_no_more_is_read_than_came_since(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a step of the clock, too: neither what is parked nor the messages of its topics before."""
    path, file = tmp_path / "config" / "delayOffset.json", b""

    async def fill(session: Session) -> None:
        nonlocal file
        delay, broker = session.broker.delay, session.broker
        delay.stop()
        for _ in range(20):
            await session.send("T", b"before")
        await park(session, clock, "a", "b", "twin", "twin", apart=0)
        await park(session, clock, *(f"later {number}" for number in range(30)), level=2, apart=0)
        assert delay.deliver_due(clock.now) == 0
        clock.now += 1_000
        assert delay.deliver_due(clock.now, Turn(0)) == 1
        file = await saved(broker, path)
        assert delay.deliver_due(clock.now, Turn(0)) == 1
        assert delay.deliver_due(clock.now, Turn(0)) == 1
        clock.now -= 5_000
        await session.send("T", b"now")
        delay.stop()

    run(tmp_path, fill, messageDelayLevel=LEVELS)
    path.write_bytes(file)
    (tmp_path / "abort").touch()
    read: Counter[tuple[str, int]] = Counter()
    records_of = delay_evidence.records_of

    def counted(store: MessageStore, queue: ConsumeQueue, start: int) -> Iterator[Any]:
        for each in records_of(store, queue, start):
            read[queue.topic, queue.queue_id] += 1
            yield each

    monkeypatch.setattr(delay_evidence, "records_of", counted)
    monkeypatch.setattr(delay_evidence, "delivered", None)
    monkeypatch.setattr(delay_evidence, "_WITHOUT", 2)

    async def check(session: Session) -> None:
        delay = session.broker.delay
        delay.stop()
        assert delay.table == {1: 3, 2: 0}
        assert read == {("T", 0): 3, (SCHEDULE_TOPIC, 0): 3, (SCHEDULE_TOPIC, 1): 3}
        clock.now += 10_000
        assert delay.deliver_due(clock.now) == 1
        assert (await pulled(session))[20:] == ["a", "b", "twin", "now", "twin"]

    run(tmp_path, check, messageDelayLevel=LEVELS)


def test_the_file_says_how_far_the_log_is_and_the_answer_to_a_slave_does_not(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ends = tmp_path / "config" / "delayOffset.json", list[int]()
    monkeypatch.setattr(schedule_message_service, "_LOG_END_BYTES", 1)

    async def body(session: Session) -> None:
        delay, broker = session.broker.delay, session.broker
        delay.stop()
        await park(session, clock, "a", level=2)
        delay.deliver_due(clock.now)
        for _ in range(2):  # no level goes on, the log does
            await session.send("T", b"plain")
            ends.append(loads(await saved(broker, path))[LOG_END])
        assert ends[0] < ends[1] == broker.store.max_phy_offset
        assert LOG_END not in loads(delay.encode())
        await session.send("T", b"the last one")
        ends.append(broker.store.max_phy_offset)
        # What was delivered behind one that was not is in no table: the log alone knows, of all times.
        delay._delivered[2] = {5}
        assert LOG_END not in loads(delay.encode(pretty=True))
        delay._delivered.clear()
        # A slave's table is what its master said, of a log that may not have come so far.
        delay.take_over({"offsetTable": {"1": 7}})
        assert LOG_END not in loads(delay.encode(pretty=True))
        delay.table, delay._is_exact = {1: 0, 2: 0}, True

    run(tmp_path, body, messageDelayLevel=LEVELS)
    assert loads(path.read_bytes())[LOG_END] == ends[2]


def test_a_level_that_waits_is_looked_at_again_when_the_clock_is_set_back(tmp_path: Path, clock: Clock) -> None:
    async def body(session: Session) -> None:
        delay = session.broker.delay
        delay.stop()
        await park(session, clock, "a")
        assert delay.deliver_due(clock.now) == 0
        clock.now -= 86_400_000
        assert delay.deliver_due(clock.now) == 1

    run(tmp_path, body, messageDelayLevel=LEVELS)


def test_what_the_log_does_not_have_is_delivered_though_later_ones_were(tmp_path: Path, clock: Clock) -> None:
    """Apache's broker delivers so where a put failed (enableScheduleAsyncDeliver); with the file and without it."""

    async def fill(session: Session) -> None:
        delay = session.broker.delay
        delay.stop()
        await park(session, clock, "a", "b", "c", "d")
        clock.now += 1_000
        delay.table[1] = 1
        assert delay.deliver_due(clock.now - 1) == 2
        clock.now += 1
        delay.stop()

    run(tmp_path, fill, messageDelayLevel=LEVELS)
    say_delivered(tmp_path, {"1": 0})

    async def check(session: Session) -> None:
        delay = session.broker.delay
        delay.stop()
        assert delay.table[1] == 0
        assert delay.deliver_due(clock.now) == 2
        assert await pulled(session) == ["b", "c", "a", "d"] and delay.table[1] == 4

    run(tmp_path, check, messageDelayLevel=LEVELS)


def test_a_message_does_not_take_the_record_of_its_twin_for_its_own(tmp_path: Path, clock: Clock) -> None:
    async def fill(session: Session) -> None:
        delay = session.broker.delay
        delay.stop()
        await park(session, clock, "twin", "twin", apart=0)
        clock.now += 1_000
        assert delay.deliver_due(clock.now, Turn(0)) == 1
        delay.stop()

    run(tmp_path, fill, messageDelayLevel=LEVELS)

    async def check(session: Session) -> None:
        delay = session.broker.delay
        delay.stop()
        assert delay.table[1] == 1
        assert delay.deliver_due(clock.now) == 1
        assert await pulled(session) == ["twin", "twin"]

    run(tmp_path, check, messageDelayLevel=LEVELS)


def test_no_record_is_read_where_all_that_was_due_is_delivered(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fill(session: Session) -> None:
        session.broker.delay.stop()
        await park(session, clock, "a", "b")
        clock.now += 999
        assert session.broker.delay.deliver_due(clock.now) == 1
        session.broker.delay.stop()

    run(tmp_path, fill, messageDelayLevel=LEVELS)
    monkeypatch.setitem(sys.modules, "rocketmq_ops.broker.schedule.delay_evidence", None)

    async def check(session: Session) -> None:
        assert session.broker.delay.table[1] == 1

    run(tmp_path, check, messageDelayLevel=LEVELS)


def test_the_file_of_offsets_is_never_ahead_of_the_log_on_the_disk(tmp_path: Path, clock: Clock) -> None:
    """A power cut takes the end of the log, and what it says to be delivered would be nowhere."""
    path = tmp_path / "config" / "delayOffset.json"

    def saved() -> int:
        return int(loads(path.read_bytes())["offsetTable"].get(1, 0))

    async def body(session: Session) -> None:
        delay, waiting = session.broker.delay, list[Callable[[bool], None]]()
        delay.stop()
        await park(session, clock, "a", "b", "c")
        session.broker.store.when_flushed = lambda end, done: waiting.append(done)  # type: ignore[method-assign]
        for _ in range(3):
            clock.now += 998 if not waiting else 1
            assert delay.deliver_due(clock.now) == 1
            delay.save()
        await session.broker.files.wait()
        assert not path.exists() and len(waiting) == 3
        waiting[0](True)
        await session.broker.files.wait()
        assert saved() == 1 and delay.is_dirty
        waiting[1](False)
        await session.broker.files.wait()
        assert saved() == 1
        waiting[2](True)
        await session.broker.files.wait()
        assert saved() == 3 and not delay.is_dirty
        del session.broker.store.when_flushed  # type: ignore[method-assign]

    run(tmp_path, body, messageDelayLevel=LEVELS)


@pytest.fixture
def asks_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slaves look at their master by `sync_all` alone."""
    for name in ("SYNC_INTERVAL_MS", "PROGRESS_INTERVAL_MS", "TOPIC_INTERVAL_MS"):
        monkeypatch.setattr(slave_synchronize, name, 3_600_000)


async def one_of_four_delivered(pair: Pair, clock: Clock) -> BrokerController:
    """The slave of a master that has delivered "old" of its delayed messages when it was asked last, and has three more."""
    session, slave = await pair.start_master(), await pair.start_slave()
    pair.master.delay.stop()
    await park(session, clock, "old")
    clock.now += 1_000
    assert pair.master.delay.deliver_due(clock.now) == 1
    await park(session, clock, "a", "b", "c")
    await looked(pair, slave)
    return slave


@pytest.mark.usefixtures("asks_when_told")
def test_a_slave_that_became_the_master_does_not_deliver_again(tmp_path: Path, clock: Clock) -> None:
    """It has the whole log, and how far the levels were when it asked last: before any was delivered."""

    async def main() -> None:
        async with Pair(tmp_path, messageDelayLevel=LEVELS) as pair:
            slave = await one_of_four_delivered(pair, clock)
            assert slave.delay.table[1] == 1
            clock.now += 999
            assert pair.master.delay.deliver_due(clock.now) == 2
            await caught_up(pair.master, slave)
            await slave.stop()
            await pair.master.stop()
            assert (await promoted(tmp_path, clock)) == (3, ["old", "a", "b", "c"])

    asyncio.run(main())


@pytest.mark.usefixtures("asks_when_told")
def test_what_the_slave_s_log_does_not_have_is_delivered_by_it(tmp_path: Path, clock: Clock) -> None:
    """The master says that all was delivered, and dies before the slave has the messages that were."""

    async def main() -> None:
        async with Pair(tmp_path, messageDelayLevel=LEVELS) as pair:
            slave = await one_of_four_delivered(pair, clock)
            stall(slave)
            clock.now += 1_000
            assert pair.master.delay.deliver_due(clock.now) == 3
            assert slave.slave is not None
            await slave.slave.sync_all()
            await slave.slave.sync_all()
            await slave.stop()
            await pair.master.stop()
            assert (await promoted(tmp_path, clock)) == (1, ["old", "a", "b", "c"])

    asyncio.run(main())


@pytest.mark.usefixtures("asks_when_told")
def test_an_answer_waits_until_the_log_has_come(tmp_path: Path, clock: Clock) -> None:
    async def main() -> None:
        async with Pair(tmp_path, messageDelayLevel=LEVELS) as pair:
            session, slave = await pair.start_master(), await pair.start_slave()
            pair.master.delay.stop()
            await looked(pair, slave)
            go_on = stall(slave)
            await park(session, clock, "a")
            clock.now += 1_000
            assert pair.master.delay.deliver_due(clock.now) == 1
            pair.master.timers.files.checkpoint.master_timer_queue_offset = 7
            assert slave.slave is not None
            await slave.slave.sync_all()
            checkpoint = slave.timers.files.checkpoint
            assert not slave.delay.table.get(1) and checkpoint.master_timer_queue_offset == 0
            go_on()
            await caught_up(pair.master, slave)
            await slave.slave.sync_all()
            assert slave.delay.table[1] == 1 and checkpoint.master_timer_queue_offset == 7

    asyncio.run(main())


async def looked(pair: Pair, slave: BrokerController) -> None:
    """The slave has the master's log, and its tables."""
    await caught_up(pair.master, slave)
    assert slave.slave is not None
    await slave.slave.sync_all()


async def promoted(root: Path, clock: Clock) -> tuple[int, list[str]]:
    """A master on the slave's folder: how far its level 1 is at the start, and all messages after a while."""
    async with running(root / "slave", messageDelayLevel=LEVELS) as session:
        delay = session.broker.delay
        delay.stop()
        first = delay.table[1]
        clock.now += 2_000
        delay.deliver_due(clock.now)
        return first, await pulled(session)
