"""`mqadmin getNamesrvConfig`: the configuration of the name servers."""

from __future__ import annotations

from rocketmq_ops.client.admin.brokers.config import ConfigReport
from rocketmq_ops.mqadmin.commands.broker.get_broker_config import ConfigEntry, config_outcome
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


@command(result=ConfigReport, csv=ConfigEntry, example="mqadmin getNamesrvConfig")
async def get_namesrv_config(run: Run) -> Outcome:
    """Every name server is asked; keys are sorted."""
    async with run.admin() as admin:
        found = await admin.configs.namesrv_configs()
    return config_outcome(found)
