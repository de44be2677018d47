"""Messages through one broker: sent, received by pulls that wait, and what is measured of them.

Through a topic and with a group of the prober's own, which are made before and deleted after. The pulls are there
before the first message is sent, so that what is measured is what a waiting consumer sees.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from rocketmq_ops.client.api import groups as group_api
from rocketmq_ops.client.api import offsets as offset_api
from rocketmq_ops.client.api import topics as topic_api
from rocketmq_ops.client.api.pull import pull
from rocketmq_ops.client.api.send import SendResult, send
from rocketmq_ops.client.api.servers import runtime_info
from rocketmq_ops.client.producer.send_request import SendSettings, prepare
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.message import Message, MessageExt, MessageQueue
from rocketmq_ops.common.permission import PERM_READ, PERM_WRITE
from rocketmq_ops.common.stage_times import PROPERTY_STAGES, StageTable, split_stage_keys
from rocketmq_ops.common.sysflag import pull_sys_flag
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.common.topics import AUTO_CREATE_TOPIC
from rocketmq_ops.common.unique_id import UniqueIdFactory
from rocketmq_ops.housekeeping.probe.report import BrokerTrip
from rocketmq_ops.housekeeping.probe.stages import bar_of_slowest, noted
from rocketmq_ops.remoting.headers.pull import PullMessageRequestHeader

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
    from rocketmq_ops.housekeeping.probe.expectations import Expectations
    from rocketmq_ops.housekeeping.probe.names import Names

#: Messages of one pull at most.
_PULL_NUMS: Final = 32
_PULL_FLAGS: Final = pull_sys_flag(commit_offset=False, suspend=True, subscription=True)
#: How long a pull waits at the broker at a time, ms.
_SUSPEND_MS: Final = 1000


class Sent(msgspec.Struct, kw_only=True):
    """One message of the prober. `sent_at` is of `time.perf_counter`; `delay_ms` is its delay level's time.

    `result` is None where the send failed with `error`; `arrivals` has the time of each arrival. `store_ms` is of
    one that arrived: how long after its send it was stored.
    """

    queue_id: int
    number: int
    sent_at: float
    sent_wall_ms: int = 0
    delay_ms: int = 0
    send_ms: float = 0
    result: SendResult | None = None
    error: RocketMQError | None = None
    arrivals: list[float] = []
    store_timestamp: int | None = None
    store_ms: float = 0


class Delivery:
    """The messages of one run through one master. Use it as a context manager, which makes and deletes what it needs.

    Entering raises RocketMQError where the broker cannot be reached or refuses the topic or the group.
    """

    def __init__(
        self,
        admin: MQAdmin,
        broker: BrokerAddress,
        name_servers: Sequence[str],
        names: Names,
        wanted: Expectations,
        delay_ms: int | None,
    ) -> None:
        """`delay_ms` is what the delay level of `wanted` means on this broker; None: no delayed message is sent.

        `name_servers` are those that answer, where the topic is deleted too.
        """
        assert broker.broker_name is not None
        self.broker = broker
        self.broker_name = broker.broker_name
        self.topic = names.topic(broker.broker_name)
        self.group = names.group
        self.messages: list[Sent] = []
        self.trip = BrokerTrip(
            broker=self.broker_name, cluster=broker.cluster or "", address=broker.address, topic=self.topic
        )
        #: The broker notes the times of messages that ask for it: flushDiskType, or None for one that does not.
        self.notes_stages: str | None = None
        #: What could not be cleaned up.
        self.left: list[Failure] = []
        self._admin = admin
        self._name_servers = name_servers
        self._session = admin.session
        self._wanted = wanted
        self.delay_level = wanted.delay_level
        self._delay_ms = delay_ms
        self._ids = UniqueIdFactory()
        self._mark = self._ids.create()
        self._by_body: dict[bytes, Sent] = {}
        self._arrived: list[Sent] = []
        self._all_there = asyncio.Event()
        self._tasks = Tasks()

    async def __aenter__(self) -> Delivery:
        from rocketmq_ops.remoting.headers import CreateTopicRequestHeader

        header = CreateTopicRequestHeader(
            topic=self.topic,
            default_topic=AUTO_CREATE_TOPIC,
            read_queue_nums=self._wanted.queues,
            write_queue_nums=self._wanted.queues,
            perm=PERM_READ | PERM_WRITE,
            topic_filter_type="SINGLE_TAG",
            topic_sys_flag=0,
        )
        try:
            await topic_api.put_topic(self._session, self.broker.address, header)
        except asyncio.CancelledError:  # the broker may have it nevertheless
            await self._clean_up()
            raise
        try:
            await group_api.put_group(
                self._session, self.broker.address, {"groupName": self.group, "consumeEnable": True, "retryMaxTimes": 0}
            )
        except (RocketMQError, asyncio.CancelledError):
            await self._clean_up()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.stop()
        if not self._wanted.keep:
            await self._clean_up()

    async def run(self) -> None:
        """Send everything, and wait until it has come or its time is over."""
        queues = range(self._wanted.queues)
        begins = [await offset_api.max_offset(self._session, self.broker.address, self.topic, q) for q in queues]
        for queue_id, begin in zip(queues, begins, strict=True):
            self._tasks.start(self._receive(queue_id, begin), f"receiving from {self.topic} {queue_id}")
        await asyncio.sleep(0)  # the pulls are written before the first message
        for number in range(self._wanted.messages):
            for queue_id in queues:
                await self._send(queue_id, number, 0)
        if self._delay_ms is not None:
            await self._send(0, self._wanted.messages, self._delay_ms)
        self._look_whether_all_is_there()
        try:
            async with asyncio.timeout((self._wanted.wait_ms + (self._delay_ms or 0)) / 1000):
                await self._all_there.wait()
        except TimeoutError:
            pass
        await self._tasks.stop()
        self._sum_up()
        await self._ask_stages()

    @property
    def missing(self) -> list[Sent]:
        """What was stored, or so the broker says, and has not come."""
        return [message for message in self.messages if message.result is not None and not message.arrivals]

    @property
    def failed(self) -> list[Sent]:
        """What the broker did not take."""
        return [message for message in self.messages if message.result is None]

    async def _send(self, queue_id: int, number: int, delay_ms: int) -> None:
        body = f"{self._mark} {queue_id} {number} ".encode()
        body += b"." * (self._wanted.size - len(body))
        level = self._wanted.delay_level if delay_ms else 0
        asking = {PROPERTY_STAGES: "1"} if self.notes_stages and not level else {}
        message = Message(self.topic, body, delay_time_level=level, properties=asking)
        outgoing = prepare(message, self._ids.create(), SendSettings(compress_over=len(body) + 1))
        sent = Sent(
            queue_id=queue_id, number=number, delay_ms=delay_ms, sent_at=time.perf_counter(), sent_wall_ms=now_ms()
        )
        self._by_body[body] = sent
        self.messages.append(sent)
        try:
            queue = MessageQueue(self.topic, self.broker_name, queue_id)
            sent.result = await send(self._session, self.broker.address, outgoing, self.group, queue)
        except RocketMQError as error:
            sent.error = error
        sent.send_ms = (time.perf_counter() - sent.sent_at) * 1000

    async def _receive(self, queue_id: int, offset: int) -> None:
        """Pull until cancelled. A broker that fails is asked again: what came in between is still there."""
        while True:
            header = self.pull_header(queue_id, offset, _PULL_FLAGS, _SUSPEND_MS)
            try:
                pulled = await pull(
                    self._session, self.broker.address, header, self.broker_name, _SUSPEND_MS + self._session.timeout_ms
                )
            except RocketMQError:
                await asyncio.sleep(0.1)
                continue
            arrived = time.perf_counter()
            for message in pulled.messages:
                self._note(message, arrived)
            offset = pulled.following
            self._look_whether_all_is_there()

    def pull_header(self, queue_id: int, offset: int, flags: int, suspend_ms: int) -> PullMessageRequestHeader:
        """A pull of the prober's queue."""
        return PullMessageRequestHeader(
            consumer_group=self.group,
            topic=self.topic,
            queue_id=queue_id,
            queue_offset=offset,
            max_msg_nums=_PULL_NUMS,
            sys_flag=flags,
            commit_offset=0,
            suspend_timeout_millis=suspend_ms,
            subscription="*",
            sub_version=0,
            expression_type="TAG",
            bname=self.broker_name,
        )

    def _note(self, message: MessageExt, arrived: float) -> None:
        sent = self._by_body.get(message.body)
        if sent is None:  # of a run before
            return
        if not sent.arrivals:
            self._arrived.append(sent)
        sent.arrivals = [*sent.arrivals, arrived]
        sent.store_timestamp = message.store_timestamp

    def _look_whether_all_is_there(self) -> None:
        expected = self._wanted.messages * self._wanted.queues + (self._delay_ms is not None)
        if len(self.messages) == expected and not self.missing and all(m.result or m.error for m in self.messages):
            self._all_there.set()

    def _sum_up(self) -> None:
        trip, prompt = self.trip, [message for message in self.messages if not message.delay_ms]
        trip.sent = len(self.messages)
        trip.stored = sum(message.result is not None for message in self.messages)
        trip.received = sum(bool(message.arrivals) for message in self.messages)
        trip.duplicates = sum(max(len(message.arrivals) - 1, 0) for message in self.messages)
        trip.out_of_order = _out_of_order([message for message in self._arrived if not message.delay_ms])
        statuses: dict[str, int] = {}
        for message in self.messages:
            status = str(message.result.status) if message.result is not None else "FAILED"
            statuses[status] = statuses.get(status, 0) + 1
        trip.statuses = statuses
        trip.send_ms = [round(message.send_ms, 3) for message in self.messages if message.result is not None]
        came = [message for message in prompt if message.arrivals]
        trip.delivery_ms = [round((message.arrivals[0] - message.sent_at) * 1000, 3) for message in came]
        for message in self.messages:
            if message.delay_ms and message.arrivals:
                trip.delay_error_ms = round((message.arrivals[0] - message.sent_at) * 1000 - message.delay_ms, 3)
        if came:
            trip.clock_difference_ms = _clock_difference(min(came, key=lambda message: message.send_ms))
        for message in came:
            message.store_ms = _until_stored(message, trip.clock_difference_ms or 0.0)
        trip.store_ms = [message.store_ms for message in came]

    async def _ask_stages(self) -> None:
        """Where the time of the messages went: by what the broker has noted, else by what can be seen from outside."""
        times: StageTable = {}
        if self.notes_stages is not None:
            try:
                table = await runtime_info(self._session, self.broker.address, stages_of=self.topic)
                _, _, times = split_stage_keys(table)
            except RocketMQError:  # of a broker that stops answering, the findings say more
                pass
        prompt = [message for message in self.messages if not message.delay_ms]
        self.trip.stages = bar_of_slowest(prompt, times, sync_flush=self.notes_stages == "SYNC_FLUSH")
        self.trip.stage_times = noted(prompt, times)

    async def _clean_up(self) -> None:
        """Delete the topic on the broker and the name servers, and the group."""
        session, address = self._session, self.broker.address
        left: list[tuple[str, RocketMQError]] = []
        try:
            await topic_api.delete_topic(session, address, self.topic)
            cluster = self.broker.cluster or ""
            routes = await self._admin.fan_out(
                self._name_servers,
                lambda name_server: topic_api.delete_route(session, name_server, self.topic, cluster),
            )
            left += routes.errors.items()
        except RocketMQError as error:
            left.append((address, error))
        try:
            await group_api.delete_group(session, address, self.group, remove_offset=True)
        except RocketMQError as error:
            left.append((address, error))
        self.left = [
            Failure(target, f"cannot clean up after the probe: {error.cause}", "the next run does it")
            for target, error in left
        ]


def _out_of_order(arrived: list[Sent]) -> int:
    """How many messages came after one of their queue that was sent later."""
    highest: dict[int, int] = {}
    count = 0
    for message in arrived:
        if message.number < highest.get(message.queue_id, -1):
            count += 1
        highest[message.queue_id] = max(message.number, highest.get(message.queue_id, -1))
    return count


def _until_stored(message: Sent, clock_difference_ms: float) -> float:
    """How long after its send a message was in the broker's log (ms), by its record's time, which is whole ms.

    It lies within the time of the send, whatever else the clocks say. Where they differ, it is out by as much as the
    shortest send at most, for within that the difference is not known.
    """
    stored = (message.store_timestamp or message.sent_wall_ms) - message.sent_wall_ms - clock_difference_ms
    return round(min(max(stored, 0.0), message.send_ms), 3)


def _clock_difference(message: Sent) -> float | None:
    """How far the broker's clock is ahead of ours (ms, negative: behind), as far as the time of the send allows to say.

    The store time lies between the request and its answer; what is within them is no difference.
    """
    if message.store_timestamp is None:
        return None
    begin, end = message.sent_wall_ms, message.sent_wall_ms + message.send_ms
    if message.store_timestamp > end:
        return round(message.store_timestamp - end, 3)
    return round(min(message.store_timestamp - begin, 0.0), 3)
