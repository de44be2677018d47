"""An admin client that asks nobody: each call of the screens has a made-up answer, an empty one, and fails if told so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from types import SimpleNamespace
from typing import Any

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.brokers.config import ConfigReport, ServerConfig
from rocketmq_ops.client.admin.client import BrokerProducer, BrokerProducers
from rocketmq_ops.client.admin.fanout import FanOut
from rocketmq_ops.client.admin.groups.consumer_status import Chosen, ClientStatus, ConsumerStatusReport
from rocketmq_ops.client.admin.groups.group import BrokerGroupConfig, GroupConfigs, GroupProgress
from rocketmq_ops.client.admin.messages.message_results import ScanReport
from rocketmq_ops.client.admin.messages.trace import MessageTraces
from rocketmq_ops.client.admin.replicas.ha import BrokerReplication, ReplicationReport, SlaveConnection
from rocketmq_ops.client.admin.topics.topic import RouteBroker, TopicRoute
from rocketmq_ops.client.admin.topics.topic_status import TopicStatus
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import Failure, RocketMQError, failure_of
from rocketmq_ops.common.message import MessageExt, MessageQueue
from rocketmq_ops.common.topics import dlq_topic
from rocketmq_ops.remoting.bodies import TopicConfig
from rocketmq_ops.remoting.errors import RemotingConnectError, RemotingTimeoutError
from tests.tui.fakes import NOW_MS
from tests.tui.model.details import made_up

BROKER = BrokerAddress("10.0.0.0:10911", "broker-a", 0, "DefaultCluster")
SIBLING = BrokerAddress("10.0.0.1:10911", "broker-b", 0, "DefaultCluster")
BODIES = ('{"order": 7, "customer": "李"}'.encode(), b"plain text of an order", b"\x00\x01\xff")
_CONFIG = {"brokerName": "broker-a", "flushDiskType": "ASYNC_FLUSH", "fileReservedTime": "48", "deleteWhen": "04"}
_RUNTIME = {
    "brokerVersionDesc": "V5_3_3", "bootTimestamp": str(NOW_MS - 3600 * 1000), "commitLogDiskRatio": "0.41",
    "putTps": "100.4 99.1 98.0", "sendThreadPoolQueueSize": "0", "runtime": "[ 0 days, 1 hours, 0 minutes, 0 seconds ]",
}  # fmt: skip
_STACK = '"ConsumeMessageThread_1" RUNNABLE\n  java.net.SocketInputStream.read()\n  com.example.Orders.take(订单)'


def message(number: int) -> MessageExt:
    """One of the messages."""
    return made_up.message(number, BODIES[number % 3], DLQ_ORIGIN_TOPIC="orders")


def _status(*_: object, chosen: Chosen | None = None, **__: object) -> ConsumerStatusReport:
    found = made_up.status()
    if chosen is not None:
        chosen([client.client_id for client in found.clients])
    for client in found.clients:
        if client.info is not None:
            client.info.jstack = _STACK
    return found


def _no_status(client_id: str | None) -> ConsumerStatusReport:
    clients = []
    if client_id is not None:  # it is there, and has nothing
        info = made_up.info("*")
        info.subscriptions, info.rates, info.properties, info.user_info, info.jstack = [], [], {}, {}, ""
        clients = [ClientStatus(client_id=client_id, client_addr="10.1.0.1:5000", language="JAVA", version="V5_3_3",
                                brokers=[], info=info)]  # fmt: skip
    return ConsumerStatusReport(made_up.GROUP, None, None, clients, None, None, [], [])


SILENT = Failure(SIBLING.address, "no answer within 3000 ms", RemotingConnectError.next_step)


def _progress(*_: object) -> GroupProgress:
    found = made_up.progress()
    found.queues = [queue for queue in found.queues if queue.broker_name == BROKER.broker_name]
    found.failures = [SILENT]
    return found


def _configs(group: str) -> GroupConfigs:
    found = Answers._group_configs(group)
    return GroupConfigs(group, found.brokers[:1], [], [], [SILENT])


def _topic_status(*_: object) -> TopicStatus:
    found = made_up.topic_status()
    queues = [queue for queue in found.queues if queue.broker_name == BROKER.broker_name]
    return TopicStatus(found.topic, queues, 3.5, [SILENT])


def _status_of_some(*words: object, **options: Any) -> ConsumerStatusReport:
    """The second client is known to the silent broker alone; what all have to answer for is not judged."""
    chosen = options.pop("chosen", None)
    found = _status(*words, **options)
    del found.clients[1]
    if chosen is not None:
        chosen([client.client_id for client in found.clients])
    found.problems = [problem for problem in found.problems if problem.kind == "blocked"]
    found.failures.insert(0, SILENT)
    found.same_subscription = found.rebalance_ok = None
    return found


class Answers:
    """In place of `MQAdmin`, for one state."""

    name_servers = ("10.0.0.9:9876",)

    def holding(self, seconds: float) -> Answers:
        """Itself: what it says is always the same."""
        return self

    def __init__(self, state: str) -> None:
        self._state = state
        call = self._call
        self.groups = SimpleNamespace(
            progress=call(
                lambda *_: made_up.progress(), lambda *_: GroupProgress(made_up.GROUP, [], None, None, None), _progress
            ),
            configs=call(self._group_configs, lambda group: GroupConfigs(group, [], [], []), _configs),
        )
        self.clients = SimpleNamespace(
            status=call(_status, lambda *_, client_id=None, **__: _no_status(client_id), _status_of_some),
            producers_at=call(self._producers, lambda address: BrokerProducers(address, [])),
        )
        self.topics = SimpleNamespace(
            status=call(lambda *_: made_up.topic_status(), self._not_there, _topic_status),
            readers=call(lambda *_: ["group-00001", "订单-消费组", "new"], lambda *_: []),
            route=call(self._route, lambda topic: TopicRoute(topic, [])),
            config_at=call(self._topic_config, lambda *_: None, self._topic_config_there),
        )
        self.messages = SimpleNamespace(
            at=call(lambda *_: message(7), lambda *_: made_up.message(7, b"")),
            by_id=call(lambda *_: message(6), self._bare),
            track=call(lambda *_: made_up.tracks(), lambda *_: []),
            query=call(self._letters, self._letters),
            traces=call(lambda *_: made_up.traces(), lambda key: MessageTraces(key, "RMQ_SYS_TRACE_TOPIC", [], [])),
            queues=call(lambda *_: {MessageQueue("orders", "broker-a", 0): BROKER.address}, lambda *_: {}),
            scan=self._scan,
        )
        self.offsets = SimpleNamespace(
            max_offset=call(lambda *_: 5_000_000 if self._state == "huge" else 5, lambda *_: 0)
        )
        self.cluster = SimpleNamespace(
            brokers=call(lambda *_: [BROKER, SIBLING], lambda *_: [BROKER]),
            runtime=call(lambda *_: _RUNTIME, lambda *_: {}),
        )
        self.configs = SimpleNamespace(
            broker_configs=call(self._broker_configs, lambda *_: ConfigReport([]), self._configs_of_some),
            namesrv_configs=call(self._namesrv_configs, lambda *_: ConfigReport([]), self._servers_configs_of_some),
        )
        self.ha = SimpleNamespace(
            status=call(self._replication, lambda *_: ReplicationReport([BrokerReplication(BROKER, "MASTER", 0)]))
        )

    def turn(self, state: str) -> None:
        """Answer as in another state from now on."""
        self._state = state

    def _call(
        self, usual: Callable[..., Any], empty: Callable[..., Any], partly: Callable[..., Any] | None = None
    ) -> Callable[..., Awaitable[Any]]:
        async def answer(*words: Any, **options: Any) -> Any:
            if self._state == "partly":
                return (partly or usual)(*words, **options)
            if self._state in ("failed", "silent"):
                raise RemotingConnectError(
                    "cannot connect to 10.0.0.1:10911: no answer within 3000 ms", address="10.0.0.1:10911"
                )
            return (empty if self._state == "empty" else usual)(*words, **options)

        return answer

    def failure_of(self, target: str, error: RocketMQError) -> Failure:
        """As the client lists it."""
        return failure_of(target, error)

    async def fan_out(self, targets: Iterable[Any], ask: Callable[[Any], Awaitable[Any]]) -> FanOut[Any, Any]:
        """One after the other."""
        answers, errors = {}, {}
        for target in targets:
            try:
                answers[target] = await ask(target)
            except RocketMQError as error:
                errors[target] = error
        return FanOut(answers, errors)

    async def _scan(self, wanted: object, keep: Callable[[MessageExt], object]) -> ScanReport:
        for number in range(5):
            keep(message(number))
        failures = [Failure("10.0.0.3:10911", "no answer within 3000 ms", RemotingConnectError.next_step)]
        return ScanReport([], [], truncated=self._state == "huge", failures=failures)

    @staticmethod
    def _not_there(topic: str, *_: object) -> TopicStatus:
        if topic.startswith("%"):
            raise NotFoundError(f"topic '{topic}' is not there", "")
        return TopicStatus(topic, [])

    @staticmethod
    def _letters(topic: str, *_: object, **__: object) -> tuple[list[MessageExt], list[Failure]]:
        if topic == dlq_topic("audit"):
            return [made_up.message(7)], []
        raise NotFoundError(f"no route for topic '{topic}'", "")

    @staticmethod
    def _bare(*_: object) -> MessageExt:
        bare = made_up.message(7, b"")
        bare.properties = {}
        return bare

    @staticmethod
    def _group_configs(group: str) -> GroupConfigs:
        config = {"consumeEnable": True, "retryMaxTimes": 16, "retryQueueNums": 1}
        return GroupConfigs(
            group,
            [
                BrokerGroupConfig("DefaultCluster", "broker-a", BROKER.address, config),
                BrokerGroupConfig("DefaultCluster", "broker-b", SIBLING.address, {**config, "consumeEnable": False}),
            ],
            ["10.0.0.3:10911"],
            ["consumeEnable"],
        )

    @staticmethod
    def _producers(address: str) -> BrokerProducers:
        return BrokerProducers(
            address,
            [
                BrokerProducer("shop", f"10.1.0.{n}@88", f"10.1.0.{n}:5100", "JAVA", "V5_3_3", NOW_MS - n * 9000)
                for n in range(3)
            ],
        )

    @staticmethod
    def _route(topic: str) -> TopicRoute:
        brokers = [
            RouteBroker("DefaultCluster", "broker-a", {0: BROKER.address, 1: "10.0.1.0:10911"}, False, 8, 8, 6, 0),
            RouteBroker("DefaultCluster", "broker-b", {0: SIBLING.address}, False, 8, 4, 4, 0),
            RouteBroker("DefaultCluster", "broker-c", {1: "10.0.1.2:10911"}, False, None, None, None, None),
        ]
        return TopicRoute(topic, brokers)

    @staticmethod
    def _topic_config(address: str, topic: str) -> TopicConfig:
        return TopicConfig(topic_name=topic, perm=6 if address == BROKER.address else 4, read_queue_nums=8)

    @staticmethod
    def _topic_config_there(address: str, topic: str) -> TopicConfig:
        if address == SIBLING.address:
            raise RemotingTimeoutError("no answer within 3000 ms", address=address)
        return Answers._topic_config(address, topic)

    @staticmethod
    def _configs_of_some(brokers: object) -> ConfigReport:
        report = Answers._broker_configs(brokers)
        report.servers[1].config = None
        report.failures.append(SILENT)
        return report

    @staticmethod
    def _servers_configs_of_some() -> ConfigReport:
        report = Answers._namesrv_configs()
        report.servers[1].config = None
        report.failures.append(msgspec.structs.replace(SILENT, target="10.0.0.8:9876"))
        return report

    @staticmethod
    def _broker_configs(brokers: object) -> ConfigReport:
        second = {**_CONFIG, "brokerName": "broker-b", "flushDiskType": "SYNC_FLUSH"}
        return ConfigReport(
            [
                ServerConfig(BROKER.address, "broker-a", 0, None, _CONFIG),
                ServerConfig(SIBLING.address, "broker-b", 0, None, second),
                ServerConfig("10.0.1.0:10911", "broker-a", 1, BROKER.address, None),
            ],
            [Failure("10.0.1.0:10911", "no answer within 3000 ms", RemotingConnectError.next_step)],
        )

    @staticmethod
    def _namesrv_configs() -> ConfigReport:
        one = {"listenPort": "9876", "clusterTest": "false", "orderMessageEnable": "false"}
        return ConfigReport(
            [
                ServerConfig("10.0.0.9:9876", None, None, None, one),
                ServerConfig("10.0.0.8:9876", None, None, None, {**one, "orderMessageEnable": "true"}),
            ]
        )

    @staticmethod
    def _replication(brokers: object) -> ReplicationReport:
        slaves = [
            SlaveConnection("10.0.1.0:40000", 12_345_678, 0, True, 1_234_567, 0),
            SlaveConnection("10.0.1.9:40000", 2_345_678, 10_000_000, False, 0, 0),
        ]
        return ReplicationReport([BrokerReplication(BROKER, "MASTER", 12_345_678, 1, slaves)])
