"""Answers of servers that are not there, for the sections that are made of them."""

from __future__ import annotations

from rocketmq_ops.client.admin.affected import Affected, AffectedClient, AffectedGroup, AffectedLag
from rocketmq_ops.client.admin.changes import Change, FieldChange
from rocketmq_ops.client.admin.client import Subscription
from rocketmq_ops.client.admin.groups.consumer_status import (
    ClientStatus,
    ConsumerStatusReport,
    HeldQueue,
    Problem,
    RunningInfo,
    TopicRates,
)
from rocketmq_ops.client.admin.groups.group import GroupProgress, QueueProgress
from rocketmq_ops.client.admin.messages.message_results import MessageTrack
from rocketmq_ops.client.admin.messages.trace import ConsumeTrace, MessageTraces, SendTrace
from rocketmq_ops.client.admin.topics.topic_status import QueueStatus, TopicStatus
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.remoting.errors import RemotingConnectError
from rocketmq_ops.tui.changes import JournalEntry, PlannedChange
from tests.tui.fakes import MINUTE, NOW_MS

GROUP = "group-00001"


def progress() -> GroupProgress:
    """Queue 0 is behind, nobody has queue 1, of queue 2 nothing is known."""
    queues = [
        QueueProgress("orders", "broker-a", 0, 1_000, 940, 60, 7, NOW_MS - 3 * MINUTE, lag_millis=3 * MINUTE),
        QueueProgress("orders", "broker-a", 1, 500, 490, 10, 0, NOW_MS - MINUTE, lag_millis=MINUTE),
        QueueProgress("orders", "broker-b", 0, None, 20, None, None, None),
        QueueProgress("orders", "broker-b", 1, 80, 80, 0, 0, NOW_MS, lag_millis=0),
    ]
    failures = [Failure("10.0.0.3:10911", "no answer within 3000 ms", RemotingConnectError.next_step)]
    return GroupProgress(GROUP, queues, 12.5, None, None, failures, "CLUSTERING", None)


def held(queue: int, cached: int, pulled_ms: int) -> HeldQueue:
    return HeldQueue(
        topic="orders", broker_name="broker-a", queue_id=queue, commit_offset=940, cached=cached, cached_min_offset=940,
        cached_max_offset=946, cached_size_mib=0, transaction_count=0, transaction_min_offset=0,
        transaction_max_offset=0, locked=False, dropped=False, try_unlock_times=0, last_pull_timestamp=pulled_ms,
        last_consume_timestamp=pulled_ms, last_lock_timestamp=None,
    )  # fmt: skip


def info(expression: str, *queues: HeldQueue, consumes: float = 12.5, failing: float = 0.0) -> RunningInfo:
    return RunningInfo(
        consume_type="CONSUME_PASSIVELY", orderly=False, start_timestamp=NOW_MS - 60 * MINUTE,
        subscriptions=[Subscription("orders", expression, "TAG")], queues=list(queues), pop_queues=[],
        rates=[TopicRates(topic="orders", pull_rt=1.0, pull_tps=12.5, consume_rt=35.0, consume_ok_tps=consumes,
                          consume_failed_tps=failing, consume_failed_msgs=4)],
        properties={"PROP_THREADPOOL_CORE_SIZE": "20"}, user_info={"zone": "一号机房"}, jstack="main waiting",
    )  # fmt: skip


def status() -> ConsumerStatusReport:
    """The first client is stuck, the second subscribes to something else, the third does not answer."""
    clients = [
        ClientStatus(client_id="10.1.0.1@77", client_addr="10.1.0.1:5000", language="JAVA", version="V5_3_3",
                     brokers=["10.0.0.1:10911"], info=info("*", held(0, 7, NOW_MS - 3 * MINUTE), consumes=0.0)),
        ClientStatus(client_id="10.1.0.2@77", client_addr="10.1.0.2:5000", language="JAVA", version="V4_9_7",
                     brokers=["10.0.0.1:10911"], info=info("TagA", failing=0.5)),
        ClientStatus(client_id="10.1.0.3@77", client_addr="10.1.0.3:5000", language="GO", version="V5_0_0", brokers=[]),
    ]  # fmt: skip
    problems = [
        Problem("blocked", "has 7 messages, and none was consumed for 3m", "10.1.0.1@77", "orders", "broker-a", 0),
        Problem(
            "different_subscription", "differs from 10.1.0.1@77 in orders (*), orders (TagA)", "10.1.0.2@77", "orders"
        ),
        Problem("unassigned", "no client of the group has it", None, "orders", "broker-a", 1),
    ]
    failures = [Failure("client 10.1.0.3@77", "no answer within 3000 ms", "")]
    return ConsumerStatusReport(
        GROUP, "CONSUME_PASSIVELY", "CLUSTERING", clients, False, False, problems, failures
    )  # fmt: skip


def topic_status() -> TopicStatus:
    queues = [QueueStatus("broker-a", n, 10, 1_010 + n, NOW_MS - n * MINUTE) for n in range(3)]
    return TopicStatus("topic-00001", [*queues, QueueStatus("broker-b", 0, 0, 0, None)], 3.5)


def message(number: int, body: bytes = b'{"order": 7, "customer": "\xe6\x9d\x8e"}', **properties: str) -> MessageExt:
    known = {"KEYS": f"order-{number}", "TAGS": "paid", "UNIQ_KEY": f"7F0000010000{number:020X}"}
    when = NOW_MS - number * MINUTE
    return MessageExt(
        topic="orders", queue_id=number % 4, queue_offset=number, commit_log_offset=number * 300,
        store_size=200 + number, body=body, body_crc=0, flag=0, sys_flag=0, born_timestamp=when - 3,
        born_host=("10.1.0.9", 5000), store_timestamp=when, store_host=("10.0.0.1", 10911), reconsume_times=16,
        prepared_transaction_offset=0, properties={**known, **properties},
        offset_msg_id=f"0A00000100002A9F{number * 300:016X}", broker_name="broker-a",
    )  # fmt: skip


def tracks() -> list[MessageTrack]:
    return [
        MessageTrack("billing", "CONSUMED"),
        MessageTrack("mail", "CONSUMED"),
        MessageTrack("shipping", "NOT_CONSUME_YET"),
        MessageTrack("audit", "UNKNOWN", "the group has no offset for the queue of this message"),
    ]


def traces() -> MessageTraces:
    sent = SendTrace(
        kind="Pub", group="shop", client_host="10.1.0.9", timestamp=NOW_MS, topic="orders", success=True, cost_millis=4
    )
    taken = [
        ConsumeTrace(group="billing", client_host="10.1.0.1", begin_timestamp=NOW_MS + 20, end_timestamp=NOW_MS + 60,
                     cost_millis=40, retry_times=0, success=False),
        ConsumeTrace(group="shipping", client_host="10.1.0.2", begin_timestamp=NOW_MS + 50, retry_times=0),
    ]  # fmt: skip
    return MessageTraces("7F00", "RMQ_SYS_TRACE_TOPIC", [sent], taken)


def findings() -> list[Finding]:
    return [
        Finding(id="groups.nobody-online", severity=Severity.INFO, target="group-00001",
                evidence="orders: 60 messages wait",
                remedy="start its consumers, or delete the group if it is no longer used: `mqadmin deleteSubGroup`"),
        Finding(id="disk.full", severity=Severity.CRITICAL, target="broker-b",
                evidence="97.1% of the disk is used, cleanFileForciblyEnable is false",
                remedy="make room, or lower fileReservedTime before the disk reaches diskSpaceCleanForciblyRatio"),
        Finding(id="groups.reads-from-disk", severity=Severity.UNKNOWN, target="all",
                evidence="could not be judged; runtime 10.0.0.3:10911: no answer within 3000 ms",
                remedy="make the servers reachable from here, and run it again"),
    ]  # fmt: skip


def plan(*, to_type: str | None = None) -> PlannedChange:
    change = Change("10.0.0.1:10911", "topic", "orders", "update", "planned", [FieldChange("perm", 6, 4)])
    reader = AffectedClient("10.1.0.1@77", "10.1.0.1:5000", "JAVA", "V5_3_3")
    group = AffectedGroup("billing", [AffectedLag("orders", 60, 3 * MINUTE)], [reader], "CLUSTERING")
    words = ("updateTopicPerm", "-t", "orders", "-c", "DefaultCluster", "-p", "4")
    return PlannedChange(words=words, to_type=to_type, changes=[change], affected=Affected([group], [], []))


def journal() -> list[JournalEntry]:
    def entry(number: int, status: str, *, here: bool = True, undone_by: tuple[int, ...] = ()) -> JournalEntry:
        words = ("updateTopicPerm", "-t", "orders", "-p", str(number))
        return JournalEntry(
            id=number, time="2026-01-01T11:58:00.000Z", user="root", words=words, status=status, changes=[], here=here,
            undone_by=undone_by,
        )  # fmt: skip

    return [
        entry(4, "unfinished"),
        entry(3, "done", here=False),
        entry(2, "done", undone_by=(4,)),
        entry(1, "no_effect"),
    ]
