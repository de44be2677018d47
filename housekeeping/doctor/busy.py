"""Rules about refusals: which of the causes of `broker busy` and of other codes is at work, with key and figure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rocketmq_ops.housekeeping.doctor.facts import Facts, Part, label
from rocketmq_ops.housekeeping.doctor.rule import rule
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.rules import Hit

_NEEDS: Final = (Part.RUNTIME, Part.CONFIG)
_WRITE, _READ = 2, 4
#: Requests of a queue, as a share of its capacity, from which it is about to overflow.
_NEARLY: Final = 0.8
#: Bytes stored and not dispatched yet, which consumers do not see: more than a broker catches up in a second.
_BEHIND: Final = 64 << 20
#: Seconds by which timer messages are late without a fault.
_TIMER_LATE: Final = 60
#: A pool of the broker: what its requests are, the key of the longest wait (BrokerFastFailure) and of its capacity.
_POOLS: Final = {
    "send": ("sends", "waitTimeMillsInSendQueue", "sendThreadPoolQueueCapacity", "sendMessageThreadPoolNums"),
    "pull": ("pulls", "waitTimeMillsInPullQueue", "pullThreadPoolQueueCapacity", "pullMessageThreadPoolNums"),
    "ack": ("acknowledgements", "waitTimeMillsInAckQueue", "ackThreadPoolQueueCapacity", "ackMessageThreadPoolNums"),
}


def _waits(facts: Facts, pool: str) -> Iterator[Hit]:
    what, key, _, threads = _POOLS[pool]
    for broker in facts.brokers:
        waited = facts.figure(broker.address, f"{pool}ThreadPoolQueueHeadWaitTimeMills")
        most = facts.number(broker.address, key)
        if waited is not None and most is not None and waited >= most:
            size = facts.figure(broker.address, f"{pool}ThreadPoolQueueSize")
            yield Hit(
                label(broker),
                f"the oldest of {size} waiting {what} waits {waited} ms, {key} is {most}; {threads} is "
                f"{facts.setting(broker.address, threads)}",
            )


@rule(
    "busy.send-wait",
    Severity.CRITICAL,
    "Sends wait longer than waitTimeMillsInSendQueue and are refused: code 2, TIMEOUT_CLEAN_QUEUE, `broker busy`.",
    needs=_NEEDS,
    remedy="find what is slow (`mqadmin doctor disk`, `mqadmin doctor os`); then more brokers, or less load",
    false_alarms="One slow moment: run it again.",
)
def send_wait(facts: Facts) -> Iterator[Hit]:
    yield from _waits(facts, "send")


@rule(
    "busy.pull-wait",
    Severity.WARNING,
    "Pulls wait longer than waitTimeMillsInPullQueue and are refused: code 2, TIMEOUT_CLEAN_QUEUE.",
    needs=_NEEDS,
    remedy="see who reads old messages (`mqadmin doctor groups`); read them from a slave, or raise the pull threads",
    false_alarms="One slow moment: run it again.",
)
def pull_wait(facts: Facts) -> Iterator[Hit]:
    yield from _waits(facts, "pull")


@rule(
    "busy.ack-wait",
    Severity.WARNING,
    "Acknowledgements of popping consumers wait longer than waitTimeMillsInAckQueue; their messages come again.",
    needs=_NEEDS,
    remedy="raise ackMessageThreadPoolNums, or spread the topic over more brokers",
    false_alarms="One slow moment: run it again.",
)
def ack_wait(facts: Facts) -> Iterator[Hit]:
    yield from _waits(facts, "ack")


@rule(
    "busy.queue-nearly-full",
    Severity.CRITICAL,
    "A request queue of the broker is nearly full; beyond its capacity requests are refused with code 2.",
    needs=(Part.RUNTIME,),
    remedy="find what is slow before raising the capacity: a longer queue means longer waits",
)
def queue_nearly_full(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        for pool, (_, _, key, _) in _POOLS.items():
            size = facts.figure(broker.address, f"{pool}ThreadPoolQueueSize")
            capacity = facts.figure(broker.address, f"{pool}ThreadPoolQueueCapacity")
            if size is not None and capacity and size >= _NEARLY * capacity:
                yield Hit(label(broker), f"{size} requests wait in the {pool} queue, {key} is {capacity}")


@rule(
    "busy.page-cache",
    Severity.CRITICAL,
    "Appending to the commitlog takes so long that the page cache counts as busy: code 2, PCBUSY_CLEAN_QUEUE.",
    needs=_NEEDS,
    remedy="look at the disk and at dirty pages: `mqadmin doctor os`; transientStorePoolEnable=true, or faster disks",
)
def page_cache(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        locked = facts.figure(broker.address, "pageCacheLockTimeMills")
        most = facts.number(broker.address, "osPageCacheBusyTimeOutMills")
        if locked is not None and most is not None and locked > most:
            yield Hit(label(broker), f"an append takes {locked} ms, osPageCacheBusyTimeOutMills is {most}")


@rule(
    "busy.store-pool-used-up",
    Severity.CRITICAL,
    "The pool of off-heap buffers is used up; with fastFailIfNoBufferInStorePool sends are refused.",
    needs=_NEEDS,
    remedy="raise transientStorePoolSize (memory: size x mappedFileSizeCommitLog), or see why committing is slow",
)
def store_pool_used_up(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        if facts.setting(broker.address, "transientStorePoolEnable") != "true":
            continue
        if facts.figure(broker.address, "remainTransientStoreBufferNumbs") == 0:
            size = facts.setting(broker.address, "transientStorePoolSize")
            yield Hit(label(broker), f"0 buffers are left, transientStorePoolSize is {size}")


@rule(
    "busy.not-writable",
    Severity.CRITICAL,
    "brokerPermission takes writing or reading from the whole broker: code 16, no permission.",
    needs=(Part.CONFIG,),
    remedy="`mqadmin updateBrokerConfig -b ADDR -k brokerPermission -v 6`",
    false_alarms="The broker is being drained on purpose.",
)
def not_writable(facts: Facts) -> Iterator[Hit]:
    for broker in facts.masters():
        perm = facts.number(broker.address, "brokerPermission")
        if perm is not None and perm & (_READ | _WRITE) != _READ | _WRITE:
            lost = {0: "sends and pulls", _READ: "sends", _WRITE: "pulls"}[int(perm) & (_READ | _WRITE)]
            yield Hit(label(broker), f"brokerPermission is {perm}: {lost} are refused")


@rule(
    "busy.not-accepting-yet",
    Severity.CRITICAL,
    "The broker refuses sends until startAcceptSendRequestTimeStamp, which lies ahead.",
    needs=(Part.CONFIG,),
    remedy="`mqadmin updateBrokerConfig -b ADDR -k startAcceptSendRequestTimeStamp -v 0`",
    false_alarms="It is set on purpose, for a planned start.",
)
def not_accepting_yet(facts: Facts) -> Iterator[Hit]:
    for broker in facts.masters():
        start = facts.number(broker.address, "startAcceptSendRequestTimeStamp")
        if start is not None and start > facts.taken_at:
            yield Hit(label(broker), f"startAcceptSendRequestTimeStamp is {(start - facts.taken_at) // 1000} s ahead")


@rule(
    "busy.transactions-rejected",
    Severity.INFO,
    "The broker refuses half messages of transactions: code 16.",
    needs=(Part.CONFIG,),
    remedy="`mqadmin updateBrokerConfig -b ADDR -k rejectTransactionMessage -v false`, if transactions are wanted",
)
def transactions_rejected(facts: Facts) -> Iterator[Hit]:
    for broker in facts.masters():
        if facts.setting(broker.address, "rejectTransactionMessage") == "true":
            yield Hit(label(broker), "rejectTransactionMessage is true")


@rule(
    "busy.failed-puts",
    Severity.WARNING,
    "Messages failed to be stored since the broker started.",
    needs=(Part.RUNTIME,),
    remedy="search the broker's store.log for the cause; `mqadmin doctor disk`",
    false_alarms="The cause is over: the figure counts since the start.",
)
def failed_puts(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        failed = facts.figure(broker.address, "putMessageFailedTimes")
        if failed:
            total = facts.runtimes[broker.address].get("putMessageTimesTotal", "unknown")
            yield Hit(label(broker), f"{failed} failed, {total} stored since the start")


@rule(
    "busy.dispatch-behind",
    Severity.WARNING,
    "Messages are stored and not dispatched yet: consumers do not see them.",
    needs=(Part.RUNTIME,),
    remedy="look at the disk of the consumequeues and at the broker's store.log",
    false_alarms="The broker has just started and is still recovering.",
)
def dispatch_behind(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        behind = facts.figure(broker.address, "dispatchBehindBytes")
        if behind is not None and behind > _BEHIND:
            yield Hit(label(broker), f"{behind} bytes of the commitlog are not dispatched")


@rule(
    "busy.timer-late",
    Severity.WARNING,
    "Timer messages are delivered late.",
    needs=(Part.RUNTIME,),
    remedy="see timerEnqueueTps and timerDequeueTps of `mqadmin brokerStatus`; raise timerGetMessageThreadNum",
    false_alarms="The broker was down, and catches up.",
)
def timer_late(facts: Facts) -> Iterator[Hit]:
    for broker in facts.masters():
        late = facts.figure(broker.address, "timerReadBehind")
        if late is not None and late > _TIMER_LATE:
            waiting = facts.runtimes[broker.address].get("timerCongestNum", "unknown")
            yield Hit(label(broker), f"timerReadBehind is {late} s, timerCongestNum {waiting}")
