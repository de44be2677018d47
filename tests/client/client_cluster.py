"""A name server and a broker of this repository, in the test's own event loop, for the tests of this folder."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.client import FROM_FIRST_OFFSET, ConsumeSettings, Producer, PushConsumer
from rocketmq_ops.client.consumer import consume_services
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.common.message import Message
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.namesrv.controller import NamesrvController
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.store.config import MessageStoreConfig


class Cluster:
    """`options` connect clients to it; `broker` is the controller."""

    def __init__(self, namesrv, broker):
        self.namesrv = namesrv
        self.broker = broker
        self.options = ClientOptions(
            name_servers=[f"127.0.0.1:{namesrv.server.port}"],
            client_ip="127.0.0.1",
            persist_offset_interval_ms=50,
            rebalance_interval_ms=500,
        )

    def topic(self, name, queues=4):
        """Create a topic on the broker."""
        from rocketmq_ops.remoting.bodies import TopicConfig

        self.broker.topics.table[name] = TopicConfig(
            topic_name=name, read_queue_nums=queues, write_queue_nums=queues, perm=6
        )


def broker_of(directory, namesrv_address, name="broker-a"):
    config = BrokerConfig()
    config.brokerIP1 = "127.0.0.1"
    config.brokerName = name
    config.namesrvAddr = namesrv_address
    store = MessageStoreConfig(haListenPort=0)
    store.storePathRootDir = str(directory)
    store.storePathCommitLog = str(directory / "commitlog")
    store.mappedFileSizeCommitLog = 8 * 1024 * 1024
    store.mappedFileSizeConsumeQueue = 20 * 3000
    server = NettyServerConfig()
    server.bindAddress = "127.0.0.1"
    return BrokerController(config, store, server, NettyClientConfig())


@asynccontextmanager
async def cluster(directory, **topics):
    """A running pair with these topics (name=queues). Whoever stops the broker may put another in its place."""
    server = NettyServerConfig()
    server.bindAddress = "127.0.0.1"
    server.listenPort = 0
    namesrv_config = NamesrvConfig()
    namesrv_config.kvConfigPath = str(directory / "kv.json")
    namesrv = NamesrvController(namesrv_config, server)
    await namesrv.start()
    broker = broker_of(directory / "store", f"127.0.0.1:{namesrv.server.port}")
    await broker.start()
    made = Cluster(namesrv, broker)
    for name, queues in topics.items():
        made.topic(name, queues)
    await broker.register_all()
    try:
        yield made
    finally:
        await made.broker.stop()
        await namesrv.stop()


async def until(condition, seconds=20):
    """Let the loop run until `condition()`; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def consume_twenty_of_five_keys(c, listener):
    """Send 20 messages of 5 business keys to the 4 queues of `Orders`, and let the group G consume them."""
    settings = ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET)
    async with Producer("p", c.options) as producer:
        for i in range(20):
            await producer.send(Message("Orders", b"%d" % (i % 5), keys=f"order-{i % 5}"))
    consumer = PushConsumer("G", listener, c.options, settings=settings)
    consumer.subscribe("Orders")
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr(consume_services, "CONSUME_AGAIN_SECONDS", 0.01)  # of keys that another call is at
        async with consumer:
            await until(lambda: sum(c.broker.offsets.query("G", "Orders", i) for i in range(4)) == 20)
