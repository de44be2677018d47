"""Changes as the dashboard makes them: planned, confirmed, made and undone by command lines."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.mqadmin.changer import _THREADS, CommandChanger
from rocketmq_ops.mqadmin.connecting.connection import Connection
from rocketmq_ops.mqadmin.errors import CommandError
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.journal.file import JournalFile
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.command import RemotingCommand
from tests.mqadmin.fake_cluster import FakeCluster


@pytest.fixture(autouse=True)
def _journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("ROCKETMQ_OPS_JOURNAL", raising=False)
    yield


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    cluster = FakeCluster(("broker-a", "C1"))
    cluster["broker-a"].add_topic("T", 4)

    def admin(self: Run, *, quiet: bool) -> MQAdmin:
        assert quiet
        assert self.connection.name_servers == (cluster.namesrv,)
        return MQAdmin(self.connection.name_servers, self.timeout_ms, transport=cluster.transport)

    monkeypatch.setattr(Run, "admin", admin)
    return cluster


def changer(cluster: FakeCluster) -> CommandChanger:
    return CommandChanger(Connection((cluster.namesrv,), "test"), ("-n", cluster.namesrv))


def test_a_permission_is_planned_made_and_undone(cluster: FakeCluster) -> None:
    async def steps() -> None:
        change = changer(cluster)
        shown = await change.plan(["updateTopicPerm", "-t", "T", "-c", "C1", "-p", "4"])
        assert shown.line == f"mqadmin updateTopicPerm -t T -c C1 -p 4 -n {cluster.namesrv}"
        assert [(c.state, c.fields[0].before, c.fields[0].after) for c in shown.changes] == [("planned", 6, 4)]
        assert shown.to_type is None and shown.affected is not None and shown.effective
        assert list(JournalFile().lines()) == []
        made = await change.make(shown, "")
        assert (made.status, made.change_id, made.changes[0].state) == ("ok", 1, "done")
        assert cluster["broker-a"].topics["T"]["perm"] == 4
        (entry,) = await change.journal(10)
        assert (entry.id, entry.status, entry.here, entry.words[0]) == (1, "done", True, "updateTopicPerm")
        back = await change.plan(["undo", "1"])
        assert (back.line, back.to_type) == ("mqadmin undo 1", "1")
        undone = await change.make(back, "1")
        assert undone.change_id == 2 and cluster["broker-a"].topics["T"]["perm"] == 6
        assert [(e.id, e.undo_of, e.undone_by) for e in await change.journal(10)] == [(2, 1, ()), (1, None, (2,))]

    asyncio.run(steps())


def test_what_destroys_is_made_only_when_its_name_was_typed(cluster: FakeCluster) -> None:
    async def steps() -> None:
        change = changer(cluster)
        shown = await change.plan(["deleteTopic", "-t", "T", "-c", "C1"])
        assert shown.to_type == "T"
        with pytest.raises(CommandError) as refused:
            await change.make(shown, "t")
        assert refused.value.exit_code is ExitCode.REFUSED
        assert "T" in cluster["broker-a"].topics and list(JournalFile().lines()) == []
        await change.make(shown, "T")
        assert "T" not in cluster["broker-a"].topics

    asyncio.run(steps())


def test_what_is_no_longer_as_it_was_shown_is_not_made(cluster: FakeCluster) -> None:
    async def steps() -> None:
        change = changer(cluster)
        shown = await change.plan(["updateTopicPerm", "-t", "T", "-c", "C1", "-p", "4"])
        cluster["broker-a"].topics["T"]["perm"] = 2
        with pytest.raises(CommandError, match="no longer change what was shown"):
            await change.make(shown, "")
        assert cluster["broker-a"].topics["T"]["perm"] == 2 and list(JournalFile().lines()) == []

    asyncio.run(steps())


def test_a_server_that_refuses_leaves_its_words_and_a_line_in_the_journal(cluster: FakeCluster) -> None:
    async def steps() -> None:
        change = changer(cluster)
        shown = await change.plan(["deleteTopic", "-t", "T", "-c", "C1"])
        cluster.transport.on(
            cluster["broker-a"].address, Code.DELETE_TOPIC_IN_BROKER, lambda c: c.reply(1, "not today")
        )
        with pytest.raises(RocketMQError, match="not today"):
            await change.make(shown, "T")
        (entry,) = await change.journal(10)
        assert entry.status == "failed"

    asyncio.run(steps())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["updateTopicPerm", "-t", "T"], "missing option"),
        (["updateTopicPerm", "-t", "T", "-c", "C1", "-p", "9"], "9"),
        (["topicList"], "changes nothing"),
        (["nothing"], "there is no command 'nothing'"),
        (["undo", "7"], "there is no change 7"),
    ],
)
def test_a_line_that_cannot_be_run_says_why(cluster: FakeCluster, words: list[str], says: str) -> None:
    with pytest.raises(RocketMQError, match=f"(?i){says}"):
        asyncio.run(changer(cluster).plan(words))


def test_lines_that_get_no_answer_hold_up_neither_other_work_nor_once_they_are_left_other_lines(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = cluster.transport.invoke
    held = threading.Semaphore(0)

    async def silent(*_: object, **__: object) -> None:
        held.release()
        await asyncio.Event().wait()

    async def steps() -> None:
        loop, change = asyncio.get_running_loop(), changer(cluster)
        loop.set_default_executor(ThreadPoolExecutor(1))
        line = ["updateTopicPerm", "-t", "T", "-c", "C1", "-p", "4"]
        monkeypatch.setattr(cluster.transport, "invoke", silent)
        async with asyncio.timeout(60):
            plans = [asyncio.create_task(change.plan(line)) for _ in range(_THREADS + 3)]
            for _ in range(_THREADS):
                assert await asyncio.to_thread(held.acquire, timeout=30)
            assert await asyncio.to_thread(lambda: "looked") == "looked"
            for plan in plans:
                plan.cancel()
            assert {type(end) for end in await asyncio.gather(*plans, return_exceptions=True)} == {
                asyncio.CancelledError
            }
            monkeypatch.setattr(cluster.transport, "invoke", answered)
            assert (await change.plan(line)).effective

    asyncio.run(steps())


def test_what_is_being_made_comes_to_its_end_when_nobody_waits_for_it(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = cluster.transport.invoke
    begun, go_on = threading.Event(), threading.Event()

    async def slow(addr: str, command: RemotingCommand, timeout_ms: int = 3000) -> RemotingCommand:
        begun.set()
        await asyncio.to_thread(go_on.wait, 30)
        return await answered(addr, command, timeout_ms)

    async def steps() -> None:
        change = changer(cluster)
        shown = await change.plan(["updateTopicPerm", "-t", "T", "-c", "C1", "-p", "4"])
        monkeypatch.setattr(cluster.transport, "invoke", slow)
        making = asyncio.create_task(change.make(shown, ""))
        assert await asyncio.to_thread(begun.wait, 30)
        making.cancel()
        await asyncio.gather(making, return_exceptions=True)
        go_on.set()
        await asyncio.to_thread(change._threads.shutdown)
        assert [entry.status for entry in await change.journal(1)] == ["done"]
        assert cluster["broker-a"].topics["T"]["perm"] == 4

    asyncio.run(steps())
