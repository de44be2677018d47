"""Messages: by id, key, unique key and queue offset, consumequeue units, and who has consumed one.

Results and requests are in `message_results.py`, scanning queues in `message_scan.py`, sending in `message_send.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from rocketmq_ops.client.admin.messages.message_results import (
    ConsumeQueueReport,
    KeyKind,
    MessageTrack,
    MessageView,
    ScanReport,
    ScanRequest,
    consume_queue_report,
    key_filter,
    tag_filter,
)
from rocketmq_ops.client.admin.messages.message_scan import MessageScan, damaged, pull_at_once, was_removed
from rocketmq_ops.client.admin.topics.topic import broker_address, broker_addresses
from rocketmq_ops.client.api.messages import consume_queue, query_messages, view_message
from rocketmq_ops.client.errors import BrokerError, NotFoundError
from rocketmq_ops.common.addresses import format_address, parse_address, resolve_host
from rocketmq_ops.common.errors import AllFailedError, Failure, RocketMQError, See
from rocketmq_ops.common.javatypes import LONG_MAX
from rocketmq_ops.common.message import PROPERTY_INNER_MULTI_DISPATCH, PROPERTY_REAL_TOPIC, PROPERTY_RETRY_TOPIC
from rocketmq_ops.common.message_codec import decode_message_id
from rocketmq_ops.common.topics import TRACE_TOPIC, is_lmq_topic
from rocketmq_ops.remoting.bodies.enums import BROADCASTING, CONSUME_ACTIVELY
from rocketmq_ops.remoting.codes import ResponseCode

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.client.admin.messages.message_send import Routed, SendReport, SendRequest
    from rocketmq_ops.client.admin.messages.trace import MessageTraces
    from rocketmq_ops.common.message import MessageExt, MessageQueue


_INDEX_PRECISION_MS = 1000


class MessageAdmin:
    """Calls about messages."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def by_id(self, topic: str, msg_id: str, cluster: str | None = None) -> MessageExt:
        """A message by offset message id, else by unique key. Raises NotFoundError.

        Both are 32 hex digits for IPv4, so the id is read as an offset id only when it names a registered broker;
        a unique key would else lead to a connection to an arbitrary address. A message of another topic is not it.
        """
        try:
            host, port, offset = decode_message_id(msg_id)
        except RocketMQError:
            offset, holder = 0, None
        else:
            holder = await self._registered_at(host, port)
        if holder is not None:
            if cluster not in (None, holder.cluster) and not is_lmq_topic(topic):
                raise NotFoundError(
                    f"the id '{msg_id}' is of broker {holder} in cluster '{holder.cluster}', not in '{cluster}'",
                    f"give the cluster '{holder.cluster}', or none",
                )
            found = await self.view_at(holder.address, offset, topic)
            if found is not None:
                if topic not in _topics_of(found):
                    raise NotFoundError(
                        f"the message '{msg_id}' is of topic '{found.topic}', not of '{topic}'",
                        f"give the topic '{found.topic}' to see it",
                    )
                return found
        matches = await self.by_unique_key(topic, msg_id, cluster)
        if not matches:
            raise NotFoundError(
                f"no message '{msg_id}' in topic '{topic}'",
                "check id and topic; it may have expired, or its broker may not be registered now",
            )
        return matches[0]

    async def _registered_at(self, host: str, port: int) -> BrokerAddress | None:
        """The registered broker with this numeric address: its own, or a name that stands for it."""
        wanted = format_address(host, port)
        brokers = await self._admin.cluster.brokers()
        for broker in brokers:
            if broker.address == wanted:
                return broker
        for broker in brokers:
            with suppress(RocketMQError):
                name, its_port = parse_address(broker.address)
                if its_port == port and await asyncio.to_thread(resolve_host, name) == host:
                    return broker
        return None

    async def view_at(self, address: str, offset: int, topic: str | None = None) -> MessageExt | None:
        """The message at a commitlog offset (bytes) of one broker, None when there is none."""
        found, broken = await view_message(self._admin.session, address, offset, topic)
        if broken is not None and not found:
            raise damaged(f"{address} has no whole message at commitlog offset {offset}: {broken}")
        return next(iter(found), None)

    async def query(
        self,
        topic: str,
        key: str,
        *,
        begin: int = 0,
        end: int = LONG_MAX,
        max_num: int = 64,
        cluster: str | None = None,
        kind: KeyKind = "K",
        last_key: str | None = None,
    ) -> tuple[list[MessageExt], list[Failure]]:
        """Messages of `topic` with `key`, stored from `begin` to `end` (ms, both count), by store time.

        `kind`: `key` is a key (K), a unique key (U) or a tag (T, which brokers index since 5.4). `last_key`: go on
        behind this index key, where the broker has its index in RocksDB (5.4 and later; others pay no heed).

        The index holds hashes and, relative to the first entry of its file, seconds: what the broker returns is checked
        against the whole key and the message's own time. Raises AllFailedError.
        """
        from rocketmq_ops.remoting.headers import QueryMessageRequestHeader

        is_lmq = is_lmq_topic(topic)
        route = await self._admin.topics.route_data(cluster if is_lmq and cluster else topic)
        brokers = {
            address: data.broker_name
            for data in route.broker_datas
            if (is_lmq or not cluster or data.cluster == cluster) and (address := broker_address(data)) is not None
        }
        if not brokers:
            raise NotFoundError(f"cluster '{cluster}' does not hold topic '{topic}'", see=See("topics.clusters", topic))
        asked = cluster if is_lmq and cluster else topic

        begun = max(begin - _INDEX_PRECISION_MS, 0)

        async def one(address: str) -> tuple[list[MessageExt], str | None]:
            header = QueryMessageRequestHeader(
                topic=asked,
                key=key,
                max_num=max_num,
                begin_timestamp=begun,
                end_timestamp=end,
                index_type=kind if kind == "T" else None,
                last_key=last_key,
            )
            return await query_messages(self._admin.session, address, header, brokers[address], unique=kind == "U")

        fan = await self._admin.fan_out(brokers, one)
        fan.require_some(f"searching {topic}")
        matches = key_filter(topic, key, kind, is_lmq)
        found = [
            message
            for messages, _ in fan.answers.values()
            for message in messages
            if matches(message) and begin <= message.store_timestamp <= end
        ]
        failures = fan.failures
        for address, (_, broken) in fan.answers.items():
            if broken is not None:
                cause = f"what the index names there cannot all be read: {broken}"
                failures.append(self._admin.failure_of(address, damaged(cause)))
        return sorted(found, key=lambda message: (message.store_timestamp, message.commit_log_offset)), failures

    async def by_unique_key(
        self, topic: str, key: str, cluster: str | None = None, *, begin: int = 0, end: int = LONG_MAX
    ) -> list[MessageExt]:
        """The messages (at most 32) that a producer gave this unique key, from `begin` to `end` (ms), by time."""
        found, failures = await self.query(topic, key, max_num=32, begin=begin, end=end, cluster=cluster, kind="U")
        if not found and failures:
            # Not found on some brokers and others not asked: that is not "there is none".
            causes: dict[str, RocketMQError] = {f.target: RocketMQError(f.cause, f.next_step) for f in failures}
            raise AllFailedError("not found where it could be searched, and searching elsewhere", causes)
        return found

    async def at(
        self, topic: str, broker_name: str, queue_id: int, offset: int, route_topic: str | None = None
    ) -> MessageExt:
        """The message at a queue offset. Raises NotFoundError, saying what offsets there are; CorruptDataError.

        `route_topic`: the broker is looked for in this topic's route.
        """
        address = await self._address_of(broker_name, route_topic)
        request = ScanRequest(topic=topic, limit=1)
        pulled = await pull_at_once(self._admin, address, request, broker_name, queue_id, offset, 1)
        for message in pulled.messages:
            if message.queue_offset == offset or is_lmq_topic(topic):
                return message
        where = f"queue {queue_id} of topic '{topic}' on {broker_name}"
        if pulled.broken is not None or (was_removed(pulled) and pulled.low <= offset < pulled.high):
            raise damaged(f"the message at offset {offset} of {where} cannot be read: {pulled.broken or pulled.remark}")
        has = f"its offsets are {pulled.low} to {pulled.high - 1}" if pulled.high > pulled.low else "the queue is empty"
        if pulled.messages:
            has += f"; the next message is at {pulled.messages[0].queue_offset}"
        raise NotFoundError(f"{where} has no message at offset {offset}", has)

    async def _address_of(self, broker_name: str, route_topic: str | None) -> str:
        if route_topic is None:
            return (await self._admin.cluster.by_name(broker_name)).address
        for data in (await self._admin.topics.route_data(route_topic)).broker_datas:
            address = broker_address(data)
            if data.broker_name == broker_name and address is not None:
                return address
        raise NotFoundError(
            f"the broker '{broker_name}' does not hold topic '{route_topic}'", see=See("topics.route", route_topic)
        )

    async def queues(self, topic: str, route_topic: str | None = None) -> dict[MessageQueue, str]:
        """The readable queues of a topic with the address of their broker, sorted."""
        from rocketmq_ops.common.message import MessageQueue
        from rocketmq_ops.common.permission import PERM_READ

        route = await self._admin.topics.route_data(route_topic or topic)
        addresses = {data.broker_name: broker_address(data) for data in route.broker_datas}
        found: dict[MessageQueue, str] = {}
        for data in sorted(route.queue_datas, key=lambda item: item.broker_name):
            address = addresses.get(data.broker_name)
            if address is not None and data.perm & PERM_READ:
                for queue_id in range(data.read_queue_nums):
                    found[MessageQueue(topic, data.broker_name, queue_id)] = address
        return found

    async def scan(self, wanted: ScanRequest, keep: Callable[[MessageExt], MessageView | None]) -> ScanReport:
        """Read queues one after the other until `limit` messages. Raises NotFoundError, AllFailedError.

        What `keep` makes of a message is in the report; nothing of one for which it returns None, but it counts.
        """
        queues = await self.queues(wanted.topic, wanted.route_topic)
        return await MessageScan(self._admin, wanted, keep).run(queues)

    async def traces(
        self,
        msg_id: str,
        *,
        trace_topic: str = TRACE_TOPIC,
        begin: int = 0,
        end: int = LONG_MAX,
        max_num: int = 64,
    ) -> MessageTraces:
        """What clients traced of a message; see `trace.traces`."""
        from rocketmq_ops.client.admin.messages.trace import traces

        return await traces(self._admin, msg_id, trace_topic=trace_topic, begin=begin, end=end, max_num=max_num)

    async def track(self, message: MessageExt, groups: list[str] | None = None) -> list[MessageTrack]:
        """Whether each of `groups`, else of those that brokers list for the topic, has consumed this message
        (messageTrackDetail)."""
        if groups is None:
            groups = await self._admin.topics.groups(message.topic)
        fan = await self._admin.fan_out(groups, lambda group: self._track_one(message, group))
        return [fan.answers.get(group) or MessageTrack(group, "UNKNOWN", fan.errors[group].cause) for group in groups]

    async def _track_one(self, message: MessageExt, group: str) -> MessageTrack:
        known = await self._admin.clients.group_brokers(group)
        try:
            online = await self._admin.clients.consumers(group)
        except NotFoundError as error:
            return MessageTrack(group, "NOT_ONLINE", str(error))
        if online.consume_type == CONSUME_ACTIVELY:
            return MessageTrack(group, "PULL")
        if online.message_model == BROADCASTING:
            return MessageTrack(group, "CONSUME_BROADCASTING")
        holder = format_address(*message.store_host)
        for address in [holder] if holder in known else known:
            stats = await self._admin.groups.stats_at(address, group, message.topic)
            for queue, offsets in stats.offset_table.items():
                if queue.queue_id == message.queue_id and message.broker_name in (None, queue.broker_name):
                    if offsets.consumer_offset <= message.queue_offset:
                        return MessageTrack(group, "NOT_CONSUME_YET")
                    wanted = {s.topic: s.sub_string for s in online.subscriptions}.get(message.topic, "*")
                    passed = tag_filter(wanted)(message)
                    return MessageTrack(group, "CONSUMED" if passed else "CONSUMED_BUT_FILTERED")
        return MessageTrack(group, "UNKNOWN", "the group has no offset for the queue of this message")

    async def consume_queue(
        self, topic: str, queue_id: int, index: int, count: int, broker_addr: str | None, group: str | None
    ) -> ConsumeQueueReport:
        """Units of a consumequeue from `index`. Without an address the topic's first broker is asked."""
        from rocketmq_ops.remoting.headers import QueryConsumeQueueRequestHeader

        if broker_addr is None:
            broker_addr = broker_addresses(await self._admin.topics.route_data(topic))[0]
        header = QueryConsumeQueueRequestHeader(
            topic=topic, queue_id=queue_id, index=index, count=count, consumer_group=group
        )
        try:
            body = await consume_queue(self._admin.session, broker_addr, header)
        except BrokerError as error:
            if error.code != ResponseCode.SYSTEM_ERROR or not error.remark.endswith("is not exist!"):
                raise
            raise NotFoundError(
                f"{broker_addr} has no queue {queue_id} of topic '{topic}', or nothing was ever put into it",
                "look at its queues and their offsets",
                see=See("topics.status", topic),
            ) from None
        if body is None:
            raise NotFoundError(
                f"queue {queue_id} of topic '{topic}' on {broker_addr} has no unit at {index}",
                "look at its offsets",
                see=See("topics.status", topic),
            )
        return consume_queue_report(broker_addr, index, body)

    async def send(self, wanted: SendRequest, routed: Routed | None = None) -> SendReport:
        """Send one message; see `message_send.send`."""
        from rocketmq_ops.client.admin.messages.message_send import send

        return await send(self._admin, wanted, routed)

    async def send_route(self, topic: str) -> Routed:
        """What `send` finds a queue with, for several messages of a topic; see `message_send.route_or_template`."""
        from rocketmq_ops.client.admin.messages.message_send import route_or_template

        return await route_or_template(self._admin, topic)

    async def send_trace(self, wanted: SendRequest, sent: SendReport) -> SendReport:
        """Send the trace of a message that was sent; see `message_send.send_trace`."""
        from rocketmq_ops.client.admin.messages.message_send import send_trace

        return await send_trace(self._admin, wanted, sent)


def _topics_of(message: MessageExt) -> set[str]:
    """The topics that a message is of: where it is stored, was sent to, waits for, and the light queues it is in."""
    properties = message.properties
    named = (properties.get(name) for name in (PROPERTY_REAL_TOPIC, PROPERTY_RETRY_TOPIC))
    light = (properties.get(PROPERTY_INNER_MULTI_DISPATCH) or "").split(",")
    return {message.topic, *filter(None, (*named, *light))}
