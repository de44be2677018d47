"""Configuration of brokers and name servers, and the write permission of a broker's topics on the name servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ...common.errors import Failure, RocketMQError
from ...common.properties import PropertiesError, format_properties, parse_properties
from ...remoting.codes import RequestCode, ResponseCode
from ...remoting.command import RemotingCommand
from ..errors import BrokerError, NotFoundError, RefusedValueError
from .changes import Change, ChangeReport, FieldChange
from .cluster import BrokerAddress

if TYPE_CHECKING:
    from .core import MQAdmin


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
        return await self._config(address, RequestCode.GET_BROKER_CONFIG)

    async def namesrv_config(self, address: str) -> dict[str, str]:
        """The keys of one name server's configuration."""
        return await self._config(address, RequestCode.GET_NAMESRV_CONFIG)

    async def _config(self, address: str, code: int) -> dict[str, str]:
        answer = await self._admin.session.call(address, RemotingCommand.request(code))
        return read_answer(answer.body_bytes.decode())

    async def broker_configs(self, brokers: list[BrokerAddress]) -> ConfigReport:
        """The configuration of several brokers. Raises AllFailedError when none answers."""
        fan = await self._admin.fan_out(brokers, lambda broker: self.broker_config(broker.address))
        fan.require_some("reading the configuration")
        masters = {b.broker_name: b.address for b in brokers if b.broker_id == 0}
        servers = [
            ServerConfig(
                b.address,
                b.broker_name,
                b.broker_id,
                masters.get(b.broker_name) if b.broker_id else None,
                fan.answers.get(b),
            )
            for b in brokers
        ]
        return ConfigReport(servers, fan.failures)

    async def namesrv_configs(self) -> ConfigReport:
        """The configuration of every name server."""
        fan = await self._admin.each_namesrv(self.namesrv_config)
        fan.require_some("reading the configuration")
        servers = [ServerConfig(a, None, None, None, fan.answers.get(a)) for a in self._admin.name_servers]
        return ConfigReport(servers, fan.failures)

    async def update_brokers(
        self, brokers: list[BrokerAddress], key: str, value: str, *, plan: bool = False
    ) -> ChangeReport:
        """Set one key on each broker and read it back. Raises AllFailedError when no broker could be changed."""
        fan = await self._admin.fan_out(
            brokers, lambda b: self._update(b.address, key, value, RequestCode.UPDATE_BROKER_CONFIG, plan)
        )
        fan.require_some(f"changing {key}")
        return ChangeReport(plan, list(fan.answers.values()), fan.failures)

    async def update_namesrvs(self, key: str, value: str, *, plan: bool = False) -> ChangeReport:
        """Set one key on every name server and read it back."""
        fan = await self._admin.each_namesrv(
            lambda address: self._update(address, key, value, RequestCode.UPDATE_NAMESRV_CONFIG, plan)
        )
        fan.require_some(f"changing {key}")
        return ChangeReport(plan, list(fan.answers.values()), fan.failures)

    async def _update(self, address: str, key: str, value: str, code: int, plan: bool) -> Change:
        reading = (
            RequestCode.GET_BROKER_CONFIG
            if code == RequestCode.UPDATE_BROKER_CONFIG
            else RequestCode.GET_NAMESRV_CONFIG
        )
        config = await self._config(address, reading)
        if key not in config:
            raise NotFoundError(f"{address} has no configuration key '{key}'", nearest_key(key, config))
        before = config[key]
        change = Change(address, "config", key, "none", "unchanged")
        if before == value:
            return change
        change.action, change.state, change.fields = "update", "planned", [FieldChange(key, before, value)]
        if plan:
            return change
        request = RemotingCommand.request(code, body=format_properties({key: value}).encode())
        try:
            await self._admin.session.call(address, request)
        except BrokerError as error:
            if error.code not in (ResponseCode.SYSTEM_ERROR, ResponseCode.INVALID_PARAMETER):
                raise
            raise RefusedValueError(error, f"give a value that it takes; {key} is still '{before}'") from None
        try:
            found = (await self._config(address, reading)).get(key)
            change.state = "done" if found is not None and found.strip() == value.strip() else "no_effect"
        except RocketMQError:
            change.state = "unverified"
        return change

    async def write_permission(self, broker_name: str, *, give: bool, plan: bool = False) -> PermissionReport:
        """Take or give back the write permission of all topics of a broker, on every name server.

        Raises NotFoundError when no name server knows the broker.
        """
        broker = await self._admin.cluster.by_name(broker_name)

        async def one(address: str) -> PermissionCount:
            return PermissionCount(address, await self._write_permission_at(address, broker_name, give))

        if plan:
            topics = await self._admin.topics.configs_at(broker.address)
            return PermissionReport(
                broker_name, True, [PermissionCount(a, len(topics)) for a in self._admin.name_servers]
            )
        fan = await self._admin.each_namesrv(one)
        fan.require_some("changing the write permission")
        return PermissionReport(broker_name, False, list(fan.answers.values()), fan.failures)

    async def _write_permission_at(self, address: str, broker_name: str, give: bool) -> int:
        if give:
            from ...remoting.headers import AddWritePermOfBrokerRequestHeader, AddWritePermOfBrokerResponseHeader

            request = RemotingCommand.request(
                RequestCode.ADD_WRITE_PERM_OF_BROKER, AddWritePermOfBrokerRequestHeader(broker_name=broker_name)
            )
            answer = await self._admin.session.call(address, request)
            return answer.decode_header(AddWritePermOfBrokerResponseHeader).add_topic_count
        from ...remoting.headers import WipeWritePermOfBrokerRequestHeader, WipeWritePermOfBrokerResponseHeader

        request = RemotingCommand.request(
            RequestCode.WIPE_WRITE_PERM_OF_BROKER, WipeWritePermOfBrokerRequestHeader(broker_name=broker_name)
        )
        answer = await self._admin.session.call(address, request)
        return answer.decode_header(WipeWritePermOfBrokerResponseHeader).wipe_topic_count


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
