"""Each rule finds the fault that is seeded for it, and none finds anything in a healthy cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec
import pytest

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.groups.consumer_status import Problem, ProblemKind
from rocketmq_ops.housekeeping.doctor.examine import SUBJECTS, all_rules, examine, needed, rules_of
from rocketmq_ops.housekeeping.doctor.facts import Ends, Facts, Missing, Part, Route, StoreFile, Topic
from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.housekeeping.host.rules import State
from rocketmq_ops.housekeeping.lint.keys import start_only
from tests.housekeeping.doctor import healthy as h

Seed = Callable[[Facts], None]
RULES = {rule.id: rule for rule in all_rules()}
A, B = h.A.address, h.B.address


def figure(key: str, value: object, broker: BrokerAddress = h.A) -> Seed:
    def seed(facts: Facts) -> None:
        facts.runtimes[broker.address][key] = str(value)

    return seed


def setting(key: str, value: object, broker: BrokerAddress = h.A) -> Seed:
    def seed(facts: Facts) -> None:
        facts.configs[broker.address][key] = str(value)

    return seed


def certificate(days_left: int) -> Seed:
    def seed(facts: Facts) -> None:
        facts.certificates[A] = h.NOW + days_left * 24 * h.HOUR

    return seed


def both(*seeds: Seed) -> Seed:
    def seed(facts: Facts) -> None:
        for each in seeds:
            each(facts)

    return seed


def topic(name: str, at: Topic | None, broker: BrokerAddress = h.A) -> Seed:
    def seed(facts: Facts) -> None:
        facts.topics[broker.address].pop(name, None)
        if at is not None:
            facts.topics[broker.address][name] = at

    return seed


def ends(name: str, queues: dict[int, Ends], broker: BrokerAddress = h.A) -> Seed:
    def seed(facts: Facts) -> None:
        facts.ends[broker.address][name] = queues

    return seed


def offsets(key: str, queues: dict[int, int], broker: BrokerAddress = h.A) -> Seed:
    def seed(facts: Facts) -> None:
        facts.offsets[broker.address][key] = queues

    return seed


def no_offsets(key: str) -> Seed:
    def seed(facts: Facts) -> None:
        for table in facts.offsets.values():
            del table[key]

    return seed


def group(key: str, value: object) -> Seed:
    def seed(facts: Facts) -> None:
        facts.groups[A]["G"][key] = value

    return seed


def problem(kind: ProblemKind, detail: str = "detail") -> Seed:
    def seed(facts: Facts) -> None:
        report = facts.clients["G"]
        assert report is not None
        report.problems.append(Problem(kind, detail, "c1", "T", "a", 0))

    return seed


def missing(part: Part, target: str) -> Seed:
    def seed(facts: Facts) -> None:
        facts.missing.append(Missing(part, target, "connection refused"))

    return seed


def listed(server: int, *brokers: BrokerAddress) -> Seed:
    def seed(facts: Facts) -> None:
        facts.listed[h.NAME_SERVERS[server]] = list(brokers)
        facts.brokers = list(dict.fromkeys(broker for each in facts.listed.values() for broker in each))

    return seed


def everywhere(*brokers: BrokerAddress) -> Seed:
    return both(listed(0, *brokers), listed(1, *brokers))


def store(**changes: object) -> Seed:
    def seed(facts: Facts) -> None:
        assert facts.store is not None
        facts.store = msgspec.structs.replace(facts.store, **changes)

    return seed


def clients(*reports: object, model: str = "CLUSTERING") -> Seed:
    def seed(facts: Facts) -> None:
        facts.clients["G"] = h.report(list(reports), model=model) if reports else None  # type: ignore[arg-type]

    return seed


def again(**tables: object) -> Seed:
    """Of the second reading."""

    def seed(facts: Facts) -> None:
        assert facts.later is not None
        facts.later = msgspec.structs.replace(facts.later, **tables)

    return seed


def clients_again(*reports: object, problems: Sequence[Problem] = ()) -> Seed:
    made = h.report(list(reports))  # type: ignore[arg-type]
    made.problems += problems
    return again(clients={"G": made})


def host_saw(name: str, *values: float) -> Seed:
    def seed(facts: Facts) -> None:
        facts.host_figures["a"][name] = [(h.NOW - n * 60_000, value) for n, value in enumerate(values)]

    return seed


def to(version: str, seed: Seed) -> Seed:
    def seeded(facts: Facts) -> None:
        facts.target = version
        seed(facts)

    return seeded


def wiped(facts: Facts) -> None:
    facts.routes[0] = Route(h.NAME_SERVERS[0], "T", {"a": 4, "b": 6})


def not_routed(facts: Facts) -> None:
    facts.routes[0] = Route(h.NAME_SERVERS[0], "T", None)


def unordered(facts: Facts) -> None:
    facts.order["O"] = "a:4;gone:2"


def file_differs(facts: Facts) -> None:
    assert facts.file is not None
    facts.file.values["fileReservedTime"] = "48"


def file_of_nobody(facts: Facts) -> None:
    assert facts.file is not None
    facts.file.values["brokerName"] = "elsewhere"


def long_group(facts: Facts) -> None:
    facts.groups[A]["G" * 121] = h.group_config()


def host_setting(facts: Facts) -> None:
    facts.host = [h.item("vm.swappiness", State.CHANGE)]


def broker_gone(facts: Facts) -> None:
    facts.registered = {"C/c at 10.0.1.9:10911": [(h.NOW - 600_000, 0), (h.NOW - 300_000, 0)]}


def replica_gone(facts: Facts) -> None:
    before = [(h.NOW - 300_000, 0)]
    facts.registered = {"C/a at 10.0.1.9:10911": before, f"C/a at {h.A.address}": [(h.NOW - 300_000, 1)]}


def unknown_group(facts: Facts) -> None:
    del facts.groups[B]["G"]


LOOPBACK = BrokerAddress("127.0.0.1:10911", "c", 0, "C")
OTHER_A = BrokerAddress("10.0.9.9:10911", "a", 0, "C")
IN_D = BrokerAddress("10.0.9.9:10911", "a", 1, "D")
ALL = (h.A, h.A_SLAVE, h.B, h.B_SLAVE)

#: Rule -> what makes it fire, and a part of the evidence that it then gives.
#: The queue of `clients.poison-message` in the second reading: the client has tried the same message once more.
AGAIN = h.held(0, "a", cached=4, transaction_count=1, last_consume_timestamp=h.NOW + 50_000)

SEEDS: dict[str, tuple[Seed, str]] = {
    "net.name-server-down": (missing(Part.NAME_SERVERS, h.NAME_SERVERS[1]), "connection refused"),
    "net.broker-unreachable": (missing(Part.RUNTIME, A), "connection refused"),
    "net.loopback-advertised": (everywhere(*ALL, LOOPBACK), "under 127.0.0.1:10911"),
    "net.name-servers-differ": (listed(1, h.A, h.A_SLAVE, h.B), "known to 10.0.0.1:9876, not to 10.0.0.2:9876"),
    "net.two-masters": (listed(1, OTHER_A, *ALL), "10.0.1.0:10911, 10.0.9.9:10911"),
    "net.shared-broker-name": (everywhere(*ALL, IN_D), "in the clusters C, D"),
    "net.registered-as-another": (setting("brokerName", "other"), "registered as C/a, but it is C/other"),
    "net.name-servers-of-broker": (setting("namesrvAddr", "10.0.0.1:9876"), "only this list has 10.0.0.2:9876"),
    "net.no-master": (everywhere(h.A_SLAVE, h.B, h.B_SLAVE), "only slaves are registered: 10.0.1.2:10911"),
    "net.broker-gone": (broker_gone, "the master at 10.0.1.9:10911 was registered 5m ago, and no name server lists it"),
    "net.replica-gone": (
        replica_gone,
        "the master at 10.0.1.9:10911 was registered 5m ago, and no name server lists it now; another is the master",
    ),
    "net.certificate-ended": (certificate(-3), "its certificate ended 3d ago"),
    "net.certificate-ends": (certificate(12), "its certificate ends 12d from now"),
    "net.write-permission-wiped": (wiped, "10.0.0.1:9876 lists T of it without write permission"),
    "net.topic-not-routed": (not_routed, "10.0.0.1:9876 has no route to it there"),
    "disk.expires-early": (figure("commitLogDiskRatio", 0.78), "78.0% of the disk is used"),
    "disk.deletes-unexpired": (figure("commitLogDiskRatio", 0.86), "diskSpaceCleanForciblyRatio is 85"),
    "disk.refuses-sends": (figure("commitLogDiskRatio", 0.95), "code 14 to producers: 95.0%"),
    "disk.queues-full": (figure("consumeQueueDiskRatio", 0.95), "95.0% of the consumequeues' disk"),
    "disk.kept-too-short": (figure("earliestMessageTimeStamp", h.NOW - 2 * h.HOUR), "2.0 h old, fileReservedTime is 72"),
    "disk.no-forced-cleaning": (
        both(setting("cleanFileForciblyEnable", "false"), figure("commitLogDiskRatio", 0.8)),
        "cleanFileForciblyEnable is false",
    ),
    "busy.send-wait": (figure("sendThreadPoolQueueHeadWaitTimeMills", 250), "250 ms, waitTimeMillsInSendQueue is 200"),
    "busy.pull-wait": (figure("pullThreadPoolQueueHeadWaitTimeMills", 6000), "waitTimeMillsInPullQueue is 5000"),
    "busy.ack-wait": (figure("ackThreadPoolQueueHeadWaitTimeMills", 4000), "waitTimeMillsInAckQueue is 3000"),
    "busy.queue-nearly-full": (figure("sendThreadPoolQueueSize", 9000), "9000 requests wait in the send queue"),
    "busy.page-cache": (figure("pageCacheLockTimeMills", 1500), "1500 ms, osPageCacheBusyTimeOutMills is 1000"),
    "busy.store-pool-used-up": (
        both(setting("transientStorePoolEnable", "true"), figure("remainTransientStoreBufferNumbs", 0)),
        "transientStorePoolSize is 5",
    ),
    "busy.not-writable": (setting("brokerPermission", 4), "brokerPermission is 4: sends are refused"),
    "busy.not-accepting-yet": (setting("startAcceptSendRequestTimeStamp", h.NOW + 60_000), "60 s ahead"),
    "busy.transactions-rejected": (setting("rejectTransactionMessage", "true"), "rejectTransactionMessage is true"),
    "busy.failed-puts": (figure("putMessageFailedTimes", 7), "7 failed"),
    "busy.dispatch-behind": (figure("dispatchBehindBytes", 100 << 20), "104857600 bytes"),
    "busy.timer-late": (figure("timerReadBehind", 120), "timerReadBehind is 120 s"),
    "os.clock-apart": (figure("bootTimestamp", h.NOW - h.HOUR + 30_000), "30 s ahead of this host"),
    "os.message-from-future": (figure("earliestMessageTimeStamp", h.NOW + 60_000), "60 s in the future"),
    "os.setting": (host_setting, "60, wanted is 1: why"),
    "os.host-under-pressure": (host_saw("io_pressure_percent", 5, 30, 41, 25), "I/O pressure in %: 41 at worst, beyond 20 in 3 of 4"),
    "os.clock-stepped": (host_saw("clock_step_millis", 3, -4000), "1 steps in the last hour, the largest of -4000 ms"),
    "ha.slave-behind": (figure("commitLogMaxOffset", h.LOG_END - (300 << 20), h.A_SLAVE), "314572800 bytes behind a"),
    "ha.slave-ahead": (figure("commitLogMaxOffset", h.LOG_END + (100 << 20), h.A_SLAVE), "104857600 bytes ahead of a"),
    "ha.sync-master-alone": (
        both(setting("brokerRole", "SYNC_MASTER"), everywhere(h.A, h.B, h.B_SLAVE)),
        "no slave is registered",
    ),
    "ha.too-few-replicas": (setting("minInSyncReplicas", 3), "2 replicas are registered, minInSyncReplicas is 3"),
    "ha.master-offsets-older": (offsets("T@G", {0: 90, 1: 100}), "1 offset is older"),
    "ha.slave-not-readable": (setting("slaveReadEnable", "false"), "slaveReadEnable is false"),
    "config.differs-in-cluster": (setting("maxMessageSize", 1 << 20), "maxMessageSize is not the same"),
    "config.differs-from-file": (file_differs, "fileReservedTime is '72', a.conf says '48'"),
    "config.file-of-nobody": (file_of_nobody, "brokerName is elsewhere, running are a, b"),
    "config.implausible": (setting("mappedFileSizeConsumeQueue", 300_000), "holds 15000"),
    "config.long-polling-off": (setting("longPollingEnable", "false"), "shortPollingTimeMills is 1000"),
    "config.fast-failure-off": (setting("brokerFastFailureEnable", "false"), "brokerFastFailureEnable is false"),
    "config.index-off": (setting("messageIndexEnable", "false"), "messageIndexEnable is false"),
    "config.delay-levels-differ": (setting("messageDelayLevel", "1s 2s"), "a (10.0.1.0:10911): '1s 2s'"),
    "upgrade.known-defect": (figure("brokerVersionDesc", "V5_1_0"), "it reports V5_1_0"),
    "upgrade.mixed-versions": (figure("brokerVersionDesc", "V5_2_0"), "V5_2_0: a (10.0.1.0:10911)"),
    "upgrade.key-ignored": (
        both(figure("brokerVersionDesc", "V4_9_7"), setting("commercialBigCount", 2)),
        "commercialBigCount=2 (default 1) is not a key of 5.3.3",
    ),
    "upgrade.default-changes": (
        both(figure("brokerVersionDesc", "V4_9_7"), setting("transactionCheckInterval", 60000)),
        "transactionCheckInterval: 60000 becomes 30000",
    ),
    "upgrade.acl-replaced": (
        both(figure("brokerVersionDesc", "V4_9_7"), setting("aclEnable", "true")),
        "aclEnable is true, 5.3.3",
    ),
    "upgrade.group-name-too-long": (to("5.5", long_group), "121 characters, 120 are accepted"),
    "upgrade.timer-recalls": (to("5.5", setting("recallMessageEnable", "true")), "recallMessageEnable is true"),
    "upgrade.dledger": (setting("enableDLegerCommitLog", "true"), "dLegerGroup is None"),
    "topics.write-more-than-read": (
        both(topic("T", Topic(1, 2, 6)), topic("T", Topic(1, 2, 6), h.B)),
        "queues 1 to 1 are not read, 100 messages lie there",
    ),
    "topics.read-more-than-write": (topic("T", Topic(3, 2, 6)), "3 read and 2 write queues"),
    "topics.missing-on-broker": (
        both(everywhere(*ALL, BrokerAddress("10.0.9.9:10911", "d", 0, "C")), lambda facts: facts.topics.update({"10.0.9.9:10911": {}})),
        "2 masters of C have it, not d (10.0.9.9:10911)",
    ),
    "topics.on-one-broker": (topic("T", None), "only b (10.0.1.1:10911) of 2 masters of C has it"),
    "topics.settings-differ": (topic("T", Topic(4, 4, 6)), "a: 4 write, 4 read queues, perm 6; b: 2 write"),
    "topics.order-conf": (unordered, "a has another number of queues than configured: 2 instead of 4; gone has another number of"),
    "topics.queue-skew": (ends("T", {0: Ends(0, 50_000), 1: Ends(0, 100)}), "queue 0 has 50000 messages, the others 100"),
    "topics.stranded-retries": (offsets("%RETRY%G@G", {0: 0, 3: 5}), "1 read queues, and the group has offsets in queue 3"),
    "topics.auto-create-open": (setting("autoCreateTopicEnable", "true"), "TBW102 with 8 queues"),
    "topics.no-permission": (topic("T", Topic(2, 2, 4)), "perm is 4, it cannot be written"),
    "topics.half-messages-waiting": (
        both(
            ends("RMQ_SYS_TRANS_HALF_TOPIC", {0: Ends(0, 20_000)}),
            offsets("RMQ_SYS_TRANS_HALF_TOPIC@CID_RMQ_SYS_TRANS", {0: 5_000}),
        ),
        "15000 half messages are not settled",
    ),
    "topics.delayed-stuck": (
        both(
            figure("scheduleMessageOffset_3", "10,15"),
            ends("SCHEDULE_TOPIC_XXXX", {2: Ends(0, 15, h.NOW - 200_000)}),
        ),
        "level 3: 5 messages wait, the last one is due since 190 s",
    ),
    "groups.offset-beyond-end": (offsets("T@G", {0: 150, 1: 100}), "the offset is 150, the queue ends at 100"),
    "groups.offset-before-begin": (ends("T", {0: Ends(120, 220), 1: Ends(0, 100)}), "20 messages are gone"),
    "groups.nobody-online": (both(clients(), offsets("T@G", {0: 40, 1: 100})), "T: 60 messages wait"),
    "groups.reads-from-disk": (
        both(figure("commitLogMaxOffset", 41 << 30), offsets("T@G", {0: 40, 1: 100})),
        "about 24.0 GiB of the log behind its end, 60 messages",
    ),
    "groups.consuming-off": (group("consumeEnable", False), "consumeEnable is false on a"),
    "groups.settings-differ": (group("retryMaxTimes", 3), "retryMaxTimes is not the same in C: a: 3, b: 16"),
    "groups.missing-on-broker": (
        both(setting("autoCreateSubscriptionGroup", "false", h.B), unknown_group),
        "b (10.0.1.1:10911) of C does not know it",
    ),
    "groups.no-retries": (group("retryQueueNums", 0), "retryQueueNums set to 0 on a"),
    "groups.dead-letters": (ends("%DLQ%G", {0: Ends(3, 10)}), "7 dead letters"),
    "groups.retries-waiting": (ends("%RETRY%G", {0: Ends(0, 5000)}), "5,000 messages wait"),
    "groups.broadcasting": (clients(h.client("c1", []), model="BROADCASTING"), "1 client is online"),
    "groups.without-offset": (no_offsets("T@G"), "T has 400 messages and no offset of the group"),
    "groups.backlog-stands": (
        both(ends("T", {0: Ends(0, 130), 1: Ends(0, 100)}), clients_again(h.client("c9", [h.held(0, "a")]))),
        "T queue 0 at a (10.0.1.0:10911): the offset 100 did not move in 60 s, 30 messages wait; the client c9 holds it",
    ),
    "groups.retry-storm": (
        again(ends={A: {"%RETRY%G": {0: Ends(0, 900)}}}), "900 messages were sent back in 60 s, 900 a minute",
    ),
    "clients.subscriptions-differ": (problem("different_subscription"), "client c1 T a queue 0: detail"),
    "clients.shared-id": (problem("shared_id"), "client c1"),
    "clients.lock-held": (problem("not_locked"), "client c1 T a queue 0"),
    "clients.lock-of-dead-client": (
        both(
            clients(h.client("dead", [h.held(0, "a", locked=True)])),
            clients_again(h.client("c1", [h.held(0, "a")]), problems=[Problem("not_locked", "is not locked", "c1", "T", "a", 0)]),
        ),
        "client c1 T a queue 0: is not locked; the client dead had it locked, and is not online any more",
    ),
    "clients.poison-message": (
        both(
            clients(h.client("c1", [h.held(0, "a", cached=5)], failed=2)),
            clients_again(h.client("c1", [AGAIN], failed=2)),
        ),
        "client c1 T a queue 0: offset 100 did not move in 60 s, though the queue was consumed again, and 12 attempts "
        "failed in the last minute",
    ),
    "clients.retries-fail": (
        clients(h.client("c1", [h.held(0, "a")], failed_again=12)),
        "client c1: 12 attempts failed in the last hour on messages that had failed before, while 1.00 messages a second "
        "are consumed",
    ),
    "clients.stuck": (problem("blocked", "has 3 messages"), "has 3 messages; its commit offset is 100"),
    "clients.queue-of-nobody": (
        both(problem("unassigned"), clients_again(problems=[Problem("unassigned", "still", None, "T", "a", 0)])), "T a queue 0",
    ),
    "clients.queue-of-two": (
        both(problem("assigned_twice"), clients_again(problems=[Problem("assigned_twice", "still", None, "T", "a", 0)])), "T a queue 0",
    ),
    "clients.idle": (
        clients(h.client("c1", [h.held(0, "a"), h.held(1, "a")]), h.client("c2", [])),
        "2 clients share 2 queues; without any: c2",
    ),
    "clients.mostly-failing": (clients(h.client("c1", [h.held(0, "a")], failed=20)), "20 failed in the last hour"),
    "clients.old-version": (clients(h.client("c1", [h.held(0, "a")], version="V4_2_0")), "has the version V4_2_0"),
    "store.deleted-under-broker": (store(deleted=[(42, "/store/commitlog/0")]), "maps deleted files: /store/commitlog/0"),
    "store.file-from-future": (store(files=[StoreFile("0", 1, h.NOW + 120_000, h.NOW)]), "changed 120 s in the future"),
    "store.times-run-backwards": (
        store(files=[StoreFile("0", 1, h.NOW, h.NOW), StoreFile("1", 1, h.NOW, h.NOW - 5000)]),
        "begins 5000 ms before 0 does",
    ),
    "store.unclean": (store(used=False), "abort is there"),
    "store.disk-nearly-full": (store(free=8), "92.0% used, 8 bytes free: sends are refused"),
}  # fmt: skip


def test_every_rule_has_a_seeded_fault() -> None:
    assert list(SEEDS) == list(RULES)


def test_there_are_enough_rules_and_each_is_declared_whole() -> None:
    assert len(RULES) == len(all_rules()), "an id that is used twice"
    assert {rule.subject for rule in all_rules()} == set(SUBJECTS)
    for rule in all_rules():
        assert rule.severity in (Severity.INFO, Severity.WARNING, Severity.CRITICAL)
        assert rule.summary.endswith(".") and rule.remedy and not rule.remedy.endswith("."), rule.id


@pytest.mark.parametrize("rule_id", RULES)
def test_a_rule_finds_its_fault(rule_id: str) -> None:
    facts = h.facts()
    seed, evidence = SEEDS[rule_id]
    seed(facts)
    found = [f for f in examine(facts, [RULES[rule_id]]) if f.severity is not Severity.UNKNOWN]
    assert found and all(f.severity is RULES[rule_id].severity for f in found)
    assert any(evidence in f.evidence for f in found), [f.evidence for f in found]
    assert all(f.target and f.remedy for f in found)


@pytest.mark.parametrize("rule_id", RULES)
def test_a_rule_is_silent_on_a_healthy_cluster(rule_id: str) -> None:
    assert examine(h.facts(), [RULES[rule_id]]) == []


def file_says(key: str, value: str) -> Seed:
    def seed(facts: Facts) -> None:
        assert facts.file is not None
        facts.file.values[key] = value

    return seed


@pytest.mark.parametrize(
    ("rule_id", "taken", "refused"),
    [
        ("config.differs-in-cluster", setting("maxMessageSize", 1 << 20), setting("defaultTopicQueueNums", 4)),
        ("config.differs-from-file", file_says("fileReservedTime", "48"), file_says("listenPort", "10921")),
        ("config.implausible", setting("fileReservedTime", 0), setting("mappedFileSizeConsumeQueue", 300_000)),
    ],
)
def test_no_remedy_is_one_that_a_broker_refuses(rule_id: str, taken: Seed, refused: Seed) -> None:
    """While it runs, a key that counts at a start only: broker/processors/admin/config.py."""
    facts = h.facts()
    taken(facts)
    (remedy,) = {found.remedy for found in examine(facts, [RULES[rule_id]])}
    assert "updateBrokerConfig" in remedy and "at a start only" not in remedy
    facts = h.facts()
    refused(facts)
    (remedy,) = {found.remedy for found in examine(facts, [RULES[rule_id]])}
    assert "updateBrokerConfig" not in remedy
    assert remedy.startswith("the key counts at a start only: ") and "restart" in remedy
    assert RULES[rule_id].remedy.partition("; a key that counts at a start only: ")[2]


def test_no_rule_advises_to_change_a_key_that_counts_at_a_start_only() -> None:
    advised = {key for rule in all_rules() for key in re.findall(r"updateBrokerConfig [^`]*-k (\w+)", rule.remedy)}
    assert {"slaveReadEnable", "KEY"} <= advised
    assert not advised & start_only()


@pytest.mark.parametrize("rule_id", [rule.id for rule in all_rules() if rule.needs])
def test_a_rule_without_its_facts_says_so(rule_id: str) -> None:
    rule = RULES[rule_id]
    facts = h.facts()
    facts.missing.append(Missing(rule.needs[-1], "10.0.1.1:10911", "timed out"))
    (unknown,) = [f for f in examine(facts, [rule]) if f.severity is Severity.UNKNOWN]
    assert (unknown.id, unknown.target) == (rule_id, "10.0.1.1:10911")
    assert "timed out" in unknown.evidence


@pytest.mark.parametrize("rule_id", RULES)
def test_a_rule_whose_facts_were_not_asked_for_says_so(rule_id: str) -> None:
    facts = Facts(taken_at=h.NOW)
    assert [f.severity for f in examine(facts, [RULES[rule_id]])] == [Severity.UNKNOWN]


def test_facts_go_through_json() -> None:
    facts = h.facts()
    assert msgspec.json.decode(msgspec.json.encode(facts), type=Facts) == facts


def test_what_the_user_did_not_give_is_not_asked_about() -> None:
    chosen = {rule.id for rule in rules_of(None)}
    assert "store.unclean" not in chosen and "config.differs-from-file" not in chosen
    assert {rule.id for rule in rules_of("upgrade")} == {"upgrade.known-defect", "upgrade.mixed-versions"}
    assert Part.CLIENTS not in needed(rules_of("disk")), "what is dear is asked for by who needs it"


def test_many_missing_targets_are_named_in_part() -> None:
    facts = h.facts()
    facts.missing = [Missing(Part.RUNTIME, f"10.0.1.{n}:10911", "timed out") for n in range(8)]
    (found,) = examine(facts, [RULES["busy.failed-puts"]])
    assert found.target.endswith("10.0.1.4:10911 and 3 more")


def test_only_the_worst_mark_of_a_disk_is_reported() -> None:
    def at(ratio: float) -> list[str]:
        facts = h.facts()
        facts.runtimes[A]["commitLogDiskRatio"] = str(ratio)
        return [f.id for f in examine(facts, rules_of("disk"))]

    assert [at(0.76), at(0.85), at(0.9)] == [["disk.expires-early"], ["disk.deletes-unexpired"], ["disk.refuses-sends"]]
    assert at(-1) == [], "a broker that cannot tell"


def test_a_seeded_fault_is_named_among_all_rules() -> None:
    """What else fires with a fault is its consequence: the wiped permission stands alone."""
    facts = h.facts()
    wiped(facts)
    found: list[Finding] = examine(facts, all_rules())
    assert [f.id for f in found] == ["net.write-permission-wiped"]
    assert "addWritePerm -b a" in found[0].remedy


def test_delayed_messages_that_are_not_due_wait_rightly() -> None:
    facts = h.facts()
    facts.runtimes[A]["scheduleMessageOffset_18"] = "10,15"
    facts.ends[A]["SCHEDULE_TOPIC_XXXX"] = {17: Ends(0, 15, h.NOW - h.HOUR)}
    assert examine(facts, [RULES["topics.delayed-stuck"]]) == [], "level 18 is 2 hours"


def test_a_group_that_does_not_consume_reads_nothing() -> None:
    facts = h.facts()
    SEEDS["groups.reads-from-disk"][0](facts)
    facts.clients["G"] = None
    assert examine(facts, [RULES["groups.reads-from-disk"]]) == []


def test_a_slow_answer_is_no_other_clock() -> None:
    facts = h.facts()
    facts.answered_at[A] = h.NOW + 60_000
    assert examine(facts, [RULES["os.clock-apart"]]) == []
    facts.runtimes[A]["bootTimestamp"] = str(h.NOW - h.HOUR - 30_000)
    assert [f.evidence for f in examine(facts, [RULES["os.clock-apart"]])] == ["29 s behind this host"]


def test_a_limit_of_locked_memory_counts_where_a_broker_locks_any() -> None:
    facts = h.facts()
    facts.host = [msgspec.structs.replace(h.item("limit.memlock", State.UNKNOWN), current="65536")]
    assert examine(facts, [RULES["os.setting"]]) == []
    facts.configs[h.A.address]["warmMapedFileEnable"] = "true"
    found = [(f.target, f.evidence) for f in examine(facts, [RULES["os.setting"]])]
    assert found == [("limit.memlock", f"65536, and warmMapedFileEnable is on at a ({h.A.address})")]


@pytest.mark.parametrize(
    ("rule_id", "calm"),
    [
        ("groups.backlog-stands", again(offsets={A: {"T@G": {0: 101}}})),
        ("groups.backlog-stands", again(seconds=10)),
        ("groups.backlog-stands", again(clients={"G": None})),
        ("groups.retry-storm", again(ends={A: {"%RETRY%G": {0: Ends(0, 599)}}})),
        ("groups.retry-storm", again(ends={A: {"%RETRY%New": {0: Ends(0, 900)}}})),
        ("clients.poison-message", clients_again(h.client("c2", [AGAIN], failed=9))),
        (
            "clients.poison-message",
            clients_again(h.client("c1", [msgspec.structs.replace(AGAIN, commit_offset=101)], failed=9)),
        ),
        ("clients.poison-message", clients_again(h.client("c1", [AGAIN]))),
        ("clients.poison-message", clients_again(h.client("c1", [h.held(0, "a", cached=5)], failed=9))),
        (
            "clients.poison-message",
            clients_again(h.client("c1", [msgspec.structs.replace(AGAIN, cached=0, transaction_count=0)], failed=9)),
        ),
        ("clients.retries-fail", clients(h.client("c1", [h.held(0, "a")], failed_again=9))),
        ("clients.retries-fail", clients(h.client("c1", [h.held(0, "a")], failed=12, failed_again=12))),
        ("clients.lock-of-dead-client", clients_again(h.client("c1", [h.held(0, "a", locked=True)]))),
        ("clients.queue-of-nobody", clients_again(h.client("c1", [h.held(0, "a")]))),
        ("clients.queue-of-two", clients_again(problems=[Problem("assigned_twice", "detail", None, "T", "a", 1)])),
        ("os.host-under-pressure", host_saw("io_pressure_percent", 5, 30, 41, 5)),
        ("os.clock-stepped", host_saw("clock_step_millis", 3, -400)),
        (
            "topics.delayed-stuck",
            again(runtimes={A: {**h.runtime(), "scheduleMessageOffset_3": "12,15"}}),
        ),
        (
            "topics.half-messages-waiting",
            again(offsets={A: {"RMQ_SYS_TRANS_HALF_TOPIC@CID_RMQ_SYS_TRANS": {0: 6_000}}}),
        ),
    ],
)
def test_what_moves_is_no_fault(rule_id: str, calm: Seed) -> None:
    facts = h.facts()
    SEEDS[rule_id][0](facts)
    calm(facts)
    assert examine(facts, [RULES[rule_id]]) == []


@pytest.mark.parametrize(
    ("rule_id", "kind"), [("clients.queue-of-nobody", "unassigned"), ("clients.queue-of-two", "assigned_twice")]
)
def test_one_reading_alone_shows_how_queues_are_shared(rule_id: str, kind: ProblemKind) -> None:
    facts = h.facts()
    problem(kind)(facts)
    facts.later = None
    assert [finding.target for finding in examine(facts, [RULES[rule_id]])] == ["G"]


def test_who_has_a_queue_locked_is_named() -> None:
    facts = h.facts()
    clients(h.client("c1", [h.held(0, "a")]), h.client("c2", [h.held(0, "a", locked=True)]))(facts)
    report = facts.clients["G"]
    assert report is not None
    report.problems.append(Problem("not_locked", "is not locked", "c1", "T", "a", 0))
    [found] = examine(facts, [RULES["clients.lock-held"]])
    assert found.evidence == "client c1 T a queue 0: is not locked; the client c2, which is online, has it locked"


def test_what_was_not_learned_again_is_unknown() -> None:
    facts = h.facts()
    again(missing=[Missing(Part.OFFSETS, A, "timed out")])(facts)
    assert [f.severity for f in examine(facts, [RULES["groups.backlog-stands"]])] == [Severity.UNKNOWN]
    assert examine(facts, [RULES["groups.retry-storm"]]) == []


@pytest.mark.parametrize(
    ("cause", "address_is_advised"),
    [("cannot connect to 10.0.1.0:10911: connection refused", True), ("no answer within 3000 ms", False)],
)
def test_only_who_cannot_be_connected_to_may_need_another_address(cause: str, address_is_advised: bool) -> None:
    facts = h.facts()
    facts.missing.append(Missing(Part.RUNTIME, h.A.address, cause))
    [finding] = examine(facts, [RULES["net.broker-unreachable"]])
    assert ("brokerIP1" in finding.remedy) == address_is_advised
