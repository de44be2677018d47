"""`mqadmin getNamesrvConfig`: the configuration of the name servers."""

from __future__ import annotations

from ...client.admin.config import ConfigReport
from ..declare import command
from ..outcome import Outcome
from ..run import Run
from .get_broker_config import ConfigEntry, config_outcome


@command(result=ConfigReport, csv=ConfigEntry, example="mqadmin getNamesrvConfig")
async def get_namesrv_config(run: Run) -> Outcome:
    """Every name server is asked; keys are sorted."""
    async with run.admin() as admin:
        found = await admin.configs.namesrv_configs()
    return config_outcome(found)
