"""`mqadmin checkRocksdbCqWriteProgress`: have brokers compare their consumequeues in RocksDB with those in files."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.brokers.rocksdb import QueueCheck, QueueCheckReport
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.options.brokers import Cluster
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import timestamp

_DEFAULT_MS = 30 * 24 * 3600 * 1000


@command(
    result=QueueCheckReport,
    rows="brokers",
    namesrv_names=("--nameserverAddr",),
    example="mqadmin checkRocksdbCqWriteProgress -c DefaultCluster -t TopicTest",
)
async def check_rocksdb_cq_write_progress(
    run: Run,
    cluster: Cluster,
    topic: Annotated[TopicName | None, "only this topic"] = None,
    check_from: Annotated[
        int | None,
        Opt(
            "-cf",
            "--checkFrom",
            help="messages stored from then on (default: of 30 days)",
            parse=timestamp,
            metavar="TIME",
        ),
    ] = None,
) -> Outcome:
    """Only the masters of this cluster; Apache's tool asks those of all clusters.

    Brokers begin the check and write its result to their log (`checkRocksdbCqWriteProgress result`): state in_progress.
    Queues that are not the same: exit code 9.
    """
    since = check_from if check_from is not None else now_ms() - _DEFAULT_MS
    async with run.admin() as admin:
        report = await admin.rocksdb.check_queues(cluster, topic, since)
    table = Table(["#Broker Name", "#Broker Addr", "#State", "#Result"], [], ours=["#State"])
    table.rows = [[b.broker_name, b.broker_addr, b.state, b.result or ""] for b in report.brokers]
    errors = list(report.failures) + [_problem(b) for b in report.brokers if b.state in ("not_ok", "error", "unknown")]
    waiting = [b.broker_addr for b in report.brokers if b.state == "in_progress"]
    different = any(broker.state == "not_ok" for broker in report.brokers)
    return Outcome(
        data=report,
        blocks=[table],
        status=status(errors),
        errors=errors,
        notes=[f"the check runs on {', '.join(waiting)}: read its result in the broker's log"] if waiting else [],
        exit_code=ExitCode.DIFFERENT if different else None,
    )


def _problem(broker: QueueCheck) -> Failure:
    cause = "the queues are not the same" if broker.state == "not_ok" else "the check failed"
    return Failure(broker.broker_addr, f"{cause}: {broker.result or 'no reason given'}", "see the broker's log")
