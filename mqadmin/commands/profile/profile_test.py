"""`mqadmin profile test`: whether every server of a profile answers."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.brokers.reach import ReachReport, reach
from rocketmq_ops.mqadmin.connecting.profiles import resolve
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.options.local import ProfileName
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Status, Table
from rocketmq_ops.mqadmin.run import Run


@command(result=ReachReport, schema=2, rows="servers", offline_with=("name",), example="mqadmin profile test prod")
async def profile_test(
    run: Run,
    name: Annotated[ProfileName | None, "name of the profile; without one, what a command here connects by"] = None,
) -> Outcome:
    """Each name server is asked for its brokers, and each broker for its figures, by the addresses that clients use and
    with the profile's credentials."""
    if name is not None:
        run.use(
            resolve(
                None,
                name,
                credentials=run.options.credentials,
                address_map=run.options.address_map,
                tls=run.options.tls,
            )
        )
    async with run.admin() as admin:
        report = await reach(admin)
    if not any(server.answered for server in report.servers):
        return Outcome(
            data=report,
            blocks=[_table(report)],
            status="failed",
            errors=report.failures,
            exit_code=ExitCode.CANNOT_CONNECT,
        )
    status: Status = "partial" if report.failures else "ok"
    return Outcome(data=report, blocks=[_table(report)], status=status, errors=report.failures)


def _table(report: ReachReport) -> Table:
    rows: list[list[Cell]] = [
        [server.kind, server.address, server.name or "", server.role or "", "yes" if server.answered else "no"]
        for server in report.servers
    ]
    return Table(["#KIND", "#ADDRESS", "#NAME", "#ROLE", "#ANSWERED"], rows, ours=["#KIND", "#ROLE", "#ANSWERED"])
