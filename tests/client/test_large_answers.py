"""Large answers are read in a thread, with pauses in which those that wait for the loop have their turn."""

from __future__ import annotations

import asyncio
import threading

import pytest

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.client.api.stats import QueueOffset, group_queues
from rocketmq_ops.common.bounded import Names
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand

_GROUPS = 2_000


class _Answering:
    """A transport that answers everything with one body."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def invoke(self, addr: str, command: RemotingCommand, timeout_ms: int = 0) -> RemotingCommand:
        return command.reply(ResponseCode.SUCCESS, body=self._body)

    async def invoke_oneway(self, addr: str, command: RemotingCommand, timeout_ms: int = 0) -> None:
        raise AssertionError

    def peer_certificate(self, addr: str) -> bytes | None:
        return None

    async def close(self) -> None:
        return


def _told() -> bytes:
    entry = '{"brokerName":"b","queueId":0,"topic":"T"}:{"brokerOffset":7,"consumerOffset":3,"lastTimestamp":1}'
    groups = ",".join(f'{{"g{n}":[{{"consumeTps":1.0,"offsetTable":{{{entry}}}}}]}}' for n in range(_GROUPS))
    return f'{{"consumeStatsList":[{groups}],"totalDiff":0}}'.encode()


def asked_of(body: bytes) -> dict[str, list[QueueOffset]]:
    return asyncio.run(group_queues(Session(_Answering(body), timeout_ms=1_000), "127.0.0.1:1"))


@pytest.mark.parametrize("key", ['"queueId"', "queueId"], ids=["standard", "of the dialect"])
def test_each_queue_has_the_offsets_behind_it(key: str) -> None:
    def table(topic: str, *offsets: tuple[int, int]) -> str:
        entries = ",".join(
            f'{{"brokerName":"b",{key}:{queue},"topic":"{topic}"}}:{{"brokerOffset":{end},"consumerOffset":{at}}}'
            for queue, (end, at) in enumerate(offsets)
        )
        return f'{{"consumeTps":0.5,"offsetTable":{{{entries}}}}}'

    several = f"{table('T', (9, 4), (8, 8))},{table('%RETRY%g1')},{table('U', (1, 0))}"
    body = f'{{"consumeStatsList":[{{"g1":[{several}]}},{{"g2":[]}},{{"g3":[{table("T", (9, 0))}]}}],"totalDiff":7}}'
    assert asked_of(body.encode()) == {
        "g1": [QueueOffset("T", 0, 9, 4), QueueOffset("T", 1, 8, 8), QueueOffset("U", 0, 1, 0)],
        "g2": [],
        "g3": [QueueOffset("T", 0, 9, 0)],
    }


def test_the_groups_of_a_broker_are_read_in_a_thread_with_pauses() -> None:
    threads: list[int] = []

    async def asked() -> dict[str, list[QueueOffset]]:
        session = Session(_Answering(_told()), timeout_ms=1_000)
        return await group_queues(session, "127.0.0.1:1", lambda: threads.append(threading.get_ident()))

    found = asyncio.run(asked())
    assert found == {f"g{n}": [QueueOffset("T", 0, 7, 3)] for n in range(_GROUPS)}
    assert threading.get_ident() not in threads
    assert len(threads) >= 1 + 2 + 2 * _GROUPS // 1_000  # before it, between its parts, and among the groups


def test_names_that_several_answers_have_are_held_once() -> None:
    names = Names()

    async def asked() -> dict[str, list[QueueOffset]]:
        return await group_queues(Session(_Answering(_told()), timeout_ms=1_000), "127.0.0.1:1", names=names)

    one, other = asyncio.run(asked()), asyncio.run(asked())
    assert one == other
    assert all(mine is theirs for mine, theirs in zip(one, other, strict=True))
    assert len({id(queue.topic) for found in (one, other) for queues in found.values() for queue in queues}) == 1
