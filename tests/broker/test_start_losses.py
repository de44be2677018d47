"""What a broker says at its start about what is lost, and that delayed messages are neither lost nor doubled."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.topics import SCHEDULE_TOPIC
from rocketmq_ops.remoting.codes import RequestCode
from tests.broker.support import Session, bodies, run, until

LEVELS = "1s 2s 1h"


async def everything(session: Session, topic: str, queue_id: int = 0) -> list[bytes]:
    found: list[bytes] = []
    while got := bodies(await session.pull(topic, queue_id=queue_id, offset=len(found))):
        found += got
    return found


def start(root: Path, check: Any = None, **settings: Any) -> None:
    """A broker on the store that does nothing, or `check`."""

    async def nothing(session: Session) -> None:
        if check is not None:
            await check(session)

    run(root, nothing, **settings)


def filled(root: Path) -> None:
    """A stopped store: ten messages, a group at 7, and three delayed ones that were delivered, two that were not."""

    async def fill(session: Session) -> None:
        delay = session.broker.delay
        delay.stop()
        for _ in range(10):
            await session.send("T")
        session.broker.offsets.commit("G", "T", 0, 7)
        for _ in range(3):
            # Alike in all that a message may have, as from a client that sets no unique key.
            await session.send("T", b"once", properties={"DELAY": "1", "UNIQ_KEY": ""})
        await session.send("T", b"other level", 1, properties={"DELAY": "2"})
        assert delay.deliver_due(session.broker.clock() + 5000) == 4
        await session.send("T", b"parked", properties={"DELAY": "1"})
        await session.send("T", b"in an hour", properties={"DELAY": "3"})
        delay.stop()

    run(root, fill, messageDelayLevel=LEVELS)


@pytest.mark.parametrize("content", ["missing", "empty", "NUL", "no levels"])
def test_delayed_messages_are_neither_lost_nor_doubled_without_their_offsets(
    content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled(tmp_path)
    path = tmp_path / "config" / "delayOffset.json"
    path.with_name("delayOffset.json.bak").unlink(missing_ok=True)
    contents = {"empty": b"", "NUL": bytes(path.stat().st_size), "no levels": b'{"offsetTable":{}}'}
    if content == "missing":
        path.unlink()
    else:
        path.write_bytes(contents[content])

    async def check(session: Session) -> None:
        delay, store = session.broker.delay, session.broker.store
        assert (delay.table[1], delay.table[2]) == (3, 1)
        await until(lambda: store.max_offset("T", 0) == 14)
        delay.deliver_due(session.broker.clock() + 60_000)
        assert await everything(session, "T") == [b"hello"] * 10 + [b"once"] * 3 + [b"parked"]
        assert await everything(session, "T", 1) == [b"other level"]
        assert delay.deliver_due(session.broker.clock() + 3_700_000) == 1
        assert (await everything(session, "T"))[14:] == [b"in an hour"]

    start(tmp_path, check, messageDelayLevel=LEVELS)
    assert "does not say how many of 6 delayed messages (level 1, 2, 3) were delivered" in caplog.text
    assert "delay level 1: 3 messages are found delivered, 1 are not" in caplog.text
    caplog.clear()
    start(tmp_path, messageDelayLevel=LEVELS)
    assert "delay" not in caplog.text


def test_messages_of_a_level_that_is_not_configured_any_more_are_delivered_when_due(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled(tmp_path)
    (tmp_path / "abort").touch()  # nor does recovery after a crash change their times

    async def check(session: Session) -> None:
        delay, store = session.broker.delay, session.broker.store
        queue = store.consume_queue(SCHEDULE_TOPIC, 2)
        assert queue is not None
        due = queue.unit(0)[2]  # type: ignore[index]
        assert due > session.broker.clock() + 3_000_000
        before = store.max_offset("T", 0)
        delay.deliver_due(due - 1)
        assert b"in an hour" not in await everything(session, "T")
        assert delay.deliver_due(due) == 1
        assert (await everything(session, "T"))[before:][-1] == b"in an hour"
        assert delay.table[3] == 1

    start(tmp_path, check, messageDelayLevel="1s 2s")
    assert "1 messages wait in delay levels that messageDelayLevel no longer has (3)" in caplog.text
    caplog.clear()
    start(tmp_path, messageDelayLevel="1s 2s")
    assert "no longer has" not in caplog.text


@pytest.mark.parametrize("content", ["missing", "empty", "NUL"])
@pytest.mark.parametrize("name", ["topics", "subscriptionGroup", "consumerOffset"])
def test_lost_settings_are_said_in_a_line(
    name: str, content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled(tmp_path)
    path = tmp_path / "config" / f"{name}.json"
    path.with_name(path.name + ".bak").unlink(missing_ok=True)
    if content == "missing":
        path.unlink()
    else:
        path.write_bytes(bytes(path.stat().st_size) if content == "NUL" else b"")
    start(tmp_path, messageDelayLevel=LEVELS)
    assert sum(f"{path} " in line for line in caplog.messages) == 1
    unknown = [line for line in caplog.messages if "not in topics.json (T)" in line]
    assert len(unknown) == (name == "topics")


def test_a_backup_that_is_used_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    filled(tmp_path)
    path = tmp_path / "config" / "topics.json"
    shutil.copy(path, f"{path}.bak")
    for content, word in ((b"", "is empty"), (bytes(9), "holds 9 empty bytes"), (b"{half", "topics.json: ")):
        path.write_bytes(content)
        caplog.clear()
        start(tmp_path)
        (line,) = [line for line in caplog.messages if "what was saved before is used" in line]
        assert word in line and line.endswith(f"{path}.bak")


def test_a_store_as_it_was_left_is_not_spoken_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    start(tmp_path / "new")
    filled(tmp_path / "used")
    caplog.clear()
    start(tmp_path / "used", messageDelayLevel=LEVELS)
    assert [record.message for record in caplog.records if record.levelname != "INFO"] == []


def test_offsets_behind_the_end_of_their_queue_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    filled(tmp_path)
    path = tmp_path / "config" / "consumerOffset.json"
    path.write_text('{"offsetTable":{"T@G":{0:1010}}}')
    start(tmp_path, messageDelayLevel=LEVELS)
    assert "1 offsets of groups lie behind the end of their queue (T@G queue 0 at 1010 of 13)" in caplog.text


def test_messages_before_the_commitlog_are_said_unless_they_may_have_expired(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def fill(session: Session) -> None:
        for number in range(30):
            await session.send("T", b"%d" % number + bytes(20_000))
        for group, offset in (("Came", 30), ("Behind", 1)):
            session.broker.offsets.commit(group, "T", 0, offset)

    start(tmp_path, fill)
    first, *rest = sorted((tmp_path / "commitlog").iterdir())
    first.unlink()
    start(tmp_path)
    (line,) = [line for line in caplog.messages if "before it that queues lead to are lost" in line]
    gone = int(line.partition(" hours): ")[2].split()[0])
    assert gone > 1
    assert f"the commitlog begins at {int(rest[0].name)}," in line
    assert f"still due to get {gone - 1} (T queue 0); `mqadmin store check {tmp_path}`" in line
    caplog.clear()
    start(tmp_path, fileReservedTime=0)
    assert "the commitlog begins" not in caplog.text


def test_a_group_sees_what_comes_to_a_queue_that_has_lost_its_last_messages(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def fill(session: Session) -> None:
        for number in range(30):
            await session.send("T", b"%d" % number + bytes(20_000))
        for group, offset in (("Came", 30), ("Behind", 3)):
            session.broker.offsets.commit(group, "T", 0, offset)

    start(tmp_path, fill)
    sorted((tmp_path / "commitlog").iterdir())[-1].unlink()

    async def check(session: Session) -> None:
        end = session.broker.store.max_offset("T", 0)
        assert 3 < end < 30
        offsets = session.broker.offsets
        assert (offsets.query("Came", "T", 0), offsets.query("Behind", "T", 0)) == (end, 3)

    start(tmp_path, check)
    assert "1 offsets of groups lay behind the end of their queue, which has lost messages" in caplog.text


def test_a_queue_without_files_goes_on_where_a_group_has_come(tmp_path: Path) -> None:
    filled(tmp_path)

    async def check(session: Session) -> None:
        session.broker.offsets.commit("G", "Expired", 0, 5)

    start(tmp_path, check, messageDelayLevel=LEVELS)

    async def goes_on(session: Session) -> None:
        assert (await session.send("Expired")).ext_fields["queueOffset"] == "5"
        assert bodies(await session.pull("Expired", offset=5)) == [b"hello"]
        answer = await session.ask(RequestCode.GET_MIN_OFFSET, {"topic": "Expired", "queueId": "0"})
        assert answer.ext_fields["offset"] == "5"

    start(tmp_path, goes_on, messageDelayLevel=LEVELS)


def test_timer_messages_that_are_switched_off_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The wheel has 32 bytes for each second of a fortnight; a slot is of the time that stands in it."""
    filled(tmp_path)
    slot = struct.Struct(">qqqii")
    wheel = bytearray(5000 * slot.size)
    for at, (second, count) in {3: (1000, 4), 2500: (2000, 3), 4999: (2001, 2)}.items():
        slot.pack_into(wheel, at * slot.size, second, 0, 52, count, 0)
    (tmp_path / "timerwheel").write_bytes(wheel)
    (tmp_path / "config" / "timercheck").write_bytes(struct.pack(">qqqq", 2_000_000, 520, 10, 10).ljust(4096, b"\0"))
    start(tmp_path, messageDelayLevel=LEVELS, timerWheelEnable=False)
    assert "5 timer messages wait in this store" in caplog.text
    assert "it has taken 10 messages of rmq_sys_wheel_timer, of which the commitlog has 0" in caplog.text
