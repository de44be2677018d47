"""Topics and groups that requests create: one write for all that a turn changed, answers after it, nothing waits on it."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.broker.out import broker_outer_api as outer_api
from rocketmq_ops.broker.state import changes
from rocketmq_ops.broker.state.config_table import ConfigEntries
from rocketmq_ops.common import fastjson, state_files
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.files import SmallFiles
from rocketmq_ops.remoting.bodies import SubscriptionGroupConfig, TopicConfig
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import HELD, RemotingCommand
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.server import RemotingServer
from tests.broker.support import Session, consumer, run, running, until


class SlowDisk:
    """In place of ``save_with_backup``: notes the names of the files, and writes when it may."""

    def __init__(self) -> None:
        self.save = state_files.save_with_backup
        self.begun: list[str] = []
        self.may_write = threading.Event()
        self.may_write.set()
        self.error: RocketMQError | None = None

    def __call__(self, path: str, data: bytes, files: SmallFiles) -> None:
        self.begun.append(Path(path).name)
        assert self.may_write.wait(10)
        if self.error is not None:
            raise self.error
        self.save(path, data, files)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDisk]:
    disk = SlowDisk()
    monkeypatch.setattr(state_files, "save_with_backup", disk)
    yield disk
    disk.may_write.set()


def names_in(root: Path, file: str, table: str) -> set[str]:
    return set(json.loads((root / "config" / file).read_text())[table])


def test_what_a_hundred_new_groups_change_in_one_turn_is_one_write_of_each_file(
    tmp_path: Path, disk: SlowDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rocketmq_ops.broker.processors.slices.SLICE_SECONDS", 60)
    groups = [f"group-{n}" for n in range(100)]

    async def body(session: Session) -> None:
        answer = await session.heartbeat(client_id="c", consumer_data_set=[consumer(group, "T") for group in groups])
        assert answer.code == 0
        assert names_in(tmp_path, "subscriptionGroup.json", "subscriptionGroupTable") >= set(groups)
        assert names_in(tmp_path, "topics.json", "topicConfigTable") >= {f"%RETRY%{group}" for group in groups}
        assert sorted(name for name in disk.begun if "Offset" not in name) == ["subscriptionGroup.json", "topics.json"]

    run(tmp_path, body)


@pytest.mark.parametrize("flush", ["ASYNC_FLUSH", "SYNC_FLUSH"])
def test_other_requests_are_answered_while_the_disk_is_slow(tmp_path: Path, disk: SlowDisk, flush: str) -> None:
    async def body(session: Session) -> None:
        await session.send("Known")
        disk.begun.clear()
        disk.may_write.clear()
        creating = asyncio.create_task(session.send("New"))
        await until(lambda: "topics.json" in disk.begun)
        assert (await session.send("Known")).code == 0
        assert (await session.ask(RequestCode.GET_MAX_OFFSET, {"topic": "Known", "queueId": "0"})).code == 0
        more = [asyncio.create_task(session.send(f"New{n}")) for n in range(20)]
        await until(lambda: session.broker.topics.get("New19") is not None)
        assert not creating.done() and not any(task.done() for task in more)
        disk.may_write.set()
        assert [answer.code for answer in await asyncio.gather(creating, *more)] == [0] * 21
        assert disk.begun.count("topics.json") == 2, "what came while the disk was busy is one more write"

    run(tmp_path, body, flushDiskType=flush)


def test_a_send_back_waits_for_the_file_of_its_retry_topic(tmp_path: Path, disk: SlowDisk) -> None:
    async def body(session: Session) -> None:
        await session.send("T")
        await session.ask(
            RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=SubscriptionGroupConfig(group_name="g").encode()
        )
        fields = {"offset": "0", "group": "g", "delayLevel": "0", "originMsgId": "", "originTopic": "T"}
        answer = await session.ask(RequestCode.CONSUMER_SEND_MSG_BACK, fields)
        assert answer.code == 0
        assert "%RETRY%g" in names_in(tmp_path, "topics.json", "topicConfigTable")

    run(tmp_path, body)


def test_a_failed_write_is_logged_with_its_path_and_tried_again(
    tmp_path: Path, disk: SlowDisk, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(session: Session) -> None:
        disk.error = RocketMQError("cannot save topics.json: No space left on device", "free space")
        assert (await session.send("T")).code == 0, "the message is stored, whatever becomes of the file"
        assert str(tmp_path / "config" / "topics.json") in caplog.text
        refused = await session.ask(
            RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=SubscriptionGroupConfig(group_name="g").encode()
        )
        assert refused.code == ResponseCode.SYSTEM_ERROR
        assert "cannot save" in (refused.remark or "") and "free space" in (refused.remark or "")
        assert not session.broker.groups.contains("g"), "what an administrator was told to have failed is not so later"
        disk.error = None
        await until(lambda: (tmp_path / "config" / "topics.json").exists())
        assert "T" in names_in(tmp_path, "topics.json", "topicConfigTable")

    with caplog.at_level(logging.ERROR):
        run(tmp_path, body, flushConsumerOffsetInterval=20)


def test_a_refused_change_does_not_undo_what_was_changed_after_it(tmp_path: Path, disk: SlowDisk) -> None:
    async def body(session: Session) -> None:
        topics = session.broker.topics
        disk.may_write.clear()
        disk.error = RocketMQError("cannot save topics.json: No space left on device", "free space")
        first = asyncio.create_task(topics.update([TopicConfig(topic_name="T"), TopicConfig(topic_name="U")]))
        await until(lambda: "topics.json" in disk.begun)
        later = topics.table["T"] = TopicConfig(topic_name="T", read_queue_nums=5)
        disk.may_write.set()
        with pytest.raises(RocketMQError, match="No space left"):
            await first
        assert topics.get("T") is later and topics.get("U") is None
        disk.error = None

    run(tmp_path, body)


def test_all_that_was_changed_is_in_the_files_after_the_stop(tmp_path: Path, disk: SlowDisk) -> None:
    async def body(session: Session) -> None:
        for n in range(50):
            session.broker.topics.create_in_send_message(f"T{n}", "TBW102", "127.0.0.1:1", 4, 0)
            session.broker.groups.find(f"G{n}")

    run(tmp_path, body)
    assert names_in(tmp_path, "topics.json", "topicConfigTable") >= {f"T{n}" for n in range(50)}
    assert names_in(tmp_path, "subscriptionGroup.json", "subscriptionGroupTable") >= {f"G{n}" for n in range(50)}


def test_a_send_that_creates_its_topic_is_answered_after_the_name_servers(tmp_path: Path) -> None:
    async def main() -> None:
        held: list[tuple[Any, RemotingCommand]] = []

        def register(channel: Any, request: RemotingCommand, _header: None) -> object:
            held.append((channel, request))
            return HELD

        server = RemotingServer(NettyServerConfig(listenPort=0, bindAddress="127.0.0.1"))
        server.register(RequestCode.REGISTER_BROKER, None, register)
        await server.start()

        async with running(tmp_path) as session:
            session.broker.config.namesrvAddr = f"127.0.0.1:{server.port}"
            sends = [asyncio.create_task(session.send(topic)) for topic in ("T", "U")]
            await until(lambda: bool(held))
            sends.append(asyncio.create_task(session.send("T")))  # finds the topic, which nobody can find yet
            await until(lambda: session.broker.store.max_offset("T", 0) == 2)
            assert not any(task.done() for task in sends)
            while not all(task.done() for task in sends):
                for channel, request in held:
                    channel.send(request.reply())
                held.clear()
                await asyncio.sleep(0.01)
            assert [task.result().code for task in sends] == [0, 0, 0] and not session.broker.outer.registering
            assert (await session.send("T")).code == 0 and not held
            session.broker.config.namesrvAddr = ""
        await server.stop()

    asyncio.run(main())


def test_a_name_server_that_does_not_answer_does_not_hold_the_send_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outer_api, "LONGEST_WAIT_MS", 50)

    async def main() -> None:
        server = RemotingServer(NettyServerConfig(listenPort=0, bindAddress="127.0.0.1"))
        server.register(RequestCode.REGISTER_BROKER, None, lambda channel, request, header: HELD)
        await server.start()
        async with running(tmp_path) as session:
            session.broker.config.namesrvAddr = f"127.0.0.1:{server.port}"
            assert (await session.send("T")).code == 0
            assert not session.broker.outer.registering
            session.broker.config.namesrvAddr = ""
        await server.stop()

    asyncio.run(main())


def test_a_file_that_takes_long_does_not_hold_up_who_would_send_once_more(
    tmp_path: Path, disk: SlowDisk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(changes, "LONGEST_WAIT_MS", 50)

    async def body(session: Session) -> None:
        await session.send("T")
        await session.heartbeat(client_id="c", consumer_data_set=[consumer("G", "T")])
        disk.may_write.clear()
        assert (await session.send("U")).code == 0
        back = {"offset": "0", "group": "G", "delayLevel": "-1", "originMsgId": "", "originTopic": "T"}
        assert (await session.ask(RequestCode.CONSUMER_SEND_MSG_BACK, back)).code == 0
        assert session.broker.store.max_offset("%DLQ%G", 0) == 1
        assert "%DLQ%G" not in names_in(tmp_path, "topics.json", "topicConfigTable")
        disk.may_write.set()

    with caplog.at_level(logging.WARNING):
        run(tmp_path, body)
    assert caplog.text.count("topics.json takes more than 50 ms") == 1
    assert {"U", "%DLQ%G"} <= names_in(tmp_path, "topics.json", "topicConfigTable")


def test_entries_that_are_written_out_once_read_as_if_all_were_written_anew() -> None:
    entries = ConfigEntries(TopicConfig)
    raw = {"Old": {"topicName": "Old", "perm": 6, "liteTopic": {"a": [1, {"b": 2}]}, "attributes": {"x": "y\n\t"}}}
    table = entries.decode(raw)
    table["é\n"] = TopicConfig(topic_name="é\n", attributes={})

    def both() -> tuple[bytes, bytes]:
        return tuple(  # type: ignore[return-value]
            fastjson.dumps({"dataVersion": {"counter": 1}, "table": encoded}, pretty=True)
            for encoded in (entries.text(table), entries.encode(table))
        )

    for change in (
        lambda: None,
        lambda: table.update(Old=TopicConfig(topic_name="Old", read_queue_nums=3)),
        lambda: (table.pop("Old"), entries.forget("Old")),
        lambda: table.clear(),
    ):
        change()
        once, anew = both()
        assert once == anew
