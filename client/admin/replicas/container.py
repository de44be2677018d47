"""Broker containers: adding and removing brokers of a process that holds several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.client.admin.changes import Change, ChangingResult, State
from rocketmq_ops.client.api import containers as api
from rocketmq_ops.common.errors import RocketMQError

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin


class ContainerChange(ChangingResult):
    """What was done to a container; `planned`: nothing was sent.

    `registered`: whether the name servers list the broker afterwards, `registered_before` whether they did before it
    was removed; None when that is not known.
    """

    container: str
    action: str
    broker: str
    planned: bool
    registered: bool | None = None
    registered_before: bool | None = None

    def as_changes(self) -> list[Change]:
        """The broker that is started or stopped."""
        adding = self.action == "add"
        # A broker that no name server listed may have run, or not: then nothing shows that it stopped.
        seen = not adding and self.registered_before is True and self.registered is False
        state: State = "planned" if self.planned else "done" if seen else "unverified"
        return [Change(self.container, "containedBroker", self.broker, "create" if adding else "delete", state)]


class ContainerAdmin:
    """Calls to broker containers. Mirrors addBrokerToContainer and removeBrokerFromContainer.

    A container does not list its brokers: what became of a change shows on the name servers alone.
    """

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def add(self, container: str, config_path: str, *, plan: bool) -> ContainerChange:
        """Start the broker of a configuration file, which is one of the container's machine."""
        change = ContainerChange(container, "add", config_path, plan)
        if not plan:
            await api.add_broker(self._admin.session, container, config_path)
        return change

    async def remove(self, container: str, cluster: str, name: str, broker_id: int, *, plan: bool) -> ContainerChange:
        """Stop a broker, whether the name servers list it or not: the container refuses one that it does not have."""
        change = ContainerChange(container, "remove", f"{cluster}:{name}:{broker_id}", plan)
        change.registered_before = await self._registered(cluster, name, broker_id)
        if plan:
            change.registered = change.registered_before
            return change
        await api.remove_broker(self._admin.session, container, cluster, name, broker_id)
        change.registered = await self._registered(cluster, name, broker_id)
        return change

    async def _registered(self, cluster: str, name: str, broker_id: int) -> bool | None:
        """Whether the name servers list the broker; None when they cannot be asked."""
        try:
            known = await self._admin.cluster.brokers()
        except RocketMQError:
            return None
        return any((b.cluster, b.broker_name, b.broker_id) == (cluster, name, broker_id) for b in known)
