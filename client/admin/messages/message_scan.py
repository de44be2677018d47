"""Scanning the queues of a topic, message by message: bounded, moves no offsets, and names what could not be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rocketmq_ops.client.admin.messages.message_results import (
    MessageView,
    QueueScan,
    ScanReport,
    ScanRequest,
    SkippedRange,
    tag_filter,
)
from rocketmq_ops.client.api.pull import Pulled, pull
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import AllFailedError, CorruptDataError, RocketMQError, See
from rocketmq_ops.common.sysflag import pull_sys_flag
from rocketmq_ops.common.topics import is_lmq_topic

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.common.message import MessageExt, MessageQueue

#: Messages that one pull asks for.
PULL_BATCH: Final = 32
#: The expression is in the request, no heartbeat needed.
_PULL_FLAGS: Final = pull_sys_flag(commit_offset=False, suspend=False, subscription=True)
_GAP: Final = "the broker passes over them"
_STORE_CHECK: Final = See("store.inspect.check")
#: Pulls behind an offset until a message says what time it is there.
_PROBES: Final = 8


class MessageScan:
    """One scan: reads `queues` one after the other; what `keep` makes of a message is in the report."""

    def __init__(self, admin: MQAdmin, wanted: ScanRequest, keep: Callable[[MessageExt], MessageView | None]) -> None:
        self._admin = admin
        self._wanted = wanted
        self._keep = keep
        self.report = ScanReport([], [])

    async def run(self, queues: dict[MessageQueue, str]) -> ScanReport:
        """Scan those of `queues` (with the address of their broker) that are wanted.

        Raises NotFoundError, AllFailedError.
        """
        wanted, report = self._wanted, self.report
        chosen = {
            queue: address
            for queue, address in queues.items()
            if wanted.broker_name in (None, queue.broker_name) and wanted.queue_id in (None, queue.queue_id)
        }
        if not chosen:
            where = f" {wanted.queue_id} on {wanted.broker_name}" if wanted.queue_id is not None else ""
            raise NotFoundError(
                f"topic '{wanted.topic}' has no readable queue{where}", see=See("topics.route", wanted.topic)
            )
        errors: dict[str, RocketMQError] = {}
        for queue, address in chosen.items():
            left = wanted.limit - sum(scan.messages for scan in report.queues)
            try:
                await self._scan_queue(queue, address, left)
            except RocketMQError as error:
                name = f"{queue.broker_name} queue {queue.queue_id}"
                errors[name] = error
                report.failures.append(self._admin.failure_of(name, error))
        if errors and not report.queues:
            raise AllFailedError(f"reading {wanted.topic}", errors)
        return report

    async def _scan_queue(self, queue: MessageQueue, address: str, left: int) -> None:
        wanted, report = self._wanted, self.report
        low = await self._admin.offsets.min_offset(address, queue.topic, queue.queue_id)
        high = await self._admin.offsets.max_offset(address, queue.topic, queue.queue_id)
        begin, end = low, high
        if wanted.begin_timestamp is not None:
            begin = await self._first_at(address, queue, wanted.begin_timestamp, low, high)
        if wanted.end_timestamp is not None:
            end = await self._first_at(address, queue, wanted.end_timestamp + 1, low, high)
        begin = max(begin, wanted.begin_offset or 0)
        end = end if wanted.end_offset is None else min(end, wanted.end_offset)
        scan = QueueScan(queue.topic, queue.broker_name, queue.queue_id, low, high, begin, max(begin, end))
        report.queues.append(scan)
        matches = tag_filter(wanted.expression)
        earliest, latest = wanted.begin_timestamp or 0, wanted.end_timestamp
        offset, count = begin, PULL_BATCH
        while offset < scan.end_offset and not report.truncated:
            if scan.messages >= left:
                report.truncated = True
                break
            if wanted.pulls is not None:
                if wanted.pulls.left <= 0:
                    report.truncated, scan.end_offset = True, offset
                    break
                wanted.pulls.left -= 1
            pulled = await pull_at_once(self._admin, address, wanted, queue.broker_name, queue.queue_id, offset, count)
            if pulled.broken is not None and not pulled.messages and count > 1:
                count = 1  # so that no more than the record in question is passed over
                continue
            count = PULL_BATCH if pulled.broken is None else count
            read_to = scan.end_offset
            for message in pulled.messages:
                if message.queue_offset >= scan.end_offset and not is_lmq_topic(queue.topic):
                    continue
                in_time = earliest <= message.store_timestamp and (latest is None or message.store_timestamp <= latest)
                if not matches(message) or not in_time:
                    continue
                if scan.messages >= left:
                    report.truncated, read_to = True, message.queue_offset
                    break
                kept = self._keep(message)
                if kept is not None:
                    report.messages.append(kept)
                scan.messages += 1
            scan.skipped += _passed_over(queue.topic, wanted, pulled, offset, read_to)
            if pulled.following <= offset:  # nothing there and nowhere to go
                break
            offset = pulled.following
        await self._tell_skipped(queue, address, scan)

    async def _first_at(self, address: str, queue: MessageQueue, timestamp: int, low: int, high: int) -> int:
        """The offset of the first message stored at `timestamp` (ms) or later; `high` where there is none.

        What the broker finds is checked against the messages' own times: 4.9 answers the nearest message (the last one
        for every later time) and any of several of one millisecond, later brokers stop at the boundary of a file, and
        batch queues answer the last batch for a later time.
        """
        hint = await self._admin.offsets.by_time(address, queue.topic, queue.queue_id, timestamp)
        hint = min(max(hint, low), high)
        before, after = low - 1, high  # the last offset known to be too early, the first known to be late enough
        probe, step = min(hint, high - 1), 1
        while before + 1 < after:
            at = await self._time_at(address, queue, probe)
            if at is None:
                return hint
            if at < timestamp:
                before = probe
            else:
                after = probe
            if low <= before and after < high:
                probe = (before + after) // 2
            else:
                probe = max(after - step, low) if before < low else min(before + step, high - 1)
                step *= 2
        return after

    async def _time_at(self, address: str, queue: MessageQueue, offset: int) -> int | None:
        """The store time of the first message from `offset` on; None when none can be read there."""
        request = ScanRequest(topic=queue.topic, limit=1)
        for _ in range(_PROBES):
            pulled = await pull_at_once(self._admin, address, request, queue.broker_name, queue.queue_id, offset, 1)
            if pulled.messages:
                return pulled.messages[0].store_timestamp
            if not offset < pulled.following < pulled.high:
                break
            offset = pulled.following
        return None

    async def _tell_skipped(self, queue: MessageQueue, address: str, scan: QueueScan) -> None:
        """Report what was passed over. A topic that is compacted has gaps by nature."""
        if not scan.skipped:
            return
        config = None
        if any(skipped.reason == _GAP for skipped in scan.skipped):
            try:
                config = await self._admin.topics.config_at(address, queue.topic)
            except RocketMQError:
                config = None
        if config is not None and (config.attributes or {}).get("cleanup.policy") == "COMPACTION":
            scan.skipped = [skipped for skipped in scan.skipped if skipped.reason != _GAP]
        merged: list[SkippedRange] = []
        for skipped in scan.skipped:
            if merged and merged[-1].end_offset == skipped.begin_offset:
                merged[-1].end_offset = skipped.end_offset
            else:
                merged.append(skipped)
        scan.skipped = merged
        for skipped in merged:
            count = skipped.end_offset - skipped.begin_offset
            which = f"offset {skipped.begin_offset}"
            if count > 1:
                which = f"{count} offsets from {skipped.begin_offset} to {skipped.end_offset - 1}"
            error = damaged(f"{which} cannot be read and {'is' if count == 1 else 'are'} left out: {skipped.reason}")
            self.report.failures.append(self._admin.failure_of(f"{queue.broker_name} queue {queue.queue_id}", error))


async def pull_at_once(
    admin: MQAdmin, address: str, wanted: ScanRequest, broker_name: str, queue_id: int, offset: int, count: int
) -> Pulled:
    """One pull that does not wait for new messages."""
    from rocketmq_ops.remoting.headers import PullMessageRequestHeader

    header = PullMessageRequestHeader(
        consumer_group=wanted.group,
        topic=wanted.topic,
        queue_id=queue_id,
        queue_offset=offset,
        max_msg_nums=count,
        sys_flag=_PULL_FLAGS,
        commit_offset=0,
        suspend_timeout_millis=0,
        subscription=wanted.expression,
        sub_version=0,
        expression_type="TAG",
        bname=broker_name,
    )
    return await pull(admin.session, address, header, broker_name)


def damaged(cause: str) -> CorruptDataError:
    """The error for what a broker cannot read of its store: it says how to look at that."""
    return CorruptDataError(cause, "look for what is damaged, where the broker has its store", see=_STORE_CHECK)


def was_removed(pulled: Pulled) -> bool:
    """Whether the broker has passed over units whose messages are not in its commitlog."""
    return "MESSAGE_WAS_REMOVING" in pulled.remark


def _passed_over(topic: str, wanted: ScanRequest, pulled: Pulled, offset: int, end: int) -> list[SkippedRange]:
    """The ranges from `offset` on that a pull should have given and has not; without those that expired meanwhile."""
    ranges: list[SkippedRange] = []

    def add(begin: int, until: int, reason: str) -> None:
        begin, until = max(begin, pulled.low), min(until, end)
        if begin < until:
            ranges.append(SkippedRange(begin, until, reason))

    if pulled.broken is not None:
        if not pulled.messages:
            add(offset, pulled.following, pulled.broken)
        following = offset if not pulled.messages else pulled.following
    elif pulled.following <= offset:
        if offset < pulled.high:
            add(offset, end, pulled.remark or "the broker gives nothing there")
        return ranges
    else:
        following = pulled.following
    if is_lmq_topic(topic):
        return ranges
    if wanted.expression == "*":
        expected = offset
        for message in pulled.messages:
            add(expected, message.queue_offset, _GAP)
            expected = message.queue_offset + 1
        add(expected, following, pulled.remark if was_removed(pulled) else _GAP)
    elif was_removed(pulled):
        add(offset, following, pulled.remark)
    return ranges
