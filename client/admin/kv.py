"""The KV configuration of the name servers. They are independent, so each is changed and read back on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...common.errors import RocketMQError
from ...remoting.codes import RequestCode, ResponseCode
from ...remoting.command import RemotingCommand
from .changes import Change, ChangeReport, FieldChange

if TYPE_CHECKING:
    from .core import MQAdmin

ORDER_TOPIC_NAMESPACE = "ORDER_TOPIC_CONFIG"


class KvAdmin:
    """Calls about KV configuration."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def get(self, namespace: str, key: str) -> str | None:
        """The value on the first name server that answers, None when there is none."""
        from ...remoting.headers import GetKVConfigRequestHeader

        header = GetKVConfigRequestHeader(namespace=namespace, key=key)
        answer = await self._admin.session.ask_name_servers(
            RemotingCommand.request(RequestCode.GET_KV_CONFIG, header),
            accept=(ResponseCode.SUCCESS, ResponseCode.QUERY_NOT_FOUND),
        )
        return answer.ext_fields.get("value") if answer.code == ResponseCode.SUCCESS else None

    async def get_at(self, address: str, namespace: str, key: str) -> str | None:
        """The value on one name server."""
        from ...remoting.headers import GetKVConfigRequestHeader

        request = RemotingCommand.request(
            RequestCode.GET_KV_CONFIG, GetKVConfigRequestHeader(namespace=namespace, key=key)
        )
        answer = await self._admin.session.call(
            address, request, accept=(ResponseCode.SUCCESS, ResponseCode.QUERY_NOT_FOUND)
        )
        return answer.ext_fields.get("value") if answer.code == ResponseCode.SUCCESS else None

    async def put(self, namespace: str, key: str, value: str, *, plan: bool = False) -> ChangeReport:
        """Set a key on every name server. Raises AllFailedError when none could be changed."""
        return await self._change(namespace, key, value, plan)

    async def delete(self, namespace: str, key: str, *, plan: bool = False) -> ChangeReport:
        """Delete a key on every name server."""
        return await self._change(namespace, key, None, plan)

    async def _change(self, namespace: str, key: str, value: str | None, plan: bool) -> ChangeReport:
        async def one(address: str) -> Change:
            return await self._change_at(address, namespace, key, value, plan)

        fan = await self._admin.each_namesrv(one)
        fan.require_some(f"changing {namespace}/{key}")
        return ChangeReport(plan, list(fan.answers.values()), fan.failures)

    async def _change_at(self, address: str, namespace: str, key: str, value: str | None, plan: bool) -> Change:
        from ...remoting.headers import DeleteKVConfigRequestHeader, PutKVConfigRequestHeader

        before = await self.get_at(address, namespace, key)
        change = Change(address, "kv", f"{namespace}/{key}", "none", "unchanged")
        if before == value:
            return change
        change.action = "delete" if value is None else "create" if before is None else "update"
        change.fields, change.state = [FieldChange(key, before, value)], "planned"
        if plan:
            return change
        if value is None:
            delete = DeleteKVConfigRequestHeader(namespace=namespace, key=key)
            await self._admin.session.call(address, RemotingCommand.request(RequestCode.DELETE_KV_CONFIG, delete))
        else:
            put = PutKVConfigRequestHeader(namespace=namespace, key=key, value=value)
            await self._admin.session.call(address, RemotingCommand.request(RequestCode.PUT_KV_CONFIG, put))
        try:
            change.state = "done" if await self.get_at(address, namespace, key) == value else "no_effect"
        except RocketMQError:
            change.state = "unverified"
        return change
