"""A broker on scratch files and a raw remoting client, for the tests of the broker's processors."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.broker.longpolling.pull_request_hold import PullRequestHold
from rocketmq_ops.broker.turns import Turn
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message_codec import decode_messages
from rocketmq_ops.common.state_files import StateFile
from rocketmq_ops.remoting.bodies import ConsumerData, HeartbeatData, ProducerData, SubscriptionData, TopicConfig
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig
from rocketmq_ops.store.config import MessageStoreConfig

SMALL_FILES: dict[str, Any] = {
    "mappedFileSizeCommitLog": 262144,
    "mappedFileSizeConsumeQueue": 6000,
    "maxHashSlotNum": 1000,
    "maxIndexNum": 4000,
    "maxMessageSize": 131072,
}


def new_broker(root: Path, *, tls: Mapping[str, Any] | None = None, **settings: Any) -> BrokerController:
    """A broker named broker-a, not started; ``settings`` go to the configuration class that has the key."""
    # On a machine that is busy with other tests a send may well wait for more than the 200 ms after which it is refused.
    config = BrokerConfig(brokerName="broker-a", brokerIP1="127.0.0.1", namesrvAddr="", waitTimeMillsInSendQueue=20_000)
    store_config = MessageStoreConfig(storePathRootDir=str(root), haListenPort=0, **SMALL_FILES)
    server_config = NettyServerConfig(bindAddress="127.0.0.1")
    for key, value in settings.items():
        owner = next(c for c in (server_config, config, store_config) if hasattr(c, key))
        setattr(owner, key, value)
    return BrokerController(
        config, store_config, server_config, NettyClientConfig(), tls_config=TlsSystemConfig(**(tls or {}))
    )


class FilesAtOnce:
    """In place of a controller's ``files`` and ``changes`` where no loop runs: a change is written in the call."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def save(self, state: StateFile) -> None:
        state.persist()

    def record(self, state: StateFile, topics: Iterable[TopicConfig] = ()) -> None:
        state.changed()
        with contextlib.suppress(RocketMQError):
            state.persist()
        self.told += [topic.topic_name for topic in topics]


class Session:
    """A started broker and a client connected to it."""

    def __init__(self, broker: BrokerController, client: RemotingClient) -> None:
        self.broker = broker
        self.client = client
        self.address = f"127.0.0.1:{broker.server_config.listenPort}"

    async def ask(
        self, code: int, fields: dict[str, str] | None = None, body: bytes = b"", timeout_ms: int = 20_000
    ) -> RemotingCommand:
        """The answer to one request."""
        return await self.client.invoke(
            self.address, RemotingCommand.request(code, ext_fields=fields or {}, body=body), timeout_ms
        )

    async def send(
        self,
        topic: str,
        body: bytes = b"hello",
        queue_id: int = 0,
        properties: dict[str, str] | None = None,
        **more: str,
    ) -> RemotingCommand:
        """The answer to SEND_MESSAGE_V2."""
        return await self.ask(RequestCode.SEND_MESSAGE_V2, send_fields(topic, queue_id, properties, **more), body)

    async def pull(
        self, topic: str, group: str = "g", queue_id: int = 0, offset: int = 0, **more: str
    ) -> RemotingCommand:
        """The answer to PULL_MESSAGE with its own subscription, not suspended unless ``sysFlag`` says so."""
        return await self.ask(RequestCode.PULL_MESSAGE, pull_fields(topic, group, queue_id, offset, **more))

    async def heartbeat(self, **data: Any) -> RemotingCommand:
        """The answer to HEART_BEAT."""
        return await self.ask(RequestCode.HEART_BEAT, {}, HeartbeatData(**data).encode())


def sweep_all(hold: PullRequestHold) -> None:
    """Look at every held pull, as the broker does in turns; a sweep that it left half done ends before."""
    for _ in range(2):
        turn = Turn(3600)
        hold.sweep(turn)
        assert not turn.stopped


def text_of(properties: dict[str, str]) -> str:
    """Properties as Java's client sends them."""
    return "".join(f"{name}\x01{value}\x02" for name, value in properties.items())


def send_fields(topic: str, queue_id: int = 0, properties: dict[str, str] | None = None, **more: str) -> dict[str, str]:
    """The fields of SEND_MESSAGE_V2; ``more`` by their one-letter names."""
    properties = {"UNIQ_KEY": "0A0B0C0D", "WAIT": "true"} | (properties or {})
    return {
        "a": "p", "b": topic, "c": "TBW102", "d": "4", "e": str(queue_id), "f": "0", "g": "1795246590674", "h": "0",
        "i": text_of(properties), "j": "0", "k": "false", "m": "false",
    } | more  # fmt: skip


def pull_fields(topic: str, group: str, queue_id: int, offset: int, **more: str) -> dict[str, str]:
    """The fields of PULL_MESSAGE."""
    return {
        "consumerGroup": group, "topic": topic, "queueId": str(queue_id), "queueOffset": str(offset),
        "maxMsgNums": "32", "sysFlag": "4", "commitOffset": "0", "suspendTimeoutMillis": "15000",
        "subscription": "*", "subVersion": "0", "expressionType": "TAG",
    } | more  # fmt: skip


def batch_item(body: bytes, properties: dict[str, str]) -> bytes:
    """One message of a batch body."""
    text = text_of(properties).encode()
    head = struct.pack(">iiiii", 22 + len(body) + len(text), 0, 0, 0, len(body))
    return head + body + struct.pack(">h", len(text)) + text


def consumer(
    group: str, topic: str, *, version: int = 1, model: str = "CLUSTERING", **subscription: Any
) -> ConsumerData:
    """A push consumer's part of a heartbeat."""
    return ConsumerData(
        group_name=group,
        message_model=model,
        subscription_data_set=[SubscriptionData(topic=topic, sub_version=version, **subscription)],
    )


def producer(group: str) -> ProducerData:
    """A producer's part of a heartbeat."""
    return ProducerData(group_name=group)


def bodies(answer: RemotingCommand) -> list[bytes]:
    """The bodies of the messages in a pull's answer."""
    return [message.body for message in decode_messages(answer.body_bytes)] if answer.body else []


@asynccontextmanager
async def running(root: Path, **settings: Any) -> AsyncIterator[Session]:
    """A started broker with a client; both are stopped at the end."""
    async with serving(new_broker(root, **settings)) as session:
        yield session


@asynccontextmanager
async def serving(broker: BrokerController) -> AsyncIterator[Session]:
    """As `running`, of a broker that is made."""
    await broker.start()
    client = RemotingClient(NettyClientConfig())
    try:
        yield Session(broker, client)
    finally:
        await client.close()
        await broker.stop()


def run(root: Path, test: Callable[[Session], Awaitable[None]], **settings: Any) -> None:
    """Run a test against a broker of its own."""
    run_with(new_broker(root, **settings), test)


def run_with(broker: BrokerController, test: Callable[[Session], Awaitable[None]]) -> None:
    """Run a test against a broker that is made."""

    async def main() -> None:
        async with serving(broker) as session:
            await test(session)

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes without an event of its own, for 10 s at most."""

    async def poll() -> None:
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)

    await asyncio.wait_for(poll(), 10)
