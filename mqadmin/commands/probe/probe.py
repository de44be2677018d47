"""`mqadmin probe`: one run of the prober, or one after the other."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Annotated

import msgspec

from rocketmq_ops.common.files import OS_FILES
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.place import history_file
from rocketmq_ops.housekeeping.probe import expectations
from rocketmq_ops.housekeeping.probe.alert_settings import AlertSettings
from rocketmq_ops.housekeeping.probe.alerts import AlertsError, alerts_file, kept, problems_of
from rocketmq_ops.housekeeping.probe.hooks import HookError, Told, tell
from rocketmq_ops.housekeeping.probe.lock import one_at_a_time
from rocketmq_ops.housekeeping.probe.prober import Prober
from rocketmq_ops.housekeeping.probe.report import ProbeReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import failure_of, usage
from rocketmq_ops.mqadmin.options.brokers import ClusterName
from rocketmq_ops.mqadmin.options.housekeeping import HistoryFile, HostRoot, OnHost
from rocketmq_ops.mqadmin.render.monitoring import probe_outcome, prometheus_text
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.repeating.exporter import served
from rocketmq_ops.mqadmin.repeating.repeat import repeated
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import path, positive


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
    queues: Annotated[int | None, Opt("--queues", help="queues of each broker to send to", parse=positive)] = None,
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
    place = Path(history) if history is not None else history_file(run.connection.name_servers)
    async with run.admin() as admin:

        async def once() -> Outcome:
            with one_at_a_time(place.with_suffix(".lock")):
                if no_history:
                    report = await Prober(admin, wanted, cluster=cluster, host=sampled).run()
                else:
                    with History.open(place) as kept:
                        report = await Prober(admin, wanted, cluster=cluster, history=kept, host=sampled).run()
            if wanted.alerts.command or wanted.alerts.webhook:
                await _alert(run, wanted.alerts, report, place)
            if textfile is not None:
                _write(textfile, prometheus_text(report))
            if listen is not None:
                nonlocal metrics
                metrics = prometheus_text(report)
            return probe_outcome(report, run.options.output)

        if listen is None:
            return await repeated(run, loop, once)
        async with served(listen, lambda: metrics):
            return await repeated(run, loop, once)


def _write(name: str, text: str) -> None:
    """All of it or nothing: a collector reads files whenever it likes."""
    temporary = f"{name}.{os.getpid()}"
    OS_FILES.write_synced(temporary, text.encode())
    OS_FILES.replace(temporary, name)


async def _alert(run: Run, settings: AlertSettings, report: ProbeReport, place: Path) -> None:
    """Tell of what has changed; that nobody could be told is a failure of the run."""
    try:
        with kept(alerts_file(place)) as alerts:
            notices = alerts.step(problems_of(report), report.timestamp, settings)
            if notices:
                try:
                    await tell(settings, Told(list(run.connection.name_servers), report.timestamp, notices))
                except HookError as error:
                    report.failed(failure_of("alerts", error))
                    return
                alerts.delivered(notices, report.timestamp)
    except AlertsError as error:
        report.failed(failure_of("alerts", error))
