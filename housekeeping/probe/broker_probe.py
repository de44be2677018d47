"""The part of a run that is about the brokers of one name: figures, messages through its master, replication, disks."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from rocketmq_ops.client.api import offsets as offset_api
from rocketmq_ops.client.api.route import topic_route_of
from rocketmq_ops.client.api.servers import runtime_info
from rocketmq_ops.client.errors import BrokerError
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.delay_levels import DEFAULT_DELAY_LEVELS, parse_delay_levels
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.stage_times import split_stage_keys
from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.housekeeping.once import Once
from rocketmq_ops.housekeeping.probe import explain, name_servers
from rocketmq_ops.housekeeping.probe.delivery import Delivery, Sent
from rocketmq_ops.housekeeping.probe.host import Store, store_of
from rocketmq_ops.housekeeping.probe.names import Names
from rocketmq_ops.housekeeping.probe.report import BrokerFigures, ProbeReport, measure
from rocketmq_ops.remoting.errors import RemotingConnectError

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
    from rocketmq_ops.housekeeping.probe.expectations import Expectations
    from rocketmq_ops.housekeeping.probe.host import Host, HostSample, Watch

#: How long a new topic may take to be routed, ms.
_ROUTED_MS: Final = 2000


class BrokerProbe:
    """The part of a run that is about the brokers of one name."""

    def __init__(
        self,
        admin: MQAdmin,
        wanted: Expectations,
        names: Names,
        report: ProbeReport,
        name_server_addresses: list[str],
        members: list[BrokerAddress],
        host: Host | None,
        configs: Once[dict[str, str]],
    ) -> None:
        self._configs = configs
        self._host = host
        self._sample: HostSample | None = None
        self._figures_of_master: dict[str, str] = {}
        self._notes_stages: str | None = None
        self._admin = admin
        self._wanted = wanted
        self._names = names
        self._report = report
        self._name_servers = name_server_addresses
        self._master = next((broker for broker in members if broker.broker_id == MASTER_ID), None)
        self._slaves = [broker for broker in members if broker.broker_id != MASTER_ID]
        self._name = members[0].broker_name or ""

    async def run(self) -> None:
        for slave in self._slaves:
            await self._figures(slave)
        master = self._master
        if master is None:
            self._find(
                "no-master",
                Severity.CRITICAL,
                self._name,
                f"only slaves are registered: {', '.join(slave.address for slave in self._slaves)}",
                "start its master, or have the controller elect one: `mqadmin electMaster`",
            )
            return
        if not await self._figures(master):
            return
        try:
            self._report.findings += await name_servers.unwritable(
                self._admin, self._name_servers, self._name, master.address
            )
        except RocketMQError as error:
            self._report.failures.append(self._admin.failure_of(master.address, error))
        await self._deliver(master)

    async def _figures(self, broker: BrokerAddress) -> bool:
        """The broker's own figures; whether it answered."""
        target = self._target(broker)
        try:
            # What Apache's brokers pass over; one that notes the times of stages says so, and of reads from now on.
            topic = self._names.topic(self._name) if broker is self._master else None
            table = await runtime_info(self._admin.session, broker.address, stages_of=topic)
        except RocketMQError as error:
            remedy = error.next_step
            if isinstance(error, RemotingConnectError):
                remedy = (
                    f"start it if it is down; if it runs, {broker.address} is not where it can be reached from here: "
                    "set brokerIP1 to an address that clients reach, or use --addressMap"
                )
            # One that answers with a refusal is not down.
            kind = "broker-refuses" if isinstance(error, BrokerError) else "broker-down"
            self._find(kind, Severity.CRITICAL, target, error.cause, remedy)
            return False
        figures, notes_stages, _ = split_stage_keys(table)
        number = MASTER_ID if broker.broker_id is None else broker.broker_id
        self._report.runtimes.append(BrokerFigures(target, broker.cluster or "", broker.address, figures, number))
        if broker is self._master:
            self._figures_of_master = figures
            self._notes_stages = notes_stages
        ratio = _number(figures.get("commitLogDiskRatio"))
        self._add("disk", target, None if ratio is None or ratio < 0 else ratio * 100)
        behind = _number(figures.get("dispatchBehindBytes"))
        if behind is not None:
            self._add("dispatchGap", target, behind)
        return True

    async def _delay_ms(self, master: BrokerAddress) -> int | None:
        """What the delay level means there; None when none is to be measured, or the broker has fewer levels."""
        if not self._wanted.delay_level:
            return None
        try:
            config = await self._configs(master.address)
            levels = parse_delay_levels(config.get("messageDelayLevel", DEFAULT_DELAY_LEVELS))
        except RocketMQError as error:
            self._fail(master, error)
            return None
        return levels[self._wanted.delay_level - 1] if self._wanted.delay_level <= len(levels) else None

    async def _watch(self, master: BrokerAddress) -> Watch | None:
        """The first look at the host, where it is this master's. The broker's answers say where its store is."""
        host = self._host
        if host is None or not await asyncio.to_thread(host.has, master.address):
            return None
        store = Store()
        try:
            store = store_of(await self._configs(master.address), self._figures_of_master)
        except RocketMQError as error:
            self._fail(master, error)
        return await asyncio.to_thread(host.watch, self._name, master.address, store)

    async def _deliver(self, master: BrokerAddress) -> None:
        delivery = Delivery(
            self._admin, master, self._name_servers, self._names, self._wanted, await self._delay_ms(master)
        )
        delivery.notes_stages = self._notes_stages
        try:
            watch = await self._watch(master)
            async with delivery:
                await delivery.run()
                if watch is not None:
                    self._sample = await asyncio.to_thread(watch.sample)
                    self._report.hosts.append(self._sample)
                await self._replicated(delivery)
                await self._routed(delivery)
                await self._explain(delivery)
        except RocketMQError as error:
            self._find(
                "not-probed",
                Severity.CRITICAL,
                self._name,
                f"no message could be sent through it: {error.cause}",
                error.next_step,
            )
        self._report.failures += delivery.left

    async def _routed(self, delivery: Delivery) -> None:
        """That each name server routes the new topic to the broker, as it has to be for any consumer to find it."""
        missing = list(self._name_servers)
        end = time.monotonic() + _ROUTED_MS / 1000
        while True:
            fan = await self._admin.fan_out(
                missing, lambda address: topic_route_of(self._admin.session, address, delivery.topic)
            )
            missing = [address for address, route in fan.answers.items() if route is None]
            if not missing or time.monotonic() > end:
                break
            await asyncio.sleep(0.1)
        if missing:
            self._find(
                "not-routed",
                Severity.CRITICAL,
                self._name,
                f"{_ROUTED_MS} ms after it was made, {', '.join(missing)} has no route of a topic on it: "
                "consumers that ask there do not find new topics",
                f"`mqadmin getBrokerConfig -b {delivery.broker.address}`: namesrvAddr; and the broker's log",
            )

    async def _replicated(self, delivery: Delivery) -> None:
        """How long until each slave has the last message of queue 0, and what it lacks then."""
        stored = [m for m in delivery.messages if m.queue_id == 0 and m.result is not None and not m.delay_ms]
        if not stored:
            return
        last = stored[-1]
        assert last.result is not None
        wanted = last.result.queue_offset + 1
        for slave in self._slaves:
            target = self._target(slave)
            try:
                taken = await self._until(slave, delivery.topic, wanted, last)
                gap = await self._gap(delivery.broker, slave)
            except RocketMQError as error:
                self._fail(slave, error)
                self._add("replicationTime", target, None)
                continue
            self._add("replicationTime", target, taken)
            self._add("replicationGap", target, gap)
            if taken is None:
                self._find(
                    "not-replicated",
                    Severity.CRITICAL,
                    target,
                    f"after {self._wanted.wait_ms} ms the slave at {slave.address} has not got offset {wanted - 1} of "
                    f"{delivery.topic}" + ("" if gap is None else f"; it lacks {gap:.0f} bytes of the commitlog"),
                    f"`mqadmin haStatus -b {delivery.broker.address}`, and the slave's log",
                )

    async def _until(self, slave: BrokerAddress, topic: str, wanted: int, last: Sent) -> float | None:
        """ms from the message's answer until the slave's queue holds it; None when it does not in the time to wait."""
        answered = last.sent_at + last.send_ms / 1000
        pause = 0.01
        while True:
            if await offset_api.max_offset(self._admin.session, slave.address, topic, 0) >= wanted:
                return (time.perf_counter() - answered) * 1000
            if (time.perf_counter() - answered) * 1000 > self._wanted.wait_ms:
                return None
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.5)

    async def _gap(self, master: BrokerAddress, slave: BrokerAddress) -> float | None:
        """Bytes that the slave lacks. The master is asked first, so that what comes in between is no gap."""
        ends = []
        for broker in (master, slave):
            ends.append(_number((await runtime_info(self._admin.session, broker.address)).get("commitLogMaxOffset")))
        return None if ends[0] is None or ends[1] is None else max(ends[0] - ends[1], 0.0)

    async def _explain(self, delivery: Delivery) -> None:
        """Judge what was measured, and look up where messages stopped."""
        trip, name = delivery.trip, self._name
        self._report.brokers.append(trip)
        if delivery.failed:
            self._report.findings.append(explain.on_host(explain.not_sent(delivery, delivery.failed[0]), self._sample))
        weaker = {status: count for status, count in trip.statuses.items() if status not in ("SEND_OK", "FAILED")}
        if weaker:
            self._find(
                "stored-less-safely",
                Severity.WARNING,
                name,
                ", ".join(
                    f"{plural(count, 'message was', 'messages were')} answered with {status}"
                    for status, count in weaker.items()
                )
                + ": they are stored, but not flushed or replicated as the broker is configured",
                f"`mqadmin haStatus -b {delivery.broker.address}`; flushDiskType and brokerRole",
            )
        self._add("sendTime", name, max(trip.send_ms, default=None))
        self._add("storeTime", name, max(trip.store_ms, default=None))
        self._add("deliveryTime", name, max(trip.delivery_ms, default=None))
        if any(message.delay_ms for message in delivery.messages):
            self._add("delayError", name, None if trip.delay_error_ms is None else abs(trip.delay_error_ms))
        self._add("lost", name, len(delivery.missing))
        self._add("duplicates", name, trip.duplicates)
        self._add("outOfOrder", name, trip.out_of_order)
        if trip.clock_difference_ms is not None:
            self._add("clockDifference", name, abs(trip.clock_difference_ms))
        prompt = [message for message in delivery.missing if not message.delay_ms]
        for message in (prompt or delivery.missing)[:1]:
            stopped = await explain.not_received(self._admin, delivery, message)
            self._report.findings.append(explain.on_host(stopped, self._sample))
        judged = next(m for m in reversed(self._report.measures) if (m.name, m.target) == ("deliveryTime", name))
        if judged.value is not None and judged.severity in (Severity.WARNING, Severity.CRITICAL):
            self._report.findings.append(
                await explain.late(self._admin, delivery, judged.value, judged.severity, self._sample)
            )

    def _target(self, broker: BrokerAddress) -> str:
        """The broker's name, of a slave with its id."""
        return self._name if broker.broker_id == MASTER_ID else f"{self._name}#{broker.broker_id}"

    def _add(self, name: str, target: str, value: float | None) -> None:
        self._report.measures.append(measure(self._wanted, name, target, value))

    def _find(self, kind: str, severity: Severity, target: str, evidence: str, remedy: str) -> None:
        self._report.findings.append(
            Finding(id=f"probe.{kind}", severity=severity, target=target, evidence=evidence, remedy=remedy)
        )

    def _fail(self, broker: BrokerAddress, error: RocketMQError) -> None:
        self._report.failures.append(self._admin.failure_of(broker.address, error))


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
