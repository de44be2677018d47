"""Rules about masters and their slaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.housekeeping.doctor.facts import Facts, Part, label
from rocketmq_ops.housekeeping.doctor.rule import rule
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.rules import Hit

_NEEDS: Final = (Part.NAME_SERVERS, Part.RUNTIME)
#: haMaxGapNotInSync of Apache, for brokers that do not report it.
_GAP: Final = 256 << 20
#: Bytes that a slave may seem ahead: the master was asked first, and went on.
_ASKED_APART: Final = 64 << 20


@rule(
    "ha.slave-behind",
    Severity.WARNING,
    "A slave is so far behind that it no longer counts as in sync: if the master is lost now, so are these messages.",
    needs=(*_NEEDS, Part.CONFIG),
    remedy="`mqadmin haStatus` shows the rate; check network and disk of the slave",
    false_alarms="The slave has just started and is catching up.",
)
def slave_behind(facts: Facts) -> Iterator[Hit]:
    for master in facts.masters():
        end = facts.figure(master.address, "commitLogMaxOffset")
        gap = facts.number(master.address, "haMaxGapNotInSync") or _GAP
        for slave in facts.slaves_of(master):
            its_end = facts.figure(slave.address, "commitLogMaxOffset")
            if end is not None and its_end is not None and end - its_end > gap:
                yield Hit(label(slave), f"{end - its_end} bytes behind {label(master)}, haMaxGapNotInSync is {gap}")


@rule(
    "ha.slave-ahead",
    Severity.CRITICAL,
    "A slave has more than its master: the master came back without its newest messages, or is not its master.",
    needs=_NEEDS,
    remedy="stop both before the slave is cut off; `mqadmin store diff` shows what only the slave has",
    false_alarms="Very fast writing between the two requests.",
)
def slave_ahead(facts: Facts) -> Iterator[Hit]:
    for master in facts.masters():
        end = facts.figure(master.address, "commitLogMaxOffset")
        for slave in facts.slaves_of(master):
            its_end = facts.figure(slave.address, "commitLogMaxOffset")
            if end is not None and its_end is not None and its_end - end > _ASKED_APART:
                yield Hit(label(slave), f"{its_end - end} bytes ahead of {label(master)}, whose log ends at {end}")


@rule(
    "ha.sync-master-alone",
    Severity.CRITICAL,
    "A SYNC_MASTER has no slave: sends that wait for replication end with SLAVE_NOT_AVAILABLE or after their timeout.",
    needs=(*_NEEDS, Part.CONFIG),
    remedy="start the slave; until then `mqadmin updateBrokerConfig -b ADDR -k brokerRole -v ASYNC_MASTER`",
    false_alarms="inSyncReplicas=1 on 5.x: sends then need the master alone.",
)
def sync_master_alone(facts: Facts) -> Iterator[Hit]:
    for master in facts.masters():
        alone = facts.number(master.address, "inSyncReplicas")
        if facts.setting(master.address, "brokerRole") == "SYNC_MASTER" and not facts.slaves_of(master):
            shown = f", inSyncReplicas is {alone}" if alone is not None else ""
            yield Hit(label(master), f"brokerRole is SYNC_MASTER, and no slave is registered{shown}")


@rule(
    "ha.too-few-replicas",
    Severity.CRITICAL,
    "Fewer replicas are there than minInSyncReplicas: the master refuses every send, IN_SYNC_REPLICAS_NOT_ENOUGH.",
    needs=(*_NEEDS, Part.CONFIG),
    remedy="start the slaves that are missing, or lower minInSyncReplicas",
)
def too_few_replicas(facts: Facts) -> Iterator[Hit]:
    for master in facts.masters():
        least = facts.number(master.address, "minInSyncReplicas")
        there = 1 + len(facts.slaves_of(master))
        if least is not None and there < least:
            yield Hit(
                label(master), f"{plural(there, 'replica is', 'replicas are')} registered, minInSyncReplicas is {least}"
            )


@rule(
    "ha.master-offsets-older",
    Severity.CRITICAL,
    "A master has older consumer offsets than its slave: groups that ask the master consume messages again.",
    needs=(Part.NAME_SERVERS, Part.OFFSETS),
    remedy="`mqadmin resetOffsetByTime` with the group stopped, or restore config/consumerOffset.json from the slave",
    false_alarms="The group's offsets were set back on purpose, within the last 10 seconds.",
)
def master_offsets_older(facts: Facts) -> Iterator[Hit]:
    for master in facts.masters():
        own = facts.offsets.get(master.address)
        for slave in facts.slaves_of(master):
            theirs = facts.offsets.get(slave.address)
            if own is None or theirs is None:
                continue
            older = [
                (key, queue, own[key].get(queue, 0), offset)
                for key, queues in theirs.items()
                if key in own
                for queue, offset in queues.items()
                if own[key].get(queue, 0) < offset
            ]
            if older:
                key, queue, here, there = max(older, key=lambda item: item[3] - item[2])
                yield Hit(
                    label(master),
                    f"{plural(len(older), 'offset is', 'offsets are')} older than on {label(slave)}; most {key} queue "
                    f"{queue}: {here}, on the slave {there}",
                )


@rule(
    "ha.slave-not-readable",
    Severity.INFO,
    "A master has a slave and does not send slow readers there: all cold reads hit the master's disk.",
    needs=(*_NEEDS, Part.CONFIG),
    remedy="`mqadmin updateBrokerConfig -b ADDR -k slaveReadEnable -v true`, if slaves may serve old messages",
    false_alarms="Slaves are kept for failover alone.",
)
def slave_not_readable(facts: Facts) -> Iterator[Hit]:
    for master in facts.masters():
        if facts.slaves_of(master) and facts.setting(master.address, "slaveReadEnable") == "false":
            yield Hit(
                label(master),
                f"slaveReadEnable is false, {plural(len(facts.slaves_of(master)), 'slave is', 'slaves are')} "
                "registered",
            )
