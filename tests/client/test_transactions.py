"""The transaction producer against a broker of this repository."""

import asyncio
import threading

import pytest
from client_cluster import cluster, until

from rocketmq_ops.client import (
    Producer,
    SendStatus,
    TransactionProducer,
    TransactionState,
)
from rocketmq_ops.client.errors import BrokerError
from rocketmq_ops.common.message import Message
from rocketmq_ops.common.topics import TRANS_HALF_TOPIC

COMMIT, ROLLBACK, UNKNOWN = TransactionState


class Listener:
    """Executes as the argument says: a state, None, or an exception; checks by `checked`."""

    def __init__(self, *checked):
        self.checked = list(checked)
        self.executed, self.asked = [], []

    async def execute(self, message, transaction_id, arg):
        self.executed.append((message, transaction_id))
        if isinstance(arg, Exception):
            raise arg
        return arg

    async def check(self, message):
        self.asked.append(message)
        answer = self.checked.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def settled(broker):
    """The half offsets that are not in the op topic yet."""
    return [offset for of_queue in broker.transactions._settled.values() for offset in of_queue.offsets]


def later(c, ms):
    clock = c.broker.clock
    c.broker.clock = lambda: clock() + ms


async def stored(c, count, topic="Pay"):
    await until(lambda: sum(c.broker.store.max_offset(topic, i) for i in range(4)) >= count)
    return sum(c.broker.store.max_offset(topic, i) for i in range(4))


def test_the_broker_is_told_what_became_of_the_transaction(tmp_path):
    async def main():
        async with cluster(tmp_path, Pay=4) as c:
            listener = Listener()
            async with TransactionProducer("P", listener, c.options) as producer:
                message = Message("Pay", b"1", tags="A", properties={"DELAY": "3"}, delay_time_level=3)
                failure = ValueError("no money")
                results = [
                    await producer.send_in_transaction(message, arg) for arg in (COMMIT, ROLLBACK, None, failure)
                ]
                assert [r.state for r in results] == [COMMIT, ROLLBACK, UNKNOWN, UNKNOWN]
                assert [r.error for r in results] == [None, None, None, failure]
                assert listener.executed == [(message, r.msg_id) for r in results]
                assert [r.transaction_id for r in results] == [r.msg_id for r in results]
                assert await stored(c, 1) == 1
                await until(lambda: sorted(settled(c.broker)) == [0, 1])
                with pytest.raises(BrokerError):
                    c.broker.config.rejectTransactionMessage = True
                    await producer.send_in_transaction(message, COMMIT)
                assert len(listener.executed) == 4

    asyncio.run(main())


def test_a_message_that_is_not_safely_stored_is_rolled_back_without_its_transaction(tmp_path):
    async def main():
        async with cluster(tmp_path, Pay=4) as c:
            listener = Listener()
            async with TransactionProducer("P", listener, c.options) as producer:
                send = producer.send

                async def weaker(message, **more):
                    result = await send(message, **more)
                    result.status = SendStatus.FLUSH_DISK_TIMEOUT
                    return result

                producer.send = weaker
                result = await producer.send_in_transaction(Message("Pay", b"1"), COMMIT)
                assert (result.state, listener.executed) == (ROLLBACK, [])
                await until(lambda: settled(c.broker) == [0])

    asyncio.run(main())


def test_the_listener_is_asked_by_the_broker(tmp_path):
    async def main():
        async with cluster(tmp_path, Pay=4) as c:
            listener = Listener(UNKNOWN, RuntimeError("the database is away"), COMMIT, ROLLBACK)
            async with TransactionProducer("P", listener, c.options) as producer:
                first = await producer.send_in_transaction(Message("Pay", b"one"))
                for asked in (1, 2, 3):
                    later(c, 10_000)
                    c.broker.transactions.check()
                    await until(lambda asked=asked: len(listener.asked) == asked)
                assert await stored(c, 1) == 1
                asked = listener.asked[0]
                assert (asked.msg_id, asked.body, asked.topic) == (first.msg_id, b"one", "Pay")
                await producer.send_in_transaction(Message("Pay", b"two"))
                later(c, 10_000)
                c.broker.transactions.check()
                await until(lambda: len(listener.asked) == 4)
                await until(lambda: len(settled(c.broker)) >= 1)
                c.broker.transactions.check()
                assert await stored(c, 1) == 1
                assert c.broker.store.max_offset(TRANS_HALF_TOPIC, 0) == 6

    asyncio.run(main())


def test_plain_listeners_run_in_a_thread_and_others_of_the_group_do_not_answer(tmp_path, caplog):
    class Plain:
        def __init__(self):
            self.threads = []

        def execute(self, message, transaction_id, arg):
            self.threads.append(threading.current_thread())

        def check(self, message):
            self.threads.append(threading.current_thread())
            return COMMIT

    async def main():
        async with cluster(tmp_path, Pay=4) as c:
            listener = Plain()
            async with TransactionProducer("P", listener, c.options) as producer:
                await producer.send_in_transaction(Message("Pay", b"one"))
            later(c, 10_000)
            async with Producer("P", c.options) as other:
                await other.instance.routes.need("Pay")
                await other.instance.send_heartbeats()
                c.broker.transactions.check()
                await until(lambda: "which has no transaction listener" in caplog.text)
            later(c, 10_000)
            async with TransactionProducer("P", listener, c.options) as producer:
                await producer.instance.routes.need("Pay")
                await producer.instance.send_heartbeats()
                c.broker.transactions.check()
                assert await stored(c, 1) == 1
            names = [thread.name.rpartition("_")[0] for thread in listener.threads]
            assert names == ["execute-P", "check-P"]  # and each has its own bound

    asyncio.run(main())


@pytest.mark.parametrize("wrong", ["too late", "off"])
def test_a_timer_that_cannot_be_kept_is_refused_before_the_transaction(tmp_path, wrong):
    """Commits are one-way: the producer would not hear that its message is never delivered."""

    async def main():
        async with cluster(tmp_path, Pay=4) as c:
            listener = Listener()
            async with TransactionProducer("P", listener, c.options) as producer:
                late = c.broker.store_config.timerMaxDelaySec * 1000 + 60_000
                kept = await producer.send_in_transaction(Message("Pay", b"1", delay_time_ms=60_000), COMMIT)
                assert kept.state == COMMIT
                c.broker.store_config.timerWheelEnable = wrong != "off"
                message = Message("Pay", b"2", delay_time_ms=late if wrong == "too late" else 60_000)
                with pytest.raises(BrokerError):
                    await producer.send_in_transaction(message, COMMIT)
                assert len(listener.executed) == 1

    asyncio.run(main())


def test_a_commit_that_is_refused_is_in_the_log(tmp_path, caplog):
    async def main():
        async with cluster(tmp_path, Pay=4) as c:

            class Slow(Listener):
                async def execute(self, message, transaction_id, arg):
                    c.broker.store_config.timerWheelEnable = False
                    return COMMIT

            async with TransactionProducer("P", Slow(), c.options) as producer:
                sent = await producer.send_in_transaction(Message("Pay", b"1", delay_time_ms=60_000))
                await until(lambda: f"commit of {sent.msg_id} from" in caplog.text)

    asyncio.run(main())
