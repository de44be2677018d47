"""Whether every server of a cluster can be reached from here: the name servers, and the brokers that they list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from rocketmq_ops.client.api.servers import cluster_info_of
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.errors import Failure

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin


class Reached(msgspec.Struct, rename="camel"):
    """One server and whether it answered; of a broker `name` is CLUSTER/NAME, `role` master or slave with its id."""

    kind: Literal["name server", "broker"]
    address: str
    name: str | None
    role: str | None
    answered: bool


class ReachReport(msgspec.Struct, rename="camel"):
    """The name servers as given, then the brokers as they are listed, and why some did not answer."""

    servers: list[Reached]
    failures: list[Failure] = []


async def reach(admin: MQAdmin) -> ReachReport:
    """Ask every name server for its brokers, and every broker for its figures, by the addresses that clients use."""
    asked = await admin.each_namesrv(lambda address: cluster_info_of(admin.session, address))
    servers = [Reached("name server", address, None, None, address in asked.answers) for address in admin.name_servers]
    brokers: dict[str, tuple[str, str]] = {}
    for info in asked.answers.values():
        for cluster, names in sorted(info.cluster_addr_table.items()):
            for name in sorted(names):
                data = info.broker_addr_table.get(name)
                for broker_id, address in data.broker_addrs.items() if data is not None else ():
                    role = "master" if int(broker_id) == MASTER_ID else f"slave {broker_id}"
                    brokers.setdefault(address, (f"{cluster}/{name}", role))
    figures = await admin.fan_out(brokers, admin.cluster.runtime)
    servers += [Reached("broker", address, *known, address in figures.answers) for address, known in brokers.items()]
    return ReachReport(servers, [*asked.failures, *figures.failures])
