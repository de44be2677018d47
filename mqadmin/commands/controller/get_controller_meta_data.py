"""`mqadmin getControllerMetaData`: the group, leader and peers of the controllers."""

from __future__ import annotations

from rocketmq_ops.client.admin.replicas.controller import ControllerMetadata
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import ControllerAddress
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import labelled
from rocketmq_ops.mqadmin.run import Run


@command(result=ControllerMetadata, example="mqadmin getControllerMetaData -a 127.0.0.1:9878")
async def get_controller_meta_data(run: Run, controller_address: ControllerAddress) -> Outcome:
    """Of several addresses the first that answers is asked."""
    async with run.admin() as admin:
        found = await admin.controllers.metadata(controller_address)
    notes = [] if found.leader_address else [f"{found.controller} knows no leader of its group now"]
    return Outcome(
        data=found,
        blocks=[
            labelled("#ControllerGroup", found.group or None),
            labelled("#ControllerLeaderId", found.leader_id or None),
            labelled("#ControllerLeaderAddress", found.leader_address or None),
            *(labelled("#Peer:", peer) for peer in found.peers),
        ],
        notes=notes,
    )
