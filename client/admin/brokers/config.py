"""Configuration of brokers, name servers and controllers, and the write permission of a broker on name servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.changes import Change, ChangeReport, FieldChange
from rocketmq_ops.client.api import controllers, servers
from rocketmq_ops.client.api.session import Session
from rocketmq_ops.client.errors import BrokerError, NotFoundError, RefusedValueError
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.errors import Failure, RocketMQError, See
from rocketmq_ops.common.nearest import nearest_name
from rocketmq_ops.common.properties import format_properties, parse_server_config
from rocketmq_ops.common.start_keys import READ_AT_START
from rocketmq_ops.remoting.codes import ResponseCode

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.brokers.write_permission import PermissionReport
    from rocketmq_ops.client.admin.core import MQAdmin


class ServerConfig(msgspec.Struct, rename="camel"):
    """The configuration of one server; None when it did not answer. Slaves name their master's address."""

    address: str
    broker_name: str | None
    broker_id: int | None
    master: str | None
    config: dict[str, str] | None


class ConfigReport(msgspec.Struct, rename="camel"):
    """Configurations of several servers, keys sorted."""

    servers: list[ServerConfig]
    failures: list[Failure] = []


class ConfigAdmin:
    """Calls about configuration. Mirrors getBrokerConfig, updateBrokerConfig, wipeWritePermOfBroker and relatives."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def broker_config(self, address: str) -> dict[str, str]:
        """The keys of one broker's configuration."""
        return parse_server_config(await servers.broker_config(self._admin.session, address))

    async def namesrv_config(self, address: str) -> dict[str, str]:
        """The keys of one name server's configuration."""
        return parse_server_config(await servers.namesrv_config(self._admin.session, address))

    async def broker_configs(self, brokers: list[BrokerAddress]) -> ConfigReport:
        """The configuration of several brokers. Raises AllFailedError when none answers."""
        fan = await self._admin.fan_out(brokers, lambda broker: self.broker_config(broker.address))
        fan.require_some("reading the configuration")
        masters = {b.broker_name: b.address for b in brokers if b.broker_id == MASTER_ID}
        listed = [
            ServerConfig(
                b.address,
                b.broker_name,
                b.broker_id,
                masters.get(b.broker_name) if b.broker_id else None,
                fan.answers.get(b),
            )
            for b in brokers
        ]
        return ConfigReport(listed, fan.failures)

    async def namesrv_configs(self) -> ConfigReport:
        """The configuration of every name server."""
        fan = await self._admin.each_namesrv(self.namesrv_config)
        fan.require_some("reading the configuration")
        listed = [ServerConfig(a, None, None, None, fan.answers.get(a)) for a in self._admin.name_servers]
        return ConfigReport(listed, fan.failures)

    async def update_brokers(
        self, brokers: list[BrokerAddress], key: str, value: str, *, plan: bool = False
    ) -> ChangeReport:
        """Set one key on each broker and read it back. Raises AllFailedError when no broker could be changed."""
        fan = await self._admin.fan_out(
            brokers,
            lambda broker: self._update(
                broker.address,
                key,
                value,
                self.broker_config,
                servers.put_broker_config,
                "configs.broker_config",
                plan,
                "brokerConfig",
            ),
        )
        fan.require_some(f"changing {key}")
        return ChangeReport(plan, list(fan.answers.values()), fan.failures)

    async def update_namesrvs(
        self, key: str, value: str, *, addresses: Sequence[str] | None = None, plan: bool = False
    ) -> ChangeReport:
        """Set one key on every name server, or on these, and read it back."""
        fan = await self._admin.fan_out(
            self._admin.name_servers if addresses is None else addresses,
            lambda address: self._update(
                address,
                key,
                value,
                self.namesrv_config,
                servers.put_namesrv_config,
                "configs.namesrv_configs",
                plan,
                "namesrvConfig",
            ),
        )
        fan.require_some(f"changing {key}")
        return ChangeReport(plan, list(fan.answers.values()), fan.failures)

    async def controller_config(self, address: str) -> dict[str, str]:
        """The keys of one controller's configuration."""
        return parse_server_config(await controllers.controller_config(self._admin.session, address))

    async def controller_configs(self, addresses: Sequence[str]) -> ConfigReport:
        """The configuration of several controllers. Raises AllFailedError when none answers."""
        fan = await self._admin.fan_out(addresses, self.controller_config)
        fan.require_some("reading the configuration")
        return ConfigReport([ServerConfig(a, None, None, None, fan.answers.get(a)) for a in addresses], fan.failures)

    async def update_controllers(
        self, addresses: Sequence[str], key: str, value: str, *, plan: bool = False
    ) -> ChangeReport:
        """Set one key on each controller and read it back. Raises AllFailedError when none could be changed."""
        fan = await self._admin.fan_out(
            addresses,
            lambda address: self._update(
                address,
                key,
                value,
                self.controller_config,
                controllers.put_controller_config,
                "configs.controller_configs",
                plan,
                "controllerConfig",
            ),
        )
        fan.require_some(f"changing {key}")
        return ChangeReport(plan, list(fan.answers.values()), fan.failures)

    async def _update(
        self,
        address: str,
        key: str,
        value: str,
        read: Callable[[str], Awaitable[dict[str, str]]],
        put: Callable[[Session, str, str], Awaitable[None]],
        listing: str,
        plan: bool,
        kind: str,
    ) -> Change:
        config = await read(address)
        if key not in config:
            raise _no_such_key(address, key, config, listing)
        before = config[key]
        change = Change(address, kind, key, "none", "unchanged")
        if before == value:
            return change
        change.action, change.state, change.fields = "update", "planned", [FieldChange(key, before, value)]
        if plan:
            return change
        try:
            await put(self._admin.session, address, format_properties({key: value}))
        except BrokerError as error:
            if error.code not in (ResponseCode.SYSTEM_ERROR, ResponseCode.INVALID_PARAMETER):
                raise
            raise RefusedValueError(error, f"give a value that it takes; {key} is still '{before}'") from None
        try:
            found = (await read(address)).get(key)
            change.state = "done" if found is not None and found.strip() == value.strip() else "no_effect"
        except RocketMQError:
            change.state = "unverified"
        return change

    async def write_permission(self, broker_name: str, *, give: bool, plan: bool = False) -> PermissionReport:
        """Take or give back the write permission of all topics of a broker; see `write_permission.py`."""
        from rocketmq_ops.client.admin.brokers.write_permission import set_write_permission

        return await set_write_permission(self._admin, broker_name, give=give, plan=plan)


def _no_such_key(address: str, key: str, known: Iterable[str], listing: str) -> NotFoundError:
    if key in READ_AT_START or key.startswith("tls."):
        return NotFoundError(
            f"{address} tells nobody of '{key}', and changes it for nobody: servers read it when they start",
            f"set {key} in the property file of the server, and start it again",
        )
    near = nearest_name(key, known)
    cause = f"{address} has no configuration key '{key}'"
    return NotFoundError(cause, f"did you mean {near}?") if near else NotFoundError(cause, see=See(listing, address))
