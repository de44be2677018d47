"""`mqadmin probe`: one run of the prober, or one after the other."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import msgspec

from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import Failure, RocketMQError, system_words
from rocketmq_ops.common.files import replace_file
from rocketmq_ops.housekeeping.history.database import HistoryError, beside, check_kind
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.probe import expectations
from rocketmq_ops.housekeeping.probe.alert_settings import AlertSettings
from rocketmq_ops.housekeeping.probe.alerts import AlertsError, alerts_file, kept, problems_of
from rocketmq_ops.housekeeping.probe.expectations import MOST_QUEUES
from rocketmq_ops.housekeeping.probe.hooks import Told, configured, tell
from rocketmq_ops.housekeeping.probe.lock import NoLockError, one_at_a_time
from rocketmq_ops.housekeeping.probe.prober import Prober
from rocketmq_ops.housekeeping.probe.report import ProbeReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import failure_of, usage
from rocketmq_ops.mqadmin.history_options import history_path
from rocketmq_ops.mqadmin.options.brokers import ClusterName
from rocketmq_ops.mqadmin.options.housekeeping import HistoryFile, HostRoot, OnHost
from rocketmq_ops.mqadmin.render.monitoring import probe_outcome, prometheus_text
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.repeating.exporter import served
from rocketmq_ops.mqadmin.repeating.repeat import repeated
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import path, positive, up_to


@command(
    result=ProbeReport,
    rows="measures",
    name="target",
    monitoring=True,
    sends=True,
    more_outputs=("text", "nagios", "prometheus"),
    example="mqadmin probe --output nagios",
)
async def probe(
    run: Run,
    file: Annotated[
        str | None,
        Opt(
            "--expectations",
            help="YAML file of what is expected (default: the probes.yaml that is shipped)",
            parse=path,
            metavar="FILE",
        ),
    ] = None,
    cluster: Annotated[ClusterName | None, "only the brokers of this cluster"] = None,
    queues: Annotated[
        int | None, Opt("--queues", help="queues of each broker to send to, 1 to 128", parse=up_to(MOST_QUEUES))
    ] = None,
    textfile: Annotated[
        str | None,
        Opt("--textfile", help="also write Prometheus' text format to this file", parse=path, metavar="FILE"),
    ] = None,
    history: HistoryFile | None = None,
    no_history: Annotated[bool, Opt("--no-history", help="neither read nor write the history")] = False,
    host: Annotated[OnHost, "this machine is a broker's: sample its memory, disk and clock with each run"] = False,
    root: HostRoot | None = None,
    loop: Annotated[
        int | None, Opt("--loop", help="run again every so many seconds", parse=positive, metavar="SECONDS")
    ] = None,
    listen: Annotated[
        str | None,
        Opt("--listen", help="serve the metrics at this address while it runs (with --loop)", metavar="HOST:PORT"),
    ] = None,
    jitter: Annotated[
        int | None,
        Opt(
            "--jitter",
            help="wait up to so many seconds first, so that not all start at once",
            parse=positive,
            metavar="SECONDS",
        ),
    ] = None,
) -> Outcome:
    """Messages go through every broker, by a topic and a group of the prober's own, which it makes and deletes: nothing
    of an application is read or written. Measured are the time of a send, of a delivery to a waiting consumer, and of
    replication, the accuracy of a delay level, loss, duplicates and order, disks and clocks, each against an
    expectation; every name server is asked alone, and whether they agree. What did not come is looked up in the same
    run, and where it stopped is reported. With --host, memory, pressure, disk and clock of the broker's machine are
    sampled around its messages.

    Exit codes are those of Nagios plugins: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    """
    wanted = expectations.read(Path(file) if file is not None else expectations.shipped())
    if queues is not None:
        wanted = msgspec.structs.replace(wanted, queues=queues)
    if listen is not None and loop is None:
        raise usage("--listen serves what one run after the other finds", "give --loop SECONDS with it")
    if jitter is not None:
        await asyncio.sleep(random.uniform(0, jitter))
    sampled = None
    if host or root is not None:
        from rocketmq_ops.housekeeping.host.changes import root_of
        from rocketmq_ops.housekeeping.probe.host import Host

        sampled = Host(root_of(root))
    metrics = ""
    place = history_path(run, history)
    async with run.admin() as admin:

        async def looked() -> ProbeReport:
            async def with_history(kept: History | HistoryError | None) -> ProbeReport:
                return await Prober(admin, wanted, cluster=cluster, history=kept, host=sampled).run()

            with _locked(place, needed=not no_history) as unusable:
                if no_history:
                    return await with_history(None)
                try:
                    opened = History.open(place)
                except HistoryError as error:
                    return await with_history(error)
                with opened:
                    report = await with_history(opened)
            if unusable is not None:
                report.failed(failure_of("lock", unusable))
            return report

        async def once() -> Outcome:
            nonlocal metrics
            whole = True
            try:
                report = await looked()
            except RocketMQError as error:
                if loop is None:
                    raise
                report, whole = ProbeReport(timestamp=now_ms()), False
                report.failed(failure_of("", error))
            if wanted.alerts.command or wanted.alerts.webhook:
                await _alert(run, wanted.alerts, report, place, whole=whole)
            if textfile is not None:
                try:
                    replace_file(textfile, prometheus_text(report).encode())
                except OSError as error:
                    reason = system_words(error)
                    report.failed(
                        Failure(textfile, f"cannot write {textfile}: {reason}", "name a file in a folder that takes it")
                    )
            if listen is not None:
                metrics = prometheus_text(report)
            return probe_outcome(report, run.options.output)

        if listen is None:
            return await repeated(run, loop, once)
        async with served(listen, lambda: metrics):
            return await repeated(run, loop, once)


@contextmanager
def _locked(place: Path, *, needed: bool) -> Iterator[NoLockError | None]:
    """One run at a time on a history; why there is no lock, where it is `needed` and cannot be made.

    Overlapping runs do no harm, they only wait for each other's history. Beside a device nothing is made.
    """
    with ExitStack() as held:
        missing = None
        try:
            check_kind(place)
            held.enter_context(one_at_a_time(beside(place, "lock")))
        except HistoryError:
            pass  # which is found when it is opened
        except NoLockError as error:
            missing = error if needed else None
        yield missing


async def _alert(run: Run, settings: AlertSettings, report: ProbeReport, place: Path, *, whole: bool) -> None:
    """Tell of what has changed; that nobody could be told is a failure of the run."""
    try:
        with kept(alerts_file(place)) as alerts:
            notices = alerts.step(problems_of(report), report.timestamp, settings, whole=whole)
            told = Told(list(run.connection.name_servers), report.timestamp, notices)
            failed = await tell(settings, told, alerts.owed)
            if notices or failed or alerts.owed:
                alerts.settle(notices, configured(settings), failed, report.timestamp)
        for error in failed.values():
            report.failed(failure_of("alerts", error))
    except AlertsError as error:
        report.failed(failure_of("alerts", error))
