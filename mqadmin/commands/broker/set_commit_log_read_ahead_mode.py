"""`mqadmin setCommitLogReadAheadMode`: set how brokers read their commitlogs ahead."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.brokers.cold_data import ReadAheadReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.lang import tr_message
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import integer


def _mode(text: str) -> int:
    value = integer(text)
    if value not in (0, 1):
        raise ValueError(f"invalid mode '{text}': expected 0 (read ahead as usual) or 1 (for random reads)")
    return value


@command(
    result=ReadAheadReport,
    rows="brokers",
    name="broker.address",
    any_of=(("broker_addr", "cluster_name"),),
    changes=True,
    example="mqadmin setCommitLogReadAheadMode -c DefaultCluster -m 1",
)
async def set_commit_log_read_ahead_mode(
    run: Run,
    mode: Annotated[
        int, Opt("-m", "--commitLogReadAheadMode", help="0 as usual, 1 for random reads", parse=_mode, metavar="0|1")
    ],
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
) -> Outcome:
    """No broker tells its mode, so that the change cannot be read back: what each answered is shown."""
    async with run.admin() as admin:
        brokers = await admin.cluster.chosen(broker_addr, cluster_name)
        report = await admin.cold_data.set_read_ahead(brokers, mode, plan=run.plan)
    lines: list[Table | str] = []
    for each in report.brokers:
        ours = f"would set the read-ahead mode {mode}" if report.planned else "no words with it"
        said = tr_message(ours) if report.planned or not each.answer else each.answer
        lines.append(f"{each.broker.address}: {said}")
    return Outcome(
        data=report,
        blocks=lines,
        status="planned" if report.planned and not report.failures else status(report.failures),
        errors=list(report.failures),
    )
