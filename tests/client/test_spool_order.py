"""A send spool and calls at the same time: those of one order key arrive in the order in which they were called."""

import asyncio
import random
from collections import defaultdict

import pytest
from client_cluster import cluster, until

from rocketmq_ops.client import Producer, PullConsumer, SendResult, SendSettings, SendSpool, SendStatus, Spooled
from rocketmq_ops.client.errors import BrokerError, ClientError
from rocketmq_ops.common.message import Message, MessageQueue
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.errors import RemotingConnectError, RemotingTimeoutError

QUEUE = MessageQueue("Orders", "broker-a", 0)


class Brokers:
    """What a spool needs of a producer; `answer(bodies)` is awaited before a request is stored, and may raise."""

    settings = SendSettings()
    started = True

    def __init__(self):
        self.requests, self.stored = [], []

        async def answer(bodies):
            pass

        self.answer = answer

    def check(self, message):
        pass

    async def queues(self, topic):
        return [QUEUE]

    async def next_queue(self, topic, other_than=None):
        return QUEUE

    async def send(self, message, *, queue=None, timeout_ms=None):
        return await self.send_batch([message], queue=queue, timeout_ms=timeout_ms)

    async def send_batch(self, messages, *, queue=None, timeout_ms=None):
        bodies = [message.body.decode() for message in messages]
        self.requests.append(bodies)
        await self.answer(bodies)
        first = len(self.stored)
        self.stored += bodies
        places = range(first, len(self.stored))
        return SendResult(
            status=SendStatus.SEND_OK,
            msg_id=",".join(message.properties["UNIQ_KEY"] for message in messages),
            offset_msg_id=",".join(f"{place:032X}" for place in places),
            queue=queue,
            queue_offset=first,
        )


class Gate:
    """Holds a request up until it is let go on, or fail; `reached` is set when one is there."""

    def __init__(self):
        self.reached, self.open, self.failure = asyncio.Event(), asyncio.Event(), None

    async def __call__(self, bodies):
        self.reached.set()
        await self.open.wait()
        if self.failure is not None:
            raise self.failure


def spool_of(tmp_path, brokers):
    return SendSpool(tmp_path / "spool", brokers, retry_ms=1, max_retry_ms=5)


def held_up(tmp_path):
    """A spool whose requests wait at a gate: its brokers, the gate, and the spool."""
    brokers, gate = Brokers(), Gate()
    brokers.answer = gate
    return brokers, gate, spool_of(tmp_path, brokers)


def call(spool, body, key="k", **more):
    return asyncio.create_task(spool.send(Message("Orders", body.encode()), order_key=key, **more))


def test_a_call_waits_for_one_before_it_that_is_still_tried(tmp_path):
    async def main():
        brokers, gate, spool = held_up(tmp_path)
        async with spool:
            first = call(spool, "1")
            await gate.reached.wait()
            second = call(spool, "2")
            other = call(spool, "other", "another key")
            await until(lambda: ["other"] in brokers.requests)
            assert brokers.requests == [["1"], ["other"]], "the key alone waits"
            gate.failure = RemotingConnectError("away")
            gate.open.set()
            kept = await asyncio.gather(first, second)
            assert [type(outcome) for outcome in kept] == [Spooled, Spooled]
            assert [outcome.number for outcome in kept] == sorted(outcome.number for outcome in kept)
            gate.failure = None
            await asyncio.gather(other, spool.drained())
        assert [body for body in brokers.stored if body != "other"] == ["1", "2"]

    asyncio.run(main())


def test_calls_of_a_burst_go_together_and_have_a_result_each(tmp_path):
    async def main():
        brokers, gate, spool = held_up(tmp_path)
        async with spool:
            bodies = [str(i) for i in range(100)]
            calls = [call(spool, body) for body in bodies]
            await gate.reached.wait()
            gate.open.set()
            results = await asyncio.gather(*calls)
            assert await spool.report() == []
        assert brokers.stored == bodies
        assert len(brokers.requests) <= 5, "32 a request"
        assert [result.queue_offset for result in results] == list(range(100))
        assert [result.offset_msg_id for result in results] == [f"{i:032X}" for i in range(100)]
        assert len({result.msg_id for result in results}) == 100
        assert not any("," in result.msg_id for result in results)

    asyncio.run(main())


def test_one_that_is_refused_stops_none_of_those_called_with_it(tmp_path):
    async def main():
        brokers, gate, spool = held_up(tmp_path)

        async def answer(bodies):
            await gate(bodies)
            if "3" in bodies:
                raise BrokerError(ResponseCode.MESSAGE_ILLEGAL, "too long")

        brokers.answer = answer
        async with spool:
            calls = [call(spool, str(i)) for i in range(6)]
            await gate.reached.wait()
            gate.open.set()
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert brokers.requests == [["0"], list("12345"), ["1"], ["2"], ["3"], ["4"], ["5"]]
        assert brokers.stored == ["0", "1", "2", "4", "5"]
        assert [type(outcome) for outcome in outcomes] == [SendResult] * 3 + [BrokerError] + [SendResult] * 2

    asyncio.run(main())


def test_a_call_that_is_cancelled_in_the_line_is_not_sent(tmp_path):
    async def main():
        brokers, gate, spool = held_up(tmp_path)
        async with spool:
            first = call(spool, "1")
            await gate.reached.wait()
            second, third = call(spool, "2"), call(spool, "3")
            await asyncio.sleep(0)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            gate.open.set()
            await asyncio.gather(first, third)
            assert await spool.report() == []
        assert brokers.stored == ["1", "3"]

    asyncio.run(main())


def test_what_waits_in_the_line_for_longer_than_its_time_is_kept(tmp_path):
    async def main():
        brokers, gate, spool = held_up(tmp_path)
        async with spool:
            first = call(spool, "1", timeout_ms=600_000)
            await gate.reached.wait()
            second = call(spool, "2", timeout_ms=1)
            third = call(spool, "3", timeout_ms=600_000)
            loop = asyncio.get_running_loop()
            await asyncio.sleep(0)
            over = asyncio.Event()
            loop.call_at(loop.time() + 0.002, over.set)
            await over.wait()
            gate.open.set()
            outcomes = await asyncio.gather(first, second, third)
            assert [type(outcome) for outcome in outcomes] == [SendResult, Spooled, Spooled]
            await spool.drained()
            entries = await spool.report()
            assert [(entry.tries, entry.maybe_twice) for entry in entries] == [(1, False), (1, False)]
        assert brokers.stored == ["1", "2", "3"]

    asyncio.run(main())


@pytest.mark.parametrize("seed", range(8))
def test_order_holds_whatever_fails_when(tmp_path, seed):
    async def main():
        chance, brokers = random.Random(seed), Brokers()
        down = False
        called = defaultdict(list)

        async def answer(bodies):
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            if down or chance.random() < 0.3:
                errors = [RemotingConnectError("away"), BrokerError(ResponseCode.SYSTEM_BUSY, "busy")]
                raise chance.choice(errors)
            if chance.random() < 0.05:
                brokers.stored.extend(bodies)
                raise RemotingTimeoutError("no answer")

        brokers.answer = answer
        async with spool_of(tmp_path, brokers) as spool:
            calls = []
            for i in range(300):
                key = f"key {chance.randrange(3)}"
                called[key].append(f"{key} {i}")
                calls.append(call(spool, f"{key} {i}", key))
                if chance.random() < 0.5:
                    await asyncio.sleep(0)
                if chance.random() < 0.05:
                    down = not down
            down = False
            await asyncio.gather(*calls)
            await spool.drained()
        for key, bodies in called.items():
            stored = [body for body in brokers.stored if body.startswith(key)]
            assert list(dict.fromkeys(stored)) == bodies

    asyncio.run(main())


def test_a_burst_of_one_key_reaches_a_broker_in_order(tmp_path):
    async def main():
        async with cluster(tmp_path, Orders=4) as c:
            async with Producer("p", c.options) as producer, SendSpool(tmp_path / "spool", producer) as spool:
                bodies = [b"%d" % i for i in range(200)]
                calls = [asyncio.create_task(spool.send(Message("Orders", b), order_key="k")) for b in bodies]
                results = await asyncio.gather(*calls)
                assert spool.waiting == 0
            assert all(isinstance(result, SendResult) for result in results)
            async with PullConsumer("check", c.options) as pull:
                got = []
                while len(got) < 200:
                    got += (await pull.pull(results[0].queue, len(got), max_nums=32)).messages
            assert [m.body for m in got] == bodies
            assert [(m.msg_id, m.offset_msg_id, m.queue_offset) for m in got] == [
                (r.msg_id, r.offset_msg_id, r.queue_offset) for r in results
            ]

    asyncio.run(main())


@pytest.mark.parametrize("key", ["k", None], ids=["in order", "no order"])
@pytest.mark.parametrize("away", [True, False], ids=["away", "answers"])
def test_close_waits_for_the_calls_that_are_under_way(tmp_path, away, key):
    async def main():
        brokers, gate, spool = held_up(tmp_path)
        gate.failure = RemotingConnectError("away") if away else None
        await spool.open()
        calls = [call(spool, str(i), key) for i in range(4)]
        await gate.reached.wait()
        closing = asyncio.create_task(spool.close())
        await asyncio.sleep(0)  # it has begun
        with pytest.raises(ClientError, match="is not open"):
            await call(spool, "late", key)
        assert not closing.done()
        gate.open.set()
        outcomes = await asyncio.gather(*calls)
        await closing
        assert [type(outcome) for outcome in outcomes] == [Spooled if away else SendResult] * 4
        with pytest.raises(ClientError, match="is not open"):
            await call(spool, "later", key)
        gate.failure = None
        async with spool:
            await spool.drained()
        assert brokers.stored == ["0", "1", "2", "3"]

    asyncio.run(main())


def test_close_waits_for_what_goes_on_behind_a_cancelled_call(tmp_path):
    async def main():
        brokers, gate, spool = held_up(tmp_path)
        gate.failure = RemotingConnectError("away")
        await spool.open()
        first, second, third = (call(spool, body) for body in "123")
        await gate.reached.wait()
        third.cancel()
        first.cancel()  # the line behind it goes on in a task of the spool
        await asyncio.wait({first})
        second.cancel()
        await until(lambda: len(brokers.requests) == 2)
        closing = asyncio.create_task(spool.close())
        gate.open.set()
        await closing
        gate.failure = None
        async with spool:
            await spool.drained()
        assert brokers.stored == ["2"]

    asyncio.run(main())
