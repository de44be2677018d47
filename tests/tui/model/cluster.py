"""A cluster that is not there, behind the admin client, and a clock that only the test moves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.common import tasks
from rocketmq_ops.common.fastjson import dumps
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingConnectError, RemotingTimeoutError
from rocketmq_ops.tui.model.changed import Journal
from rocketmq_ops.tui.model.live import LiveModel
from tests.mqadmin.replay import round_trip

START = 1_767_268_800_000
NAME_SERVER = "10.0.0.100:9876"


class TestClock:
    """Stands still until `advance`, which lets everything happen that is due meanwhile, in its order."""

    __test__ = False

    def __init__(self) -> None:
        self.time_ms = START
        self._waiting: list[tuple[int, asyncio.Event, asyncio.Event]] = []

    def now_ms(self) -> int:
        return self.time_ms

    async def wait(self, event: asyncio.Event, ms: int) -> None:
        over = asyncio.Event()
        entry = self.time_ms + ms, event, over
        self._waiting.append(entry)
        either = [asyncio.ensure_future(each.wait()) for each in (event, over)]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in either:
                each.cancel()
            self._waiting.remove(entry)

    async def settle(self) -> None:
        """Until every task waits for the clock."""
        loop = asyncio.get_running_loop()
        calm = 0
        while calm < 3:
            await asyncio.sleep(0)
            running = sum(not task.done() and task.get_loop() is loop for task in list(tasks._running))
            asleep = [entry for entry in self._waiting if not entry[1].is_set() and not entry[2].is_set()]
            calm = calm + 1 if running == len(asleep) else 0
            if not calm:
                await asyncio.sleep(0.0005)

    async def advance(self, ms: int) -> None:
        await self.settle()
        end = self.time_ms + ms
        while True:
            due = min((entry[0] for entry in self._waiting), default=end + 1)
            if due > end:
                break
            self.time_ms = max(due, self.time_ms)
            for when, _, over in self._waiting:
                if when <= self.time_ms:
                    over.set()
            await self.settle()
        self.time_ms = end
        await self.settle()


class Cluster:
    """Brokers `broker-a`, `broker-b`, … at `10.0.0.1:10911`, …; `offsets` are what groups have, by broker."""

    def __init__(self, brokers: int = 2) -> None:
        self.clock = TestClock()
        self.asked: list[tuple[int, str, int]] = []
        #: Address -> what happens instead of an answer: "refused", or "silent".
        self.down: dict[str, str] = {}
        #: What the account may not ask.
        self.denied: set[int] = set()
        self.names = {f"10.0.0.{n + 1}:10911": f"broker-{chr(97 + n)}" for n in range(brokers)}
        self.slaves: dict[str, str] = {}
        #: Broker name -> group -> (topic, queue id) -> [end, committed].
        self.offsets: dict[str, dict[str, dict[tuple[str, int], list[int]]]] = {n: {} for n in self.names.values()}
        self.perms: dict[str, int] = {"orders": 6}
        #: Broker name -> topics that it lacks.
        self.lacks: dict[str, set[str]] = {}
        self.clients: dict[str, list[str]] = {}
        #: Group -> topics that its clients subscribe to; and groups that broadcast.
        self.subscribed: dict[str, list[str]] = {}
        self.broadcasting: set[str] = set()
        self.pulling: set[str] = set()
        #: Topic -> where its queue ends on each broker, for who asks for the topic.
        self.ends: dict[str, int] = {}
        #: Address -> group -> producers.
        self.producers: dict[str, dict[str, list[str]]] = {}
        #: Client -> what it says of itself; others do not answer.
        self.running: dict[str, dict[str, object]] = {}
        self.runtime: dict[str, dict[str, str]] = {}
        #: Address -> since when a broker runs; others do not say so.
        self.started: dict[str, int] = {}
        self.settings: dict[str, dict[str, str]] = {}
        self.unlisted: set[str] = set()
        #: Messages a second into topics, on each broker.
        self.puts: dict[str, float] = {}

    def group(self, name: str, end: int, committed: int, *, topic: str = "orders") -> None:
        """A group with one queue on each broker."""
        for broker in self.names.values():
            self.offsets[broker].setdefault(name, {})[topic, 0] = [end, committed]

    async def invoke(self, addr: str, command: RemotingCommand, timeout_ms: int = 3000) -> RemotingCommand:
        self.asked.append((self.clock.time_ms, addr, command.code))
        if self.down.get(addr) == "refused":
            raise RemotingConnectError(f"cannot connect to {addr}: connection refused", address=addr)
        if self.down.get(addr) == "silent":
            await self.clock.wait(asyncio.Event(), timeout_ms)
            raise RemotingTimeoutError(f"no answer of {addr} within {timeout_ms} ms", address=addr)
        return self._answer(addr, round_trip(command))

    async def invoke_oneway(self, addr: str, command: RemotingCommand, timeout_ms: int = 3000) -> None:
        raise AssertionError("the dashboard waits for every answer")

    async def close(self) -> None:
        return

    def _answer(self, addr: str, command: RemotingCommand) -> RemotingCommand:
        if command.code in self.denied:
            return command.reply(ResponseCode.NO_PERMISSION, "no permission")
        name = self.names.get(addr) or self.slaves.get(addr, "")
        match command.code:
            case Code.GET_BROKER_CLUSTER_INFO:
                table: dict[str, dict[str, object]] = {}
                for at, broker in self.names.items():
                    if at not in self.unlisted:
                        table[broker] = {"brokerAddrs": {"0": at}, "brokerName": broker, "cluster": "C"}
                for at, broker in self.slaves.items():
                    table[broker]["brokerAddrs"]["1"] = at  # type: ignore[index]
                return _json(command, {"brokerAddrTable": table, "clusterAddrTable": {"C": list(table)}})
            case Code.GET_ALL_TOPIC_LIST_FROM_NAMESERVER:
                return _json(command, {"topicList": list(self.perms)})
            case Code.GET_ROUTEINFO_BY_TOPIC:
                topic = (command.ext_fields or {})["topic"]
                listed = [(at, broker) for at, broker in self.names.items() if at not in self.unlisted]
                have = [(at, broker) for at, broker in listed if topic not in self.lacks.get(broker, ())]
                if topic not in self.perms or not have:
                    return command.reply(ResponseCode.TOPIC_NOT_EXIST, "no route")
                queues = [
                    {"brokerName": broker, "readQueueNums": 1, "writeQueueNums": 1, "perm": self.perms[topic]}
                    for _, broker in have
                ]
                brokers = [{"brokerAddrs": {"0": at}, "brokerName": broker, "cluster": "C"} for at, broker in have]
                return _json(command, {"brokerDatas": brokers, "queueDatas": queues})
            case Code.GET_BROKER_RUNTIME_INFO:
                figures = {"brokerVersionDesc": "V5_5_0", "putTps": "10.0 9.0 8.0", "commitLogDiskRatio": "0.5"}
                if addr in self.started:
                    seconds = (self.clock.time_ms - self.started[addr]) // 1000
                    figures["runtime"] = f"[ 0 days, 0 hours, {seconds // 60} minutes, {seconds % 60} seconds ]"
                return _json(command, {"table": figures | self.runtime.get(addr, {})})
            case Code.GET_BROKER_CONFIG:
                text = "".join(
                    f"{k}={v}\n" for k, v in ({"brokerPermission": "6"} | self.settings.get(addr, {})).items()
                )
                return command.reply(body=text.encode())
            case Code.GET_ALL_TOPIC_CONFIG:
                configs = {
                    topic: {"topicName": topic, "perm": perm, "readQueueNums": 1, "writeQueueNums": 1}
                    for topic, perm in self.perms.items()
                    if topic not in self.lacks.get(name, ())
                }
                return _json(command, {"topicConfigTable": configs})
            case Code.GET_BROKER_CONSUME_STATS:
                groups = []
                for group, queues in self.offsets[name].items():
                    entries = ",".join(
                        f'{{"brokerName":"{name}","queueId":{queue},"topic":"{topic}"}}:'
                        f'{{"brokerOffset":{end},"consumerOffset":{committed},"lastTimestamp":0}}'
                        for (topic, queue), (end, committed) in queues.items()
                    )
                    groups.append(f'{{"{group}":[{{"consumeTps":0.0,"offsetTable":{{{entries}}}}}]}}')
                return command.reply(body=f'{{"consumeStatsList":[{",".join(groups)}]}}'.encode())
            case Code.GET_ALL_CONSUMER_OFFSET:
                table = {}
                for group, queues in self.offsets[name].items():
                    for (topic, queue), (_, committed) in queues.items():
                        table.setdefault(f"{topic}@{group}", {})[str(queue)] = committed
                return _json(command, {"offsetTable": table})
            case Code.GET_CONSUMER_CONNECTION_LIST:
                group = (command.ext_fields or {})["consumerGroup"]
                ids = self.clients.get(group, [])
                if not ids:
                    return command.reply(ResponseCode.CONSUMER_NOT_ONLINE, "not online")
                connections = [
                    {"clientAddr": "10.1.0.1:5", "clientId": each, "language": "JAVA", "version": 435} for each in ids
                ]
                told: dict[str, object] = {"connectionSet": connections}
                told["subscriptionTable"] = {topic: {"topic": topic} for topic in self.subscribed.get(group, [])}
                told["consumeType"] = "CONSUME_ACTIVELY" if group in self.pulling else "CONSUME_PASSIVELY"
                told["messageModel"] = "BROADCASTING" if group in self.broadcasting else "CLUSTERING"
                return _json(command, told)
            case Code.GET_TOPIC_STATS_INFO:
                topic = (command.ext_fields or {})["topic"]
                key = f'{{"brokerName":"{name}","queueId":0,"topic":"{topic}"}}'
                offsets = f'{{"minOffset":0,"maxOffset":{self.ends[topic]},"lastUpdateTimestamp":0}}'
                return command.reply(body=f'{{"offsetTable":{{{key}:{offsets}}}}}'.encode())
            case Code.GET_CONSUMER_RUNNING_INFO:
                info = self.running.get((command.ext_fields or {})["clientId"])
                if info is None:
                    return command.reply(ResponseCode.CONSUME_MSG_TIMEOUT, "the client does not answer")
                return command.reply(body=dumps(info))
            case Code.VIEW_BROKER_STATS_DATA:
                key = (command.ext_fields or {})["statsKey"]
                if key not in self.puts:
                    return command.reply(ResponseCode.SYSTEM_ERROR, f"The stats <TOPIC_PUT_NUMS> <{key}> not exist")
                return _json(command, {"statsMinute": {"tps": self.puts[key]}})
            case Code.GET_ALL_PRODUCER_INFO:
                producers = {
                    group: [
                        {"clientId": each, "remoteIP": "10.1.0.9:5", "language": "JAVA", "version": 435} for each in ids
                    ]
                    for group, ids in self.producers.get(addr, {}).items()
                }
                return _json(command, {"data": producers})
        raise AssertionError(f"request code {command.code} was not foreseen")

    @asynccontextmanager
    async def watched(
        self, *, ring: bool = False, session: Path | None = None, pace: float = 1.0, journal: Journal | None = None
    ) -> AsyncIterator[LiveModel]:
        """A dashboard's model of it."""
        async with (
            MQAdmin([NAME_SERVER], transport=self) as admin,
            LiveModel(admin, self.clock, ring=ring, session=session, pace=pace, journal=journal) as model,
        ):
            await self.clock.settle()
            yield model


def _json(command: RemotingCommand, body: object) -> RemotingCommand:
    return command.reply(body=json.dumps(body).encode())


def run(test: Callable[[], Awaitable[None]]) -> None:
    """A test's coroutine, with a bound on how long it may hang: on a machine that is overloaded 20 times, what takes 3 s
    takes a minute."""
    asyncio.run(asyncio.wait_for(test(), 300))
