"""Messages: by id, key, unique key and queue offset, scanning queues, consumequeue units, and who has consumed one.

Results and requests are in `message_results.py`, sending in `message_send.py`. A scan is bounded and moves no offsets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ...common.addresses import format_address, parse_address, resolve_host
from ...common.errors import RocketMQError
from ...common.message_codec import decode_message_id, decode_messages
from ...remoting.codes import RequestCode, ResponseCode
from ...remoting.command import RemotingCommand
from .acl import UNIQUE_KEY_QUERY
from .errors import AdminError, AllFailedError, NotFoundError
from .fanout import Failure, failure_of
from .message_results import (
    ConsumeQueueReport,
    MessageTrack,
    MessageView,
    QueueScan,
    ScanReport,
    ScanRequest,
    consume_queue_report,
    key_filter,
    tag_filter,
)
from .topic import broker_address, broker_addresses

if TYPE_CHECKING:
    from ...common.message import MessageExt, MessageQueue
    from .core import MQAdmin
    from .message_send import SendReport, SendRequest

LONG_MAX = (1 << 63) - 1
PULL_BATCH = 32
_SUBSCRIPTION_FLAG = 4  # PullSysFlag: the expression is in the request, no heartbeat needed


class MessageAdmin:
    """Calls about messages."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def by_id(self, topic: str, msg_id: str, cluster: str | None = None) -> MessageExt:
        """A message by offset message id, else by unique key. Raises NotFoundError.

        Both are 32 hex digits for IPv4, so the id is read as an offset id only when it names a registered broker;
        a unique key would else lead to a connection to an arbitrary address.
        """
        address: str | None = None
        try:
            host, port, offset = decode_message_id(msg_id)
        except RocketMQError:
            offset = 0
        else:
            address = await self._registered_at(host, port)
        if address is not None:
            found = await self.view_at(address, offset, topic)
            if found is not None:
                return found
        matches = await self.by_unique_key(topic, msg_id, cluster)
        if not matches:
            raise NotFoundError(
                f"no message '{msg_id}' in topic '{topic}'",
                "check id and topic; it may have expired, or its broker may not be registered now",
            )
        return matches[0]

    async def _registered_at(self, host: str, port: int) -> str | None:
        """The registered address of the broker with this numeric address: its own, or a name that stands for it."""
        wanted = format_address(host, port)
        addresses = [broker.address for broker in await self._admin.cluster.brokers()]
        if wanted in addresses:
            return wanted
        for address in addresses:
            with suppress(RocketMQError):
                name, its_port = parse_address(address)
                if its_port == port and await asyncio.to_thread(resolve_host, name) == host:
                    return address
        return None

    async def view_at(self, address: str, offset: int, topic: str | None = None) -> MessageExt | None:
        """The message at a commitlog offset (bytes) of one broker, None when there is none."""
        from ...remoting.headers import ViewMessageRequestHeader

        header = ViewMessageRequestHeader(topic=topic, offset=offset)
        request = RemotingCommand.request(RequestCode.VIEW_MESSAGE_BY_ID, header)
        answer = await self._admin.call(address, request, accept=(ResponseCode.SUCCESS, ResponseCode.SYSTEM_ERROR))
        if answer.code != ResponseCode.SUCCESS:
            return None
        return next(iter(decode_messages(answer.body_bytes)), None)

    async def query(
        self,
        topic: str,
        key: str,
        *,
        begin: int = 0,
        end: int = LONG_MAX,
        max_num: int = 64,
        cluster: str | None = None,
        unique: bool = False,
    ) -> tuple[list[MessageExt], list[Failure]]:
        """Messages of `topic` with `key` (or unique key), stored between `begin` and `end` (ms), by store time.

        The index holds hashes only, so what the broker returns is checked against the whole key. Raises AllFailedError.
        """
        is_lmq = topic.startswith("%LMQ%")
        route = await self._admin.topics.route_data(cluster if is_lmq and cluster else topic)
        brokers = {
            address: data.broker_name
            for data in route.broker_datas
            if (is_lmq or not cluster or data.cluster == cluster) and (address := broker_address(data)) is not None
        }
        if not brokers:
            raise NotFoundError(f"cluster '{cluster}' does not hold topic '{topic}'", "see `mqadmin topicClusterList`")
        asked = cluster if is_lmq and cluster else topic

        async def one(address: str) -> list[MessageExt]:
            return await self._query_at(address, brokers[address], asked, key, begin, end, max_num, unique)

        fan = await self._admin.fan_out(brokers, one)
        fan.require_some(f"searching {topic}")
        matches = key_filter(topic, key, unique, is_lmq)
        found = [message for messages in fan.answers.values() for message in messages if matches(message)]
        return sorted(found, key=lambda message: (message.store_timestamp, message.commit_log_offset)), fan.failures

    async def _query_at(
        self, address: str, broker_name: str, topic: str, key: str, begin: int, end: int, max_num: int, unique: bool
    ) -> list[MessageExt]:
        from ...remoting.headers import QueryMessageRequestHeader

        header = QueryMessageRequestHeader(
            topic=topic, key=key, max_num=max_num, begin_timestamp=begin, end_timestamp=end
        )
        request = RemotingCommand.request(RequestCode.QUERY_MESSAGE, header)
        request.ext_fields = {UNIQUE_KEY_QUERY: "true" if unique else "false"}
        answer = await self._admin.call(
            address,
            request,
            timeout_ms=self._admin.timeout_ms * 3,
            accept=(ResponseCode.SUCCESS, ResponseCode.QUERY_NOT_FOUND),
        )
        if answer.code != ResponseCode.SUCCESS:
            return []
        return list(decode_messages(answer.body_bytes, broker_name=broker_name))

    async def by_unique_key(self, topic: str, key: str, cluster: str | None = None) -> list[MessageExt]:
        """The messages (at most 32) that a producer gave this unique key, by store time."""
        found, failures = await self.query(topic, key, max_num=32, cluster=cluster, unique=True)
        if not found and failures:
            # Not found on some brokers and others not asked: that is not "there is none".
            causes: dict[str, RocketMQError] = {f.target: RocketMQError(f.cause, f.next_step) for f in failures}
            raise AllFailedError("not found where it could be searched, and searching elsewhere", causes)
        return found

    async def at(self, topic: str, broker_name: str, queue_id: int, offset: int) -> MessageExt:
        """The message at a queue offset. Raises NotFoundError, saying what offsets there are."""
        address = (await self._admin.cluster.by_name(broker_name)).address
        request = ScanRequest(topic=topic, limit=1)
        messages, _, low, high = await self._pull(address, request, broker_name, queue_id, offset, 1)
        if not messages:
            raise NotFoundError(
                f"queue {queue_id} of topic '{topic}' on {broker_name} has no message at offset {offset}",
                f"its offsets are {low} to {high - 1}" if high > low else "the queue is empty",
            )
        return messages[0]

    async def _pull(
        self, address: str, wanted: ScanRequest, broker_name: str, queue_id: int, offset: int, count: int
    ) -> tuple[list[MessageExt], int, int, int]:
        """(messages, next offset, min offset, max offset) of one pull that does not wait for new messages."""
        from ...remoting.headers import PullMessageRequestHeader, PullMessageResponseHeader

        header = PullMessageRequestHeader(
            consumer_group=wanted.group,
            topic=wanted.topic,
            queue_id=queue_id,
            queue_offset=offset,
            max_msg_nums=count,
            sys_flag=_SUBSCRIPTION_FLAG,
            commit_offset=0,
            suspend_timeout_millis=0,
            subscription=wanted.expression,
            sub_version=0,
            expression_type="TAG",
            bname=broker_name,
        )
        answer = await self._admin.call(
            address,
            RemotingCommand.request(RequestCode.PULL_MESSAGE, header),
            accept=(
                ResponseCode.SUCCESS,
                ResponseCode.PULL_NOT_FOUND,
                ResponseCode.PULL_RETRY_IMMEDIATELY,
                ResponseCode.PULL_OFFSET_MOVED,
            ),
        )
        told = answer.decode_header(PullMessageResponseHeader)
        found: list[MessageExt] = []
        if answer.code == ResponseCode.SUCCESS:
            found = list(decode_messages(answer.body_bytes, broker_name=broker_name))
        return found, told.next_begin_offset, told.min_offset, told.max_offset

    async def queues(self, topic: str, route_topic: str | None = None) -> dict[MessageQueue, str]:
        """The readable queues of a topic with the address of their broker, sorted."""
        from ...common.message import MessageQueue
        from ...common.permission import PERM_READ

        route = await self._admin.topics.route_data(route_topic or topic)
        addresses = {data.broker_name: broker_address(data) for data in route.broker_datas}
        found: dict[MessageQueue, str] = {}
        for data in sorted(route.queue_datas, key=lambda item: item.broker_name):
            address = addresses.get(data.broker_name)
            if address is not None and data.perm & PERM_READ:
                for queue_id in range(data.read_queue_nums):
                    found[MessageQueue(topic, data.broker_name, queue_id)] = address
        return found

    async def scan(self, wanted: ScanRequest, keep: Callable[[MessageExt], MessageView]) -> ScanReport:
        """Read queues one after the other until `limit` messages. Raises NotFoundError, AllFailedError."""
        queues = await self.queues(wanted.topic, wanted.route_topic)
        chosen = {
            queue: address
            for queue, address in queues.items()
            if wanted.broker_name in (None, queue.broker_name) and wanted.queue_id in (None, queue.queue_id)
        }
        if not chosen:
            where = f" {wanted.queue_id} on {wanted.broker_name}" if wanted.queue_id is not None else ""
            raise NotFoundError(
                f"topic '{wanted.topic}' has no readable queue{where}", f"see `mqadmin topicRoute -t {wanted.topic} -l`"
            )
        report = ScanReport([], [])
        errors: dict[str, RocketMQError] = {}
        for queue, address in chosen.items():
            left = wanted.limit - len(report.messages)
            try:
                await self._scan_queue(queue, address, wanted, left, keep, report)
            except RocketMQError as error:
                name = f"{queue.broker_name} queue {queue.queue_id}"
                errors[name] = error
                report.failures.append(failure_of(name, error))
        if errors and not report.queues:
            raise AllFailedError(f"reading {wanted.topic}", errors)
        return report

    async def _scan_queue(
        self,
        queue: MessageQueue,
        address: str,
        wanted: ScanRequest,
        left: int,
        keep: Callable[[MessageExt], MessageView],
        report: ScanReport,
    ) -> None:
        offsets = self._admin.offsets
        low = await offsets.min_offset(address, queue.topic, queue.queue_id)
        high = await offsets.max_offset(address, queue.topic, queue.queue_id)
        begin, end = low, high
        if wanted.begin_timestamp is not None:
            begin = await offsets.by_time(address, queue.topic, queue.queue_id, wanted.begin_timestamp)
        if wanted.end_timestamp is not None:
            end = await offsets.by_time(address, queue.topic, queue.queue_id, wanted.end_timestamp + 1)
        begin = max(begin, wanted.begin_offset or 0, low)
        scan = QueueScan(queue.topic, queue.broker_name, queue.queue_id, low, high, begin, min(end, high))
        report.queues.append(scan)
        matches = tag_filter(wanted.expression)
        offset = begin
        while offset < scan.end_offset:
            if scan.messages >= left:
                report.truncated = True
                return
            found, following, _, _ = await self._pull(
                address, wanted, queue.broker_name, queue.queue_id, offset, PULL_BATCH
            )
            for message in found:
                if message.queue_offset >= scan.end_offset or not matches(message):
                    continue
                if scan.messages >= left:
                    report.truncated = True
                    return
                report.messages.append(keep(message))
                scan.messages += 1
            if following <= offset:  # nothing there and nowhere to go: a queue that is being cleaned
                return
            offset = following

    async def track(self, message: MessageExt) -> list[MessageTrack]:
        """Whether each group that consumes the topic has consumed this message (messageTrackDetail)."""
        groups = await self._admin.topics.groups(message.topic)
        fan = await self._admin.fan_out(groups, lambda group: self._track_one(message, group))
        return [fan.answers.get(group) or MessageTrack(group, "UNKNOWN", str(fan.errors[group])) for group in groups]

    async def _track_one(self, message: MessageExt, group: str) -> MessageTrack:
        known = await self._admin.clients.group_brokers(group)
        try:
            online = await self._admin.clients.consumers(group)
        except NotFoundError as error:
            return MessageTrack(group, "NOT_ONLINE", str(error))
        if online.consume_type == "CONSUME_ACTIVELY":
            return MessageTrack(group, "PULL")
        if online.message_model == "BROADCASTING":
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
        from ...remoting.bodies import QueryConsumeQueueResponseBody
        from ...remoting.headers import QueryConsumeQueueRequestHeader

        if broker_addr is None:
            broker_addr = broker_addresses(await self._admin.topics.route_data(topic))[0]
        header = QueryConsumeQueueRequestHeader(
            topic=topic, queue_id=queue_id, index=index, count=count, consumer_group=group
        )
        request = RemotingCommand.request(RequestCode.QUERY_CONSUME_QUEUE, header)
        try:
            answer = await self._admin.call(broker_addr, request)
        except AdminError as error:
            if error.code != ResponseCode.SYSTEM_ERROR or not error.remark.endswith("is not exist!"):
                raise
            raise NotFoundError(
                f"{broker_addr} has no queue {queue_id} of topic '{topic}', or nothing was ever put into it",
                f"see `mqadmin topicStatus -t {topic}` for the queues and their offsets",
            ) from None
        if not answer.body_bytes:  # what Apache's broker answers beyond the end of a queue
            raise NotFoundError(
                f"queue {queue_id} of topic '{topic}' on {broker_addr} has no unit at {index}",
                f"see `mqadmin topicStatus -t {topic}` for its offsets",
            )
        body = QueryConsumeQueueResponseBody.decode(answer.body_bytes)
        return consume_queue_report(broker_addr, index, body)

    async def send(self, wanted: SendRequest) -> SendReport:
        """Send one message; see `message_send.send`."""
        from .message_send import send

        return await send(self._admin, wanted)

    async def send_trace(self, wanted: SendRequest, sent: SendReport) -> SendReport:
        """Send the trace of a message that was sent; see `message_send.send_trace`."""
        from .message_send import send_trace

        return await send_trace(self._admin, wanted, sent)
