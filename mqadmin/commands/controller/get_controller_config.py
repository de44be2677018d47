"""`mqadmin getControllerConfig`: the configuration of controllers."""

from __future__ import annotations

from rocketmq_ops.client.admin.brokers.config import ConfigReport
from rocketmq_ops.mqadmin.commands.broker.get_broker_config import ConfigEntry, config_outcome
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import ControllerAddress
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


@command(result=ConfigReport, csv=ConfigEntry, example="mqadmin getControllerConfig -a 127.0.0.1:9878")
async def get_controller_config(run: Run, controller_address: ControllerAddress) -> Outcome:
    """Every controller of -a is asked; keys are sorted."""
    async with run.admin() as admin:
        found = await admin.configs.controller_configs(controller_address)
    return config_outcome(found)
