"""Producers and consumers that sign, with a broker that checks access by plain_acl.yml, also in a namespace."""

import asyncio

import pytest
from client_cluster import broker_of, cluster, until
from msgspec.structs import replace

from rocketmq_ops.client import (
    FROM_FIRST_OFFSET,
    ConsumeSettings,
    LitePullConsumer,
    Producer,
    PushConsumer,
    credentials,
)
from rocketmq_ops.client.errors import BrokerError
from rocketmq_ops.common.message import Message
from rocketmq_ops.remoting.codes import ResponseCode

FIRST = ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET)
ACCOUNTS = """
accounts:
- accessKey: application
  secretKey: 12345678
  admin: false
  defaultTopicPerm: DENY
  defaultGroupPerm: DENY
  topicPerms: ["Orders=PUB|SUB", "shop%Orders=PUB|SUB"]
  groupPerms: ["billing=SUB", "lite=SUB", "shop%billing=SUB", "shop%lite=SUB"]
"""


@pytest.mark.parametrize("namespace", [None, "shop"])
def test_what_an_account_may_it_can(tmp_path, namespace):
    async def main():
        (tmp_path / "home" / "conf").mkdir(parents=True)
        (tmp_path / "home" / "conf" / "plain_acl.yml").write_text(ACCOUNTS)
        async with cluster(tmp_path) as c:
            await c.broker.stop()
            c.broker = broker_of(tmp_path / "store2", c.options.name_servers[0])
            c.broker.config.aclEnable, c.broker.config.rocketmqHome = True, str(tmp_path / "home")
            await c.broker.start()
            for name in ("Orders", "Other", "shop%Orders", "shop%Other"):
                c.topic(name, 1)
            await c.broker.register_all()
            signed = replace(c.options, namespace=namespace, sign=credentials("application", "12345678"))
            got = []
            async with Producer("p", signed) as producer:
                await producer.send(Message("Orders", b"1"))
                with pytest.raises(BrokerError) as refused:
                    await producer.send(Message("Other", b"2"))
                assert "Other" in str(refused.value)
            consumer = PushConsumer("billing", lambda messages, context: got.extend(messages), signed, settings=FIRST)
            consumer.subscribe("Orders")
            async with consumer:
                await until(lambda: got)
            async with LitePullConsumer("lite", signed, settings=FIRST) as lite:
                lite.subscribe("Orders")
                assert [m.body for m in await lite.poll(20_000)] == [m.body for m in got] == [b"1"]
            wrong = replace(c.options, sign=credentials("application", "another1"))
            async with Producer("p", wrong) as producer:
                with pytest.raises(BrokerError) as refused:
                    await producer.send(Message("Orders", b"3"))
                assert refused.value.code in (ResponseCode.SYSTEM_ERROR, ResponseCode.NO_PERMISSION)
            assert c.broker.store.max_offset("Orders" if namespace is None else "shop%Orders", 0) == 1

    asyncio.run(main())
