"""One run of the prober: name servers, then each broker with messages through it, replication and disks.

Nothing of an application is read or written: the prober has topics and a group of its own (`names.py`), and asks
brokers and name servers for their figures. Requests to one broker are bounded; brokers are probed beside each other.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from rocketmq_ops.client.admin.brokers.cluster import no_such_cluster
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.housekeeping.history import found
from rocketmq_ops.housekeeping.history.database import HistoryError
from rocketmq_ops.housekeeping.history.gone import place_of
from rocketmq_ops.housekeeping.history.recorder import surroundings
from rocketmq_ops.housekeeping.once import Once
from rocketmq_ops.housekeeping.probe import groups, keeping_up, name_servers, pulling
from rocketmq_ops.housekeeping.probe.broker_probe import BrokerProbe
from rocketmq_ops.housekeeping.probe.names import Names, own_names
from rocketmq_ops.housekeeping.probe.report import ProbeReport, measure
from rocketmq_ops.housekeeping.probe.turns import Turns
from rocketmq_ops.remoting.codes import RequestCode

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
    from rocketmq_ops.housekeeping.history.file import History
    from rocketmq_ops.housekeeping.probe.expectations import Expectations
    from rocketmq_ops.housekeeping.probe.groups import GroupsSeen
    from rocketmq_ops.housekeeping.probe.host import Host

#: Brokers that are probed at a time.
_BROKERS_AT_ONCE: Final = 8
#: Pulls wait at the broker, as many as it has queues that are probed.
_HELD_THERE: Final = frozenset({RequestCode.PULL_MESSAGE})
#: What a host is called that is sampled without a broker.
_MACHINE: Final = "host"


class Prober:
    """Probes the cluster of an admin client once; `cluster` limits it to one of several."""

    def __init__(
        self,
        admin: MQAdmin,
        wanted: Expectations,
        *,
        cluster: str | None = None,
        names: Names | None = None,
        history: History | HistoryError | None = None,
        host: Host | None = None,
    ) -> None:
        """With a `history` the run is appended to it, and groups are judged by it.

        One that cannot be used, now or later, is a finding, and the run goes on without it.
        `host`: a machine that brokers run on, to be looked at before and after their messages.
        """
        admin.session.bound(wanted.concurrency, _HELD_THERE)
        self._configs = Once(admin.configs.broker_config)
        self._admin = admin
        self._wanted = wanted
        self._cluster = cluster
        self._names = names or own_names()
        self._history = None if isinstance(history, HistoryError) else history
        self._host = host
        self._brokers: list[BrokerAddress] = []
        self.report = ProbeReport(timestamp=now_ms())
        if isinstance(history, HistoryError):
            self._without_history(history)

    async def run(self) -> ProbeReport:
        """One run. Raises RocketMQError when no name server answers."""
        begun = time.monotonic()
        report, admin = self.report, self._admin
        seen = await name_servers.look(admin)
        for address, answer in seen.seen.items():
            report.measures.append(measure(self._wanted, "nameServerTime", address, answer.millis))
        if not seen.seen:
            report.findings += await name_servers.judge(admin, seen, [])
            report.conclude(_millis_since(begun))
            self._keep_findings()
            return report
        turns = self._turns()
        sample = turns.sample("routes", seen.topics, self._wanted.routes)
        report.findings += await name_servers.judge(admin, seen, sample)
        self._brokers = seen.brokers(None)
        brokers = seen.brokers(self._cluster)
        if not brokers and self._cluster is not None:
            raise no_such_cluster(self._cluster, sorted({broker.cluster or "" for broker in seen.brokers(None)}))
        if not brokers:
            report.findings.append(
                Finding(
                    id="probe.no-brokers",
                    severity=Severity.CRITICAL,
                    target="cluster",
                    evidence=f"no broker is registered at {', '.join(seen.seen)}",
                    remedy="start brokers whose namesrvAddr names these name servers",
                )
            )
        by_name: dict[tuple[str | None, str | None], list[BrokerAddress]] = {}
        for broker in brokers:
            by_name.setdefault((broker.cluster, broker.broker_name), []).append(broker)
        at_once = asyncio.Semaphore(_BROKERS_AT_ONCE)

        async def one(members: list[BrokerAddress]) -> None:
            async with at_once:
                await BrokerProbe(
                    admin, self._wanted, self._names, report, list(seen.seen), members, self._host, self._configs
                ).run()

        masters = [broker for broker in brokers if broker.broker_id == MASTER_ID]
        first = await groups.gather(admin, masters)
        machine = None if self._host is None else await asyncio.to_thread(self._host.watch, _MACHINE)
        async with asyncio.TaskGroup() as group:
            for members in by_name.values():
                group.create_task(one(members))
        if machine is not None and not report.hosts:
            report.hosts.append(await asyncio.to_thread(machine.sample))
            report.failures.append(_nobody_here(masters))
        silent = {failure.target for failure in first.failures}
        answering = [broker for broker in brokers if broker.address not in silent]
        await self._groups(turns, first, answering, [broker for broker in answering if broker.broker_id == MASTER_ID])
        # A broker that is down is said once.
        down = {
            finding.target for finding in report.findings if finding.id in ("probe.broker-down", "probe.broker-refuses")
        }
        report.failures += [
            failure
            for failure in first.failures
            if not any(broker.address == failure.target and broker.broker_name in down for broker in masters)
        ]
        report.runtimes.sort(key=lambda each: (each.cluster, each.broker))
        report.brokers.sort(key=lambda trip: (trip.cluster, trip.broker))
        report.hosts.sort(key=lambda each: each.target)
        report.measures.sort(key=lambda each: (each.target, each.name))
        report.conclude(_millis_since(begun))
        self._keep_findings()
        return report

    def _keep_findings(self) -> None:
        if self._history is not None:
            try:
                found.keep(self._history, self.report.timestamp, self.report.findings)
            except HistoryError as error:
                self._without_history(error)
                self.report.conclude(self.report.elapsed_millis)

    def _turns(self) -> Turns:
        try:
            return Turns(self._history)
        except HistoryError as error:
            self._without_history(error)
            return Turns(None)

    async def _groups(
        self, turns: Turns, first: GroupsSeen, brokers: list[BrokerAddress], masters: list[BrokerAddress]
    ) -> None:
        """How the groups keep up, and what they send back and give up."""
        report, admin = self.report, self._admin
        try:
            if self._history is not None:
                self._history.drop_later(first.time_ms)
            before = keeping_up.Before(self._history, first.time_ms)
        except HistoryError as error:
            self._without_history(error)
            before = keeping_up.Before(None, first.time_ms)
        there, failures = await groups.topics_there(admin, masters)
        report.failures += failures
        report.failures += await groups.add_clients(admin, first, masters, there, before.unsaved, turns)
        report.parts = turns.parts
        held = await pulling.held(admin, first.online)
        dead, failures = await groups.dead_letters(admin, there, self._configs)
        report.failures += failures
        if before.time_ms is not None:
            between_ms = first.time_ms - before.time_ms
            keeping_up.judge_sent_back(self._wanted, report, before.sent_back, first.sent_back(), between_ms)
        elif first.sent_back():
            last = await groups.gather(admin, masters)
            between_ms = last.time_ms - first.time_ms
            keeping_up.judge_sent_back(self._wanted, report, first.sent_back(), last.sent_back(), between_ms)
        keeping_up.judge_dead(self._wanted, report, dead, before, first.time_ms)
        try:
            if self._history is not None:
                registered = {
                    place_of(broker.cluster, broker.broker_name, broker.address): broker.broker_id or 0
                    for broker in self._brokers
                }
                keeping_up.judge_gone(self._history, report, registered, first.time_ms)
                known = {each.address: each.figures for each in report.runtimes}
                more = [*turns.figures(), *pulling.figures(held)]
                around = await surroundings(admin, brokers, masters, known, self._configs)
                keeping_up.record(self._history, report, first, dead, registered, around, more)
            standing = keeping_up.judge_lag(self._history, report, first)
        except HistoryError as error:
            self._without_history(error)
            standing = keeping_up.judge_lag(None, report, first)
        between = None if before.time_ms is None else first.time_ms - before.time_ms
        keeping_up.add_online(report, first, pulling.standing_still(held, before.held, between))
        await keeping_up.add_holders(admin, report, standing)

    def _without_history(self, error: HistoryError) -> None:
        self._history = None
        self.report.findings.append(
            Finding(
                id="probe.no-history",
                severity=Severity.UNKNOWN,
                target="history",
                evidence=f"{error.cause}; this run is not kept, and groups are not judged by the runs before",
                remedy=error.next_step,
            )
        )


def _nobody_here(masters: list[BrokerAddress]) -> Failure:
    return Failure(
        _MACHINE,
        f"none of the brokers {', '.join(sorted(broker.address for broker in masters))} listens on this host",
        "give --host on the machine of a broker, whose own addresses have its brokerIP1 among them",
    )


def _millis_since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
