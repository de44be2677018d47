"""Configuration of brokers and name servers, and the write permission of a broker's topics on the name servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.admin.changes import Change, ChangeReport, FieldChange
from rocketmq_ops.client.admin.cluster import BrokerAddress
from rocketmq_ops.client.api import servers
from rocketmq_ops.client.api.session import Session
from rocketmq_ops.client.errors import BrokerError, NotFoundError, RefusedValueError
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.properties import PropertiesError, format_properties, parse_properties
from rocketmq_ops.remoting.codes import ResponseCode

if TYPE_CHECKING:
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


class PermissionCount(msgspec.Struct, rename="camel"):
    """How many topics of the broker one name server changed."""

    name_server: str
    topics: int


class PermissionReport(msgspec.Struct, rename="camel"):
    """The result on every name server. `planned` means that nothing was sent; the counts are then what it would be."""

    broker_name: str
    planned: bool
    counts: list[PermissionCount]
    failures: list[Failure] = []


class ConfigAdmin:
    """Calls about configuration. Mirrors getBrokerConfig, updateBrokerConfig, wipeWritePermOfBroker and relatives."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def broker_config(self, address: str) -> dict[str, str]:
        """The keys of one broker's configuration."""
        return read_answer(await servers.broker_config(self._admin.session, address))

    async def namesrv_config(self, address: str) -> dict[str, str]:
        """The keys of one name server's configuration."""
        return read_answer(await servers.namesrv_config(self._admin.session, address))

    async def broker_configs(self, brokers: list[BrokerAddress]) -> ConfigReport:
        """The configuration of several brokers. Raises AllFailedError when none answers."""
        fan = await self._admin.fan_out(brokers, lambda broker: self.broker_config(broker.address))
        fan.require_some("reading the configuration")
        masters = {b.broker_name: b.address for b in brokers if b.broker_id == 0}
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
            brokers, lambda b: self._update(b.address, key, value, self.broker_config, servers.put_broker_config, plan)
        )
        fan.require_some(f"changing {key}")
        return ChangeReport(plan, list(fan.answers.values()), fan.failures)

    async def update_namesrvs(self, key: str, value: str, *, plan: bool = False) -> ChangeReport:
        """Set one key on every name server and read it back."""
        fan = await self._admin.each_namesrv(
            lambda a: self._update(a, key, value, self.namesrv_config, servers.put_namesrv_config, plan)
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
        plan: bool,
    ) -> Change:
        config = await read(address)
        if key not in config:
            raise NotFoundError(f"{address} has no configuration key '{key}'", nearest_key(key, config))
        before = config[key]
        change = Change(address, "config", key, "none", "unchanged")
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
        """Take or give back the write permission of all topics of a broker, on every name server.

        Raises NotFoundError when no name server knows the broker.
        """
        broker = await self._admin.cluster.by_name(broker_name)
        change = servers.add_write_permission if give else servers.wipe_write_permission

        async def one(address: str) -> PermissionCount:
            return PermissionCount(address, await change(self._admin.session, address, broker_name))

        if plan:
            topics = await self._admin.topics.configs_at(broker.address)
            return PermissionReport(
                broker_name, True, [PermissionCount(a, len(topics)) for a in self._admin.name_servers]
            )
        fan = await self._admin.each_namesrv(one)
        fan.require_some("changing the write permission")
        return PermissionReport(broker_name, False, list(fan.answers.values()), fan.failures)


def read_answer(text: str) -> dict[str, str]:
    """The `key=value` lines of a configuration answer, sorted by key.

    Apache's servers write values as they are (MixAll.properties2String), ours as Java's Properties reads them. They
    differ in values with a backslash only: a line that is as ours would write it is read so.
    """
    pairs = (line.partition("=") for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {key.strip(): _value(key.strip(), value.strip()) for key, separator, value in sorted(pairs) if separator}


def _value(key: str, text: str) -> str:
    if "\\" not in text:
        return text
    try:
        read = parse_properties(f"{key}={text}\n")
    except PropertiesError:
        return text
    return read[key] if key in read and format_properties(read) == f"{key}={text}\n" else text


def nearest_key(key: str, known: dict[str, str]) -> str:
    """The advice for a key that does not exist."""
    import difflib

    lowered = {name.lower(): name for name in known}
    close = difflib.get_close_matches(key.lower(), lowered, n=1, cutoff=0.6)
    return f"did you mean {lowered[close[0]]}?" if close else "list the keys with getBrokerConfig or getNamesrvConfig"
