"""`mqadmin exportMetrics`: figures of a cluster's masters to judge it by, to a file."""

from __future__ import annotations

import msgspec

from rocketmq_ops.client.admin.brokers.export import MetricsExport, metrics
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import ClusterName, ExportFolder
from rocketmq_ops.mqadmin.render.export_file import EXPORT_FOLDER, export_file_outcome, save_export
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


class ExportedMetrics(msgspec.Struct, rename="camel"):
    """The file and what it holds."""

    path: str
    export: MetricsExport


@command(result=ExportedMetrics, example="mqadmin exportMetrics -c DefaultCluster -f ./export")
async def export_metrics(run: Run, cluster_name: ClusterName, file_path: ExportFolder = EXPORT_FOLDER) -> Outcome:
    """Writes metrics.json; the one that was there before is kept as metrics.json.bak.

    A sum is null when one broker's part of it is unknown. The versions of clients are those of online consumers.
    """
    async with run.admin() as admin:
        found = await metrics(admin, cluster_name)
    path = save_export(file_path, "metrics.json", found)
    return export_file_outcome(ExportedMetrics(path, found), path, found.failures)
