"""The push consumer against a broker of this repository."""

import asyncio
import threading
from collections import defaultdict
from contextlib import AsyncExitStack

import pytest
from client_cluster import cluster, until

from rocketmq_ops.client import queue_api
from rocketmq_ops.client.consumer.consume_settings import (
    BROADCASTING,
    FROM_FIRST_OFFSET,
    FROM_TIMESTAMP,
    ConsumeSettings,
)
from rocketmq_ops.client.consumer.listener import ConsumeResult
from rocketmq_ops.client.consumer.pull_consumer import PullConsumer
from rocketmq_ops.client.consumer.push_consumer import PushConsumer
from rocketmq_ops.client.consumer.subscription import MessageSelector
from rocketmq_ops.client.errors import BrokerError, ClientError
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.producer.producer import Producer
from rocketmq_ops.common.message import Message, MessageQueue
from rocketmq_ops.remoting.bodies import ConsumeMessageDirectlyResult, ConsumerRunningInfo, GetConsumerStatusBody
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import HELD, RemotingCommand
from rocketmq_ops.remoting.headers import (
    ConsumeMessageDirectlyResultRequestHeader,
    GetConsumerRunningInfoRequestHeader,
    GetConsumerStatusRequestHeader,
    ResetOffsetRequestHeader,
    SendMessageRequestHeader,
)


def first(**settings):
    return ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET, **settings)


class Collector:
    """A listener that notes what it gets; `answers` are given first, then SUCCESS."""

    def __init__(self, *answers):
        self.bodies = []
        self.messages = []
        self.answers = list(answers)

    async def __call__(self, messages, context):
        self.messages += messages
        self.bodies += [m.body for m in messages]
        answer = self.answers.pop(0) if self.answers else ConsumeResult.SUCCESS
        if isinstance(answer, Exception):
            raise answer
        return answer


async def fill(options, topic, count, **fields):
    async with Producer("fill", options) as producer:
        return [await producer.send(Message(topic, b"%d" % i, **fields)) for i in range(count)]


def bodies(count, start=0):
    return {b"%d" % i for i in range(start, count)}


def saved(c, group, topic, queues=4):
    return {i: c.broker.offsets.query(group, topic, i) for i in range(queues)}


def test_messages_are_consumed_and_offsets_saved(tmp_path):
    async def main():
        async with cluster(tmp_path, Orders=4) as c:
            await fill(c.options, "Orders", 20)
            listener = Collector()
            async with PushConsumer("G", listener, c.options, settings=first()) as consumer:
                consumer.subscribe("Orders")
                await until(lambda: len(listener.bodies) == 20)
                await fill(c.options, "Orders", 20)
                await until(lambda: len(listener.bodies) == 40)
            assert set(listener.bodies) == bodies(20)
            await until(lambda: c.broker.offsets.query("G", "Orders", 3) == 10)
            assert saved(c, "G", "Orders") == {0: 10, 1: 10, 2: 10, 3: 10}
            again = Collector()
            async with PushConsumer("G", again, c.options, settings=first()) as consumer:
                consumer.subscribe("Orders")
                await fill(c.options, "Orders", 1)
                await until(lambda: again.bodies)
            assert again.bodies == [b"0"]

    asyncio.run(main())


def test_plain_functions_run_in_threads(tmp_path):
    async def main():
        threads = set()

        def listener(messages, context):
            threads.add(threading.current_thread())
            got.extend(messages)

        got = []
        async with cluster(tmp_path, Orders=2) as c:
            await fill(c.options, "Orders", 10)
            consumer = PushConsumer("G", listener, c.options, settings=first(batch_size=4))
            consumer.subscribe("Orders")
            async with consumer:
                await until(lambda: len(got) == 10)
        assert threading.main_thread() not in threads

    asyncio.run(main())


def test_tags_are_filtered_on_both_sides(tmp_path):
    async def main():
        async with cluster(tmp_path, Tagged=1) as c:
            # "Aa" and "BB" have one String.hashCode: the broker lets both through, the client tells them apart.
            for tag in ("Aa", "BB", "C", None):
                await fill(c.options, "Tagged", 2, tags=tag)
            listener = Collector()
            consumer = PushConsumer("G", listener, c.options, settings=first(pull_suspend_ms=100))
            consumer.subscribe("Tagged", "Aa || C")
            async with consumer:
                await until(lambda: len(listener.messages) == 4)
                queue = MessageQueue("Tagged", "broker-a", 0)
                await until(lambda: consumer.offsets.table.get(queue) == 8)
            assert sorted(m.tags for m in listener.messages) == ["Aa", "Aa", "C", "C"]

    asyncio.run(main())


def test_two_clients_share_the_queues(tmp_path):
    async def main():
        async with cluster(tmp_path, Shared=4) as c, AsyncExitStack() as stack:
            listeners = [Collector(), Collector()]
            consumers = []

            def held(consumer):
                return {q for q in consumer.rebalancer.held if q.topic == "Shared"}

            for listener in listeners:
                consumer = PushConsumer("G", listener, c.options, settings=first())
                consumer.subscribe("Shared")
                consumers.append(await stack.enter_async_context(consumer))
                if len(consumers) == 1:  # or two queues each might be a moment in which it is still taking its four
                    await until(lambda: len(held(consumers[0])) == 4)

            await until(lambda: [len(held(x)) for x in consumers] == [2, 2])
            # The first may be at taking all four, two of them taken: then it gives up two again.
            for consumer in consumers:
                await consumer.rebalance()
            assert [len(held(x)) for x in consumers] == [2, 2]
            assert not held(consumers[0]) & held(consumers[1])
            await fill(c.options, "Shared", 40)
            await until(lambda: sum(len(x.bodies) for x in listeners) == 40)
            assert set(listeners[0].bodies) | set(listeners[1].bodies) == bodies(40)
            assert len(listeners[0].bodies) == len(listeners[1].bodies) == 20
            await consumers[0].stop()
            await until(lambda: len(held(consumers[1])) == 4)
            await fill(c.options, "Shared", 8)
            await until(lambda: len(listeners[1].bodies) == 28)

    asyncio.run(main())


def test_broadcasting_keeps_offsets_in_a_file(tmp_path):
    async def main():
        async with cluster(tmp_path, News=2) as c:
            await fill(c.options, "News", 4)
            listeners = {}
            for run in (1, 2):
                for name in ("one", "two"):
                    listener = listeners[name, run] = Collector()
                    options = ClientOptions(
                        name_servers=c.options.name_servers, client_ip="127.0.0.1", instance_name=name
                    )
                    settings = first(message_model=BROADCASTING, offset_dir=str(tmp_path / "offsets"))
                    consumer = PushConsumer("G", listener, options, settings=settings)
                    consumer.subscribe("News")
                    async with consumer:
                        if run == 2:
                            await fill(c.options, "News", 2)
                        want = 4 if run == 1 else (2 if name == "one" else 4)
                        await until(lambda got=listener, want=want: len(got.bodies) == want)
            assert (tmp_path / "offsets" / "127.0.0.1@one" / "G" / "offsets.json").exists()
            assert set(listeners["one", 1].bodies) == bodies(4) == set(listeners["two", 1].bodies)

    asyncio.run(main())


def test_failed_messages_come_again_through_the_retry_topic(tmp_path):
    async def main():
        async with cluster(tmp_path, Retried=1) as c:
            c.broker.store_config.messageDelayLevel = "1s 5s"
            (sent,) = await fill(c.options, "Retried", 1, keys="k")
            listener = Collector(ValueError("not now"))

            async def delayed_little(messages, context):
                context.delay_level = 1
                return await listener(messages, context)

            consumer = PushConsumer("G", delayed_little, c.options, settings=first())
            consumer.subscribe("Retried")
            async with consumer:
                await until(lambda: len(listener.messages) == 2)
            again = listener.messages[1]
            assert again.topic == "Retried" and again.reconsume_times == 1
            assert again.body == b"0" and again.properties["ORIGIN_MESSAGE_ID"]
            assert again.msg_id == sent.msg_id

    asyncio.run(main())


def test_orderly_consumption_keeps_the_order_of_each_queue(tmp_path):
    async def main():
        async with cluster(tmp_path, Ordered=4) as c, AsyncExitStack() as stack:
            async with Producer("p", c.options) as producer:
                queues = await producer.queues("Ordered")
                for i in range(60):
                    await producer.send(Message("Ordered", b"%d" % i), queue=queues[i % 4])
            seen, running = defaultdict(list), set()

            async def listener(messages, context):
                assert context.queue not in running
                running.add(context.queue)
                await asyncio.sleep(0.001)
                running.discard(context.queue)
                if messages[0].body == b"7" and not messages[0].reconsume_times:
                    context.suspend_ms = 20
                    return ConsumeResult.RECONSUME_LATER
                seen[context.queue.queue_id] += [int(m.body) for m in messages]
                return ConsumeResult.SUCCESS

            consumers = []
            for _ in range(2):
                consumer = PushConsumer("G", listener, c.options, settings=first(orderly=True))
                consumer.subscribe("Ordered")
                consumers.append(await stack.enter_async_context(consumer))
            await until(lambda: sum(map(len, seen.values())) >= 60)
            for queue_id, numbers in seen.items():
                assert numbers == list(range(queue_id, 60, 4))
            await until(lambda: sum(len(x.rebalancer.held) for x in consumers) >= 4 + 1)
            for consumer in consumers:
                for held in consumer.rebalancer.held.values():
                    assert held.lock_valid

    asyncio.run(main())


def test_a_new_group_starts_where_it_is_told(tmp_path):
    async def main():
        async with cluster(tmp_path, Start=1) as c:
            sent = await fill(c.options, "Start", 3)
            start, retry = MessageQueue("Start", "broker-a", 0), MessageQueue("%RETRY%G", "broker-a", 0)
            consumer = PushConsumer("G", Collector(), c.options)
            consumer.subscribe("Start")
            async with consumer:
                stored_at = c.broker.store.store_time("Start", 0, 2)

                async def nothing_saved(queue):
                    return None

                consumer.offsets.read = nothing_saved
                assert await consumer.rebalancer.start_offset(start) == len(sent)
                assert await consumer.rebalancer.start_offset(retry) == 0
                consumer.settings.consume_from_where = FROM_FIRST_OFFSET
                assert await consumer.rebalancer.start_offset(start) == 0
                consumer.settings.consume_from_where = FROM_TIMESTAMP
                consumer.settings.consume_timestamp_ms = stored_at + 1
                assert await consumer.rebalancer.start_offset(start) == 3
                consumer.settings.consume_timestamp_ms = 0
                assert await consumer.rebalancer.start_offset(start) == 0

    asyncio.run(main())


def test_brokers_ask_the_client(tmp_path):
    async def main():
        async with cluster(tmp_path, Asked=1) as c:
            await fill(c.options, "Asked", 5)
            listener = Collector()
            consumer = PushConsumer("G", listener, c.options, settings=first())
            consumer.subscribe("Asked")
            queue = MessageQueue("Asked", "broker-a", 0)
            async with consumer:
                await until(lambda: len(listener.bodies) == 5)
                (channel,) = [ch for ch in c.broker.server.channels if ch.local.endswith(str(c.broker.server.port))]
                client_id = consumer.instance.client_id

                header = GetConsumerRunningInfoRequestHeader(
                    consumer_group="G", client_id=client_id, jstack_enable=True
                )
                info = ConsumerRunningInfo.decode((await channel.invoke(RemotingCommand.request(307, header))).body)
                assert info.properties["PROP_CONSUME_TYPE"] == "CONSUME_PASSIVELY" and info.jstack
                assert queue in info.mq_table and {s.topic for s in info.subscription_set} == {"Asked", "%RETRY%G"}

                header = GetConsumerStatusRequestHeader(topic="Asked", group="G")
                body = (await channel.invoke(RemotingCommand.request(221, header))).body
                assert GetConsumerStatusBody.decode(body).message_queue_table == {queue: 5}

                record = bytes(c.broker.store.get_message("G", "Asked", 0, 2, 1, None).views[0])
                header = ConsumeMessageDirectlyResultRequestHeader(
                    consumer_group="G", client_id=client_id, msg_id="x", broker_name="broker-a"
                )
                answer = await channel.invoke(RemotingCommand.request(309, header, record))
                assert ConsumeMessageDirectlyResult.decode(answer.body).consume_result == "CR_SUCCESS"
                assert listener.bodies[5:] == [b"2"]
                listener.answers.append(ValueError("no"))
                answer = await channel.invoke(RemotingCommand.request(309, header, record))
                assert ConsumeMessageDirectlyResult.decode(answer.body).consume_result == "CR_THROW_EXCEPTION"

                header = ResetOffsetRequestHeader(topic="Asked", group="G", timestamp=0, is_force=True)
                text = b'{"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"Asked"}:3}}'
                channel.send_oneway(RemotingCommand.request(220, header, text))
                await until(lambda: len(listener.bodies) == 9)
                assert sorted(listener.bodies[7:]) == [b"3", b"4"]

                header = GetConsumerRunningInfoRequestHeader(consumer_group="other", client_id=client_id)
                assert (await channel.invoke(RemotingCommand.request(307, header))).code == 1

    asyncio.run(main())


def test_a_reset_takes_effect_although_the_broker_applies_offsets_late(tmp_path):
    """Apache's broker handles requests of one connection in several threads, and so out of their order."""

    async def main():
        async with cluster(tmp_path, T=1) as c:
            await fill(c.options, "T", 5)
            listener = Collector()
            async with PushConsumer("G", listener, c.options, settings=first()) as consumer:
                consumer.subscribe("T")
                await until(lambda: len(listener.bodies) == 5 and saved(c, "G", "T", 1) == {0: 5})
                handlers, code = c.broker.server.handlers, RequestCode.UPDATE_CONSUMER_OFFSET
                update, header_class = handlers._handlers[code]
                loop = asyncio.get_running_loop()

                def late(channel, request, header):
                    loop.call_later(0.4, update, channel, request, header)
                    return HELD

                handlers.register(code, header_class, late)
                await consumer.reset_offsets({MessageQueue("T", "broker-a", 0): 2})
                await until(lambda: len(listener.bodies) == 8)
                # Concurrent consumption promises no order: which worker of several is woken first is the loop's affair.
                assert sorted(listener.bodies[5:]) == [b"2", b"3", b"4"]
                handlers.register(code, header_class, update)
                await asyncio.sleep(0.5)
                await until(lambda: saved(c, "G", "T", 1) == {0: 5})

    asyncio.run(main())


def test_consumption_goes_on_after_the_connection_is_lost(tmp_path):
    async def main():
        async with cluster(tmp_path, Lost=2) as c:
            listener = Collector()
            consumer = PushConsumer("G", listener, c.options, settings=first(retry_pull_ms=20))
            consumer.subscribe("Lost")
            async with consumer:
                await fill(c.options, "Lost", 4)
                await until(lambda: len(listener.bodies) == 4)
                for channel in list(c.broker.server.channels):
                    channel.abort()
                await fill(c.options, "Lost", 4)
                await until(lambda: len(listener.bodies) >= 8)

    asyncio.run(main())


def test_queue_calls(tmp_path):
    async def main():
        async with cluster(tmp_path, Calls=1) as c:
            await fill(c.options, "Calls", 3)
            async with Producer("p", c.options) as producer:
                (queue,) = await producer.queues("Calls")
                instance = producer.instance
                assert await queue_api.min_offset(instance, queue) == 0
                assert await queue_api.max_offset(instance, queue) == 3
                assert await queue_api.search_offset(instance, queue, 0) == 0
                assert await queue_api.consumer_offset(instance, "nobody", queue) in (None, 0)
                await queue_api.update_consumer_offset(instance, "TOOLS_CONSUMER", queue, 2, oneway=False)
                assert await queue_api.consumer_offset(instance, "TOOLS_CONSUMER", queue) == 2
                master = await queue_api.master_address(instance, queue)
                assert await queue_api.lock_queues(instance, "TOOLS_CONSUMER", master, [queue]) == {queue}

    asyncio.run(main())


def test_consumption_goes_on_behind_a_bad_body_and_a_damaged_record(tmp_path):
    """A body that is not compressed though its flag says so; records overwritten in the broker's commitlog."""

    async def run():
        async with cluster(tmp_path, T=1) as c:
            await fill(c.options, "T", 40)
            header = SendMessageRequestHeader(
                producer_group="P", topic="T", default_topic="TBW102", default_topic_queue_nums=1, queue_id=0, sys_flag=1,
                born_timestamp=1, flag=0, properties="", reconsume_times=0, unit_mode=False, batch=False,
            )  # fmt: skip
            async with RemotingClient() as raw:
                sent = await raw.invoke(c.broker.address, RemotingCommand.request(10, header, b"not compressed"))
                assert sent.code == 0
            await fill(c.options, "T", 5)
            async with PullConsumer("Q", c.options) as puller:
                (queue,) = await puller.queues("T")
                stored = (await puller.pull(queue, 0, max_nums=40)).messages
                overwrite(tmp_path, stored[10], bytes(stored[10].store_size))
                overwrite(tmp_path, stored[11], b"\0\0\0\x7b\1\2\3\4")
                overwrite(tmp_path, stored[30], stored[30].body, b"x" * len(stored[30].body))
                first_part = await puller.pull(queue, 0, max_nums=40)
                assert [m.queue_offset for m in first_part.messages] == list(range(10))
                assert (first_part.next_begin_offset, first_part.skipped) == (10, None)
                bad = await puller.pull(queue, 10, max_nums=40)
                assert (bad.messages, bad.next_begin_offset, bad.skipped) == ([], 11, (10, 11))
            listener = Collector()
            async with PushConsumer("G", listener, c.options, settings=first(retry_pull_ms=20)) as consumer:
                consumer.subscribe("T")
                await until(lambda: len(listener.bodies) == 44)
            offsets = [m.queue_offset for m in listener.messages]
            assert sorted(offsets) == [*range(10), *range(12, 46)]
            bodies_of = {m.queue_offset: (m.body, m.body_error) for m in listener.messages}
            assert bodies_of[40][0] == b"not compressed"
            assert "zlib" in bodies_of[40][1]
            assert "CRC" in bodies_of[30][1]
            assert bodies_of[45] == (b"4", None)
            assert saved(c, "G", "T", 1) == {0: 46}

    def overwrite(folder, message, found, by=None):
        """Write over a record in the commitlog, from its start or where `found` stands in it."""
        (log,) = [p for p in (folder / "store" / "commitlog").iterdir() if p.name.isdigit() and int(p.name) == 0]
        with open(log, "r+b") as file:
            file.seek(message.commit_log_offset)
            record = file.read(message.store_size)
            at = record.index(found, 88) if by is not None else 0
            file.seek(message.commit_log_offset + at)
            file.write(found if by is None else by)

    asyncio.run(run())


def test_sql_subscriptions_are_checked_announced_and_filtered_by(tmp_path):
    async def main():
        async with cluster(tmp_path, Priced=1) as c:
            for price in (5, 50, 500):
                await fill(c.options, "Priced", 1, properties={"price": str(price)})
            listener = Collector()
            consumer = PushConsumer("G", listener, c.options, settings=first(pull_suspend_ms=100, retry_pull_ms=50))
            consumer.subscribe("Priced", MessageSelector.by_sql("price >= 50"))
            with pytest.raises(BrokerError, match="does not support consumer to filter message by SQL92"):
                await consumer.start()
            assert not consumer.instance.consumers
            c.broker.config.enablePropertyFilter = True
            listener = Collector()
            consumer = PushConsumer("G", listener, c.options, settings=first(pull_suspend_ms=100, retry_pull_ms=50))
            consumer.subscribe("Priced", MessageSelector.by_sql("price >= 50"))
            async with consumer:
                await until(lambda: len(listener.messages) == 2)
                consumer.subscribe("Priced", MessageSelector.by_sql("price < 50"))
                await fill(c.options, "Priced", 1, properties={"price": "7"})
                await fill(c.options, "Priced", 1, properties={"price": "700"})
                await until(lambda: len(listener.messages) == 3)
                # The broker forgets: the consumer announces its subscription again.
                c.broker.filters.table.clear()
                c.broker.consumers.table["G"].subscriptions["Priced"].sub_version -= 1
                await fill(c.options, "Priced", 1, properties={"price": "8"})
                await until(lambda: len(listener.messages) == 4)
            assert [m.properties["price"] for m in listener.messages] == ["50", "500", "7", "8"]
            async with PullConsumer("P", c.options) as puller:
                (queue,) = await puller.queues("Priced")
                found = await puller.pull(queue, 0, expression=MessageSelector.by_sql("price = 700 OR price = 5"))
                assert [m.properties["price"] for m in found.messages] == ["5", "700"]

    asyncio.run(main())


@pytest.mark.parametrize("expression", ["price >", "", "price > 'x'"])
def test_what_is_no_expression_is_not_subscribed(expression):
    consumer = PushConsumer("G", Collector(), ClientOptions(name_servers=["127.0.0.1:1"]))
    with pytest.raises(ClientError, match="invalid SQL92 expression"):
        consumer.subscribe("Priced", MessageSelector.by_sql(expression))
    consumer.executor.shutdown()


def test_pulling_pauses_where_all_queues_together_hold_what_a_topic_may(tmp_path):
    async def main():
        async with cluster(tmp_path, Orders=2) as c:
            await fill(c.options, "Orders", 200)
            go, got = asyncio.Event(), []

            async def listener(messages, context):
                await go.wait()
                got.extend(messages)

            settings = first(pull_batch_size=4, pull_threshold_for_topic=30, concurrency=1)
            async with PushConsumer("G", listener, c.options, settings=settings) as consumer:
                consumer.subscribe("Orders")
                held = consumer.rebalancer.held
                try:
                    await until(lambda: sum(len(q.messages) for q in held.values()) >= 20)
                    for _ in range(20):
                        await asyncio.sleep(0.01)
                    # A queue taken before the others has more of the 30; each may go over by one pull.
                    assert sum(len(q.messages) for q in held.values()) <= 30 + 15 + 2 * 4
                finally:
                    go.set()
                await until(lambda: len(got) == 200)

    asyncio.run(main())
