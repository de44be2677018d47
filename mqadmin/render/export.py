"""The outcome of exports on brokers, of exportPopRecord and rocksDBConfigToJson."""

from __future__ import annotations

from rocketmq_ops.client.admin.brokers.rocksdb import ExportReport
from rocketmq_ops.mqadmin.render.outcome import Outcome, Status, Table


def export_outcome(report: ExportReport, nothing: str) -> Outcome:
    """A row for each broker; `nothing` says what it means that no broker had something to export."""
    table = Table(["#Broker Name", "#Broker Addr", "#State", "#Detail"], [], ours=["#State"])
    table.rows = [[b.broker_name, b.broker_addr, b.state, b.detail] for b in report.brokers]
    acted = any(broker.state != "nothing" for broker in report.brokers)
    outcome: Status = "ok" if not report.planned else "planned"
    if report.failures:
        outcome = "partial"
    elif not acted:
        outcome = "unchanged"
    return Outcome(
        data=report,
        blocks=[table],
        status=outcome,
        errors=list(report.failures),
        notes=[] if acted or report.failures else [nothing],
    )
