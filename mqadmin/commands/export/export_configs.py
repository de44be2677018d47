"""`mqadmin exportConfigs`: the main settings of a cluster's masters, to a file."""

from __future__ import annotations

import msgspec

from rocketmq_ops.client.admin.brokers.export import ConfigsExport, configs
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import ClusterName, ExportFolder
from rocketmq_ops.mqadmin.render.export_file import EXPORT_FOLDER, export_file_outcome, save_export
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


class ExportedConfigs(msgspec.Struct, rename="camel"):
    """The file and what it holds."""

    path: str
    export: ConfigsExport


@command(result=ExportedConfigs, example="mqadmin exportConfigs -c DefaultCluster -f ./export")
async def export_configs(run: Run, cluster_name: ClusterName, file_path: ExportFolder = EXPORT_FOLDER) -> Outcome:
    """Writes configs.json; the one that was there before is kept as configs.json.bak."""
    async with run.admin() as admin:
        found = await configs(admin, cluster_name)
    path = save_export(file_path, "configs.json", found)
    return export_file_outcome(ExportedConfigs(path, found), path, found.failures)
