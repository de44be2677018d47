"""What name servers have answered is held for a while: equal questions are one."""

from __future__ import annotations

import asyncio

import pytest

from rocketmq_ops.client.api.held_answers import HeldAnswers
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers.route import GetRouteInfoRequestHeader


def request(topic: str) -> RemotingCommand:
    return RemotingCommand.of(GetRouteInfoRequestHeader(topic=topic))


def test_equal_questions_are_asked_once_until_the_answer_is_too_old() -> None:
    now = 100.0
    asked: list[str] = []

    async def main() -> None:
        nonlocal now
        held = HeldAnswers(30, lambda: now)

        async def of(topic: str) -> bytes:
            async def ask() -> RemotingCommand:
                asked.append(topic)
                await asyncio.sleep(0)
                return RemotingCommand.request(0, body=topic.encode())

            return (await held.answer(request(topic), ask)).body_bytes

        assert await asyncio.gather(of("a"), of("b"), of("a")) == [b"a", b"b", b"a"]
        assert sorted(asked) == ["a", "b"]
        now += 29
        await of("a")
        assert sorted(asked) == ["a", "b"]
        now += 1
        assert await of("a") == b"a"
        assert sorted(asked) == ["a", "a", "b"]

    asyncio.run(main())


def test_an_error_is_of_who_asked_and_the_next_one_asks_again() -> None:
    async def main() -> None:
        held = HeldAnswers(30, lambda: 0.0)
        answers = iter((RocketMQError("no answer", ""), RemotingCommand.request(7)))

        async def ask() -> RemotingCommand:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        with pytest.raises(RocketMQError, match="no answer"):
            await held.answer(request("a"), ask)
        assert (await held.answer(request("a"), ask)).code == 7

    asyncio.run(main())
