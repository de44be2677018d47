"""Rules about disks and how long messages are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.housekeeping.doctor.facts import Facts, Part, label
from rocketmq_ops.housekeeping.doctor.rule import rule
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.rules import Hit

_HOUR: Final = 3_600_000
_NEEDS: Final = (Part.RUNTIME, Part.CONFIG)
#: key: what Apache takes without it, and the largest value that counts (MessageStoreConfig, CleanCommitLogService).
_MARKS: Final = {
    "diskMaxUsedSpaceRatio": (75, 95),
    "diskSpaceCleanForciblyRatio": (85, 85),
    "diskSpaceWarningLevelRatio": (90, 90),
}
_EXPIRE, _FORCE, _REFUSE = _MARKS


def _mark(facts: Facts, broker: BrokerAddress, key: str) -> int:
    default, most = _MARKS[key]
    value = facts.number(broker.address, key)
    return min(default if value is None else value, most)


def _beyond(facts: Facts, key: str, below: str | None) -> Iterator[tuple[BrokerAddress, str]]:
    """The brokers whose commitlog's disk is at the mark `key` and not at the one `below` which is worse."""
    for broker in facts.brokers:
        used = facts.ratio(broker.address, "commitLogDiskRatio")
        if used is None or used * 100 < _mark(facts, broker, key):
            continue
        if below is None or used * 100 < _mark(facts, broker, below):
            capacity = facts.runtimes[broker.address].get("commitLogDirCapacity", "")
            shown = f"{used:.1%} of the disk is used, {key} is {_mark(facts, broker, key)}"
            yield broker, f"{shown} ({capacity.rstrip('.')})" if capacity else shown


@rule(
    "disk.expires-early",
    Severity.WARNING,
    "The disk is so full that expired files are deleted at any hour, not only at `deleteWhen`.",
    needs=_NEEDS,
    remedy="make room, or lower fileReservedTime before the disk reaches diskSpaceCleanForciblyRatio",
    false_alarms="The disk is shared, and another program is about to free its space.",
)
def expires_early(facts: Facts) -> Iterator[Hit]:
    for broker, evidence in _beyond(facts, _EXPIRE, _FORCE):
        yield Hit(label(broker), evidence)


@rule(
    "disk.deletes-unexpired",
    Severity.CRITICAL,
    "The disk is so full that the oldest files are deleted whether or not they have expired or were consumed.",
    needs=_NEEDS,
    remedy="make room now; read who is behind with `mqadmin consumerProgress`, add disk, or lower fileReservedTime",
    false_alarms="cleanFileForciblyEnable=false keeps the files; sends are then refused sooner.",
)
def deletes_unexpired(facts: Facts) -> Iterator[Hit]:
    for broker, evidence in _beyond(facts, _FORCE, _REFUSE):
        yield Hit(label(broker), evidence)


@rule(
    "disk.refuses-sends",
    Severity.CRITICAL,
    "The disk is at the mark from which the broker refuses messages: code 14, `service not available`, disk is full.",
    needs=_NEEDS,
    remedy="make room: `mqadmin deleteExpiredCommitLog -b ADDR`, remove foreign files, or add disk",
)
def refuses_sends(facts: Facts) -> Iterator[Hit]:
    for broker, evidence in _beyond(facts, _REFUSE, None):
        yield Hit(label(broker), f"code 14 to producers: {evidence}")


@rule(
    "disk.queues-full",
    Severity.CRITICAL,
    "The disk of the consumequeues is at the mark from which the broker refuses messages with code 14.",
    needs=_NEEDS,
    remedy="make room on the disk of storePathRootDir: `mqadmin cleanExpiredCQ -b ADDR`, or add disk",
)
def queues_full(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        used = facts.ratio(broker.address, "consumeQueueDiskRatio")
        log = facts.ratio(broker.address, "commitLogDiskRatio")
        mark = _mark(facts, broker, _REFUSE)
        if used is not None and used * 100 >= mark and (log is None or log * 100 < mark):
            yield Hit(label(broker), f"{used:.1%} of the consumequeues' disk is used, {_REFUSE} is {mark}")


@rule(
    "disk.kept-too-short",
    Severity.WARNING,
    "The oldest message is younger than fileReservedTime although files were deleted: less is kept than promised.",
    needs=_NEEDS,
    remedy="add disk, or lower fileReservedTime to what is really kept, so that consumers know",
    false_alarms="deleteExpiredCommitLog was run by hand, or fileReservedTime was raised lately.",
)
def kept_too_short(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        hours = facts.number(broker.address, "fileReservedTime")
        oldest = facts.figure(broker.address, "earliestMessageTimeStamp")
        first = facts.figure(broker.address, "commitLogMinOffset")
        if hours is None or not oldest or oldest < 0 or not first or first < 0:
            continue
        kept = (facts.answered_at.get(broker.address, facts.taken_at) - oldest) / _HOUR
        if 0 <= kept < hours:
            yield Hit(label(broker), f"the oldest message is {kept:.1f} h old, fileReservedTime is {hours} h")


@rule(
    "disk.no-forced-cleaning",
    Severity.WARNING,
    "cleanFileForciblyEnable is false and the disk is past its first mark: it will fill up until sends are refused.",
    needs=_NEEDS,
    remedy="make room, or `mqadmin updateBrokerConfig -b ADDR -k cleanFileForciblyEnable -v true`",
    false_alarms="Losing unread messages would be worse than refusing new ones.",
)
def no_forced_cleaning(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        used = facts.ratio(broker.address, "commitLogDiskRatio")
        off = facts.setting(broker.address, "cleanFileForciblyEnable") == "false"
        if off and used is not None and used * 100 >= _mark(facts, broker, _EXPIRE):
            yield Hit(label(broker), f"{used:.1%} of the disk is used, cleanFileForciblyEnable is false")
