"""Sampling goes on whatever happens, and what is wished while a question is in flight is not lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.known import GroupsOf
from rocketmq_ops.tui.model.periods import HURRY_MS, LISTING
from rocketmq_ops.tui.model.views.alarms import AlarmList
from tests.tui.model.cluster import Cluster, run


class OfOneThread(dict[Any, Any]):
    """Only the thread that has made it may go through it: others may change it meanwhile."""

    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self._thread = threading.get_ident()

    def _checked(self) -> None:
        if threading.get_ident() != self._thread:
            raise RuntimeError("dictionary changed size during iteration")

    def __iter__(self) -> Iterator[Any]:
        self._checked()
        return super().__iter__()

    def keys(self) -> Any:
        self._checked()
        return super().keys()

    def values(self) -> Any:
        self._checked()
        return super().values()

    def items(self) -> Any:
        self._checked()
        return super().items()


def test_a_look_goes_through_nothing_that_the_loop_may_change_meanwhile() -> None:
    async def test() -> None:
        cluster = Cluster()
        cluster.group("g", 100, 90)
        cluster.clients["g"] = ["c@1"]
        cluster.subscribed["g"], cluster.ends["other"] = ["orders", "other"], 7
        cluster.perms["other"] = 6
        async with cluster.watched() as model:
            known = model._known
            for holder, name in (
                *((known, name) for name in ("name_servers", "brokers", "topics", "failures", "no_producers")),
                *((known.members, name) for name in ("_groups", "_producers", "_places")),
                *((known.puts, name) for name in ("_asked", "_rates")),
                *((known.ends, name) for name in ("_asked", "_ends")),
            ):
                setattr(holder, name, OfOneThread(getattr(holder, name)))
            await cluster.clock.advance(40_000)
            moment = model.moment()
            assert moment.failures == []
            assert moment.groups_ms is not None and moment.groups_ms > cluster.clock.time_ms - 20_000

    run(test)


def test_what_all_brokers_tell_alike_is_held_once() -> None:
    """Each of 10 brokers has 2,000 topics and groups; answers of them take several times what a look takes."""

    async def test() -> None:
        cluster = Cluster(brokers=3)
        cluster.group("g", 100, 90)
        async with cluster.watched() as model:
            answers: list[GroupsOf] = []
            looked = model._look

            async def look(time_ms: int, told: list[GroupsOf]) -> None:
                answers[:] = told
                assert all(answer.groups for answer in told)
                await looked(time_ms, told)

            model._sampler._looked = look
            await cluster.clock.advance(31_000)
            assert [answer.groups for answer in answers] == [{}] * 3
            topics = [*model._known.topics.values()]
            assert len(topics) == 3
            for each in (
                [*(topic for told in topics for topic in told if topic == "orders")],
                [*(told["orders"] for told in topics)],
            ):
                assert len(each) == 3
                assert len({id(one) for one in each}) == 1
            assert model.moment().groups["g"].lag.lag == 30

    run(test)


def test_a_look_that_fails_is_said_and_the_next_one_comes(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        cluster = Cluster()
        cluster.group("g", 100, 90)
        async with cluster.watched() as model:
            await cluster.clock.advance(20_000)
            look = model._groups.look

            def fails(*_: Any) -> Any:
                raise ZeroDivisionError("of a fault")

            model._groups.look = fails  # type: ignore[method-assign]
            cluster.group("g", 200, 90)
            await cluster.clock.advance(20_000)
            moment = model.moment()
            causes = [failure.cause for failure in moment.failures]
            assert causes == ["a look at all groups failed: ZeroDivisionError: of a fault"]
            assert causes[0] in moment.verdict.parts[0].text
            assert any(causes[0] in map(str, row.cells) for row in AlarmList().table(moment, Address("alarms")).rows)
            assert "ZeroDivisionError" in caplog.text
            model._groups.look = look  # type: ignore[method-assign]
            await cluster.clock.advance(20_000)
            assert model.moment().failures == []
            assert model.moment().groups["g"].lag.lag == 220

    run(test)


@pytest.mark.parametrize("code", [Code.VIEW_BROKER_STATS_DATA, Code.GET_TOPIC_STATS_INFO], ids=["puts", "ends"])
def test_an_answer_that_cannot_be_read_ends_no_turns(code: Code) -> None:
    """What one topic after the other is asked for goes on with the next."""

    async def test() -> None:
        cluster = Cluster(1)
        cluster.group("g", 100, 90)
        cluster.clients["g"] = ["c@1"]
        cluster.subscribed["g"] = ["other"]
        cluster.perms["other"] = 6
        cluster.ends["other"] = 7
        answer, asked = cluster._answer, 0

        def broken(addr: str, command: Any) -> Any:
            nonlocal asked
            if command.code != code:
                return answer(addr, command)
            asked += 1
            raise KeyError("whatever reads it stumbles over it")

        cluster._answer = broken  # type: ignore[method-assign]
        async with cluster.watched():
            await cluster.clock.advance(100_000)
        assert asked > 1

    run(test)


@pytest.mark.parametrize(
    "code", [Code.GET_BROKER_RUNTIME_INFO, Code.GET_BROKER_CLUSTER_INFO], ids=["a broker", "a name server"]
)
def test_what_is_wished_while_a_question_is_in_flight_is_asked_behind_it(code: Code) -> None:
    async def test() -> None:
        cluster = Cluster(1)
        async with cluster.watched() as model:
            await cluster.clock.advance(60_000)
            invoke, asked, answer = cluster.invoke, [0], asyncio.Event()

            async def slow(addr: str, command: Any, timeout_ms: int = 3000) -> Any:
                if command.code == code:
                    asked.append(cluster.clock.time_ms)
                    await cluster.clock.wait(answer, 60_000)
                return await invoke(addr, command, timeout_ms)

            cluster.invoke = slow  # type: ignore[method-assign]
            while len(asked) < 2:
                await cluster.clock.advance(100)
            model.refresh()
            answer.set()
            await cluster.clock.advance(HURRY_MS)
            assert asked[2:] == [asked[1] + HURRY_MS], "no sooner than it may, and before it would be by itself"
            await cluster.clock.advance(LISTING.period_ms - 100)
            assert len(asked) == 3, "once"

    run(test)
