"""What clients answer when brokers ask how they are: those that pull by themselves or in order too, and their threads."""

import asyncio
import threading

from client_cluster import cluster, until

from rocketmq_ops.client.client_processor import stacks
from rocketmq_ops.client.consumer.consume_settings import FROM_FIRST_OFFSET, ConsumeSettings
from rocketmq_ops.client.consumer.listener import ConsumeResult
from rocketmq_ops.client.consumer.pull_consumer import PullConsumer
from rocketmq_ops.client.consumer.push_consumer import PushConsumer
from rocketmq_ops.client.producer.producer import Producer
from rocketmq_ops.common.message import Message, MessageQueue
from rocketmq_ops.remoting.bodies import ConsumeMessageDirectlyResult, ConsumerRunningInfo, GetConsumerStatusBody
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers import (
    ConsumeMessageDirectlyResultRequestHeader,
    GetConsumerRunningInfoRequestHeader,
    GetConsumerStatusRequestHeader,
)


def test_where_the_threads_of_listeners_are_is_told():
    """What hangs in a plain listener is in no task: without its thread nobody sees where."""

    async def main():
        began, over = threading.Event(), threading.Event()

        def hangs_here():
            began.set()
            over.wait()

        listening = asyncio.create_task(asyncio.to_thread(hangs_here), name="a task")
        try:
            await asyncio.to_thread(began.wait)
            told = stacks()
        finally:
            over.set()
            await listening
        assert "in hangs_here" in told and "over.wait()" in told
        assert "name='a task'" in told

    asyncio.run(main())


def test_brokers_ask_clients_that_pull_by_themselves_or_in_order(tmp_path):
    """A name that Apache's CMResult does not have would be read as none."""

    async def later(messages, context):
        return ConsumeResult.RECONSUME_LATER

    async def main():
        async with cluster(tmp_path, Asked=1) as c:
            async with Producer("fill", c.options) as producer:
                await producer.send(Message("Asked", b"x"))
            settings = ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET, orderly=True)
            queue = MessageQueue("Asked", "broker-a", 0)
            async with (
                PullConsumer("P", c.options) as puller,
                PushConsumer("G", later, c.options, settings=settings) as pusher,
            ):
                await puller.pull(queue, 0)
                puller.update_offset(queue, 1)
                pusher.subscribe("Asked")
                await until(lambda: queue in pusher.rebalancer.held)
                for consumer in (puller, pusher):
                    await consumer.instance.send_heartbeats()

                async def ask(consumer, code, header, body=b""):
                    channel = c.broker.consumers.find_channel(consumer.group, consumer.instance.client_id).channel
                    return await channel.invoke(RemotingCommand.request(code, header, body))

                client_id = puller.instance.client_id
                header = GetConsumerRunningInfoRequestHeader(
                    consumer_group="P", client_id=client_id, jstack_enable=True
                )
                info = ConsumerRunningInfo.decode((await ask(puller, 307, header)).body)
                assert info.properties["PROP_CONSUME_TYPE"] == "CONSUME_ACTIVELY" and not info.mq_table
                assert int(info.properties["PROP_CONSUMER_START_TIMESTAMP"]) == puller.started_ms > 0
                assert {s.topic for s in info.subscription_set} == {"Asked"}
                assert info.jstack.count("MainThread") == 1

                header = GetConsumerStatusRequestHeader(topic="Asked", group="P")
                body = (await ask(puller, 221, header)).body
                assert GetConsumerStatusBody.decode(body).message_queue_table == {queue: 1}

                record = bytes(c.broker.store.get_message("G", "Asked", 0, 0, 1, None).views[0])
                header = ConsumeMessageDirectlyResultRequestHeader(
                    consumer_group="G", client_id=pusher.instance.client_id, msg_id="x", broker_name="broker-a"
                )
                answer = await ask(pusher, 309, header, record)
                assert ConsumeMessageDirectlyResult.decode(answer.body).consume_result == "CR_LATER"

    asyncio.run(main())
