"""How a report of brokers that were asked to clean up looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.brokers.cleaning import CleaningReport

_COLUMNS = ["#Cluster Name", "#Broker Name", "#BID", "#Addr", "#Result", "#Min Offset Before", "#Min Offset After"]


def cleaning_outcome(report: CleaningReport, *, notes: tuple[str, ...] = ()) -> Outcome:
    """A row for each broker; `notes` say what to expect of brokers that have accepted."""
    table = Table(_COLUMNS, [], ours=["#Result"])
    for broker in report.brokers:
        result = "would be asked" if broker.state == "planned" else "success"
        after = "" if broker.state == "planned" else broker.commit_log_min_offset_after
        table.rows.append(
            [
                broker.cluster,
                broker.broker_name,
                broker.broker_id,
                broker.address,
                result,
                broker.commit_log_min_offset_before,
                after,
            ]
        )
    outcome = Outcome(
        data=report,
        blocks=[table],
        status=status(report.failures),
        errors=list(report.failures),
        notes=[] if report.planned else list(notes),
    )
    if report.planned and not report.failures:
        outcome.status = "planned"
    return outcome
