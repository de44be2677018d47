"""What one run of the prober found: measures with their judgement, findings, groups, and what could not be asked."""

from __future__ import annotations

import msgspec

from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.findings import Finding, Severity, worst
from rocketmq_ops.housekeeping.probe.expectations import LEAST, MEASURES, Expectations
from rocketmq_ops.housekeeping.probe.host import HostSample
from rocketmq_ops.housekeeping.probe.turns import Part


class Measure(msgspec.Struct, rename="camel"):
    """One measured value, in `unit`; null where it could not be measured. Limits are those it was judged by."""

    name: str
    target: str
    value: float | None
    unit: str
    severity: Severity
    warning: float | None = None
    critical: float | None = None


class MessageStages(msgspec.Struct, rename="camel", kw_only=True):
    """When one message was where in its broker, in ms after its frame was read; null for what was not, or not yet."""

    queue_id: int
    queue_offset: int
    appended_ms: float | None = None
    dispatched_ms: float | None = None
    flushed_ms: float | None = None
    woken_ms: float | None = None
    answered_ms: float | None = None


class Stage(msgspec.Struct, rename="camel"):
    """One stage of a message's way, and how long it took."""

    name: str
    ms: float


class StageBar(msgspec.Struct, rename="camel", kw_only=True):
    """The way of the slowest message from its send to its arrival; the stages add up to `total_ms`.

    `noted_by_broker`: the broker has noted its own stages; else they are what can be seen from outside.
    """

    queue_id: int
    queue_offset: int
    total_ms: float
    noted_by_broker: bool
    stages: list[Stage]


class BrokerTrip(msgspec.Struct, rename="camel", kw_only=True):
    """What became of the messages that went through one broker. `statuses`: how many sends had which status.

    `send_ms` and `delivery_ms` have a value for each message, in the order in which they were sent; so has `store_ms`,
    for those that arrived: until it was in the log, by the broker's clock as far as it agrees. `stages`: where the
    time of the slowest went; null when none arrived. `stage_times`: what the broker has noted of each message.
    """

    broker: str
    cluster: str
    address: str
    topic: str
    sent: int = 0
    stored: int = 0
    received: int = 0
    duplicates: int = 0
    out_of_order: int = 0
    statuses: dict[str, int] = {}
    send_ms: list[float] = []
    store_ms: list[float] = []
    delivery_ms: list[float] = []
    delay_error_ms: float | None = None
    clock_difference_ms: float | None = None
    stages: StageBar | None = None
    stage_times: list[MessageStages] = []


class BrokerFigures(msgspec.Struct, rename="camel"):
    """The runtime figures of one broker, as it reports them; `broker` is its name, of a slave with its id."""

    broker: str
    cluster: str
    address: str
    figures: dict[str, str]
    broker_id: int = MASTER_ID


class GroupState(msgspec.Struct, rename="camel"):
    """How a group keeps up, as its offsets over several runs show. `topics`: the lag of each, null where it is unknown.

    `members`: how many clients are connected; null when nobody was asked, as of most groups that are not behind.
    """

    group: str
    state: str
    lag: int | None
    evidence: str
    members: int | None = None
    topics: dict[str, int | None] = {}


class ProbeReport(msgspec.Struct, rename="camel", kw_only=True):
    """One run. `severity` is the worst of measures and findings; times in ms. `failures`: what could not be asked.

    `hosts`: the hosts of brokers, as far as they were to be sampled. `parts`: what was not asked for of all.
    """

    timestamp: int
    elapsed_millis: int = 0
    severity: Severity = Severity.OK
    brokers: list[BrokerTrip] = []
    runtimes: list[BrokerFigures] = []
    measures: list[Measure] = []
    findings: list[Finding] = []
    groups: list[GroupState] = []
    hosts: list[HostSample] = []
    parts: list[Part] = []
    failures: list[Failure] = []

    def tells_of(self, measure: Measure) -> bool:
        """Whether a finding about the same target, at least as severe, reports what a measure shows."""
        order = list(Severity)
        return any(
            found.target == measure.target and order.index(found.severity) >= order.index(measure.severity)
            for found in self.findings
        )

    def failed(self, failure: Failure) -> None:
        """Add what failed after the run, and judge it anew."""
        self.failures.append(failure)
        self.conclude(self.elapsed_millis)

    def conclude(self, elapsed_millis: int) -> None:
        """Sort the findings, the worst first, and judge the whole."""
        order = list(Severity)
        self.elapsed_millis = elapsed_millis
        self.failures = list({(failure.target, failure.cause): failure for failure in self.failures}.values())
        self.findings.sort(key=lambda found: (-order.index(found.severity), found.id, found.target))
        severities = [measure.severity for measure in self.measures] + [found.severity for found in self.findings]
        if self.failures:
            severities.append(Severity.UNKNOWN)
        self.severity = worst(severities)


def measure(expectations: Expectations, name: str, target: str, value: float | None) -> Measure:
    """A value judged by the expectations; what is not known is not good."""
    limits = expectations.of(name)
    severity = Severity.OK
    if value is None:
        severity = Severity.UNKNOWN
    elif _beyond(name, value, limits.critical):
        severity = Severity.CRITICAL
    elif _beyond(name, value, limits.warning):
        severity = Severity.WARNING
    rounded = None if value is None else round(value, 3)
    return Measure(name, target, rounded, str(MEASURES[name].unit), severity, limits.warning, limits.critical)


def _beyond(name: str, value: float, limit: float | None) -> bool:
    if limit is None:
        return False
    return value < limit if name in LEAST else value > limit
