"""The KV configuration of the name servers. They are independent, so each is changed and read back on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.client.admin.changes import Change, ChangeReport, FieldChange
from rocketmq_ops.client.api.kv import delete_kv_value, kv_value, put_kv_value
from rocketmq_ops.common.errors import RocketMQError

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.client.admin.fanout import FanOut

ORDER_TOPIC_NAMESPACE = "ORDER_TOPIC_CONFIG"


class KvAdmin:
    """Calls about KV configuration."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def get(self, namespace: str, key: str) -> str | None:
        """The value on the first name server that answers, None when there is none."""
        return await kv_value(self._admin.session, namespace, key)

    async def get_at(self, address: str, namespace: str, key: str) -> str | None:
        """The value on one name server."""
        return await kv_value(self._admin.session, namespace, key, address)

    async def get_each(self, namespace: str, key: str) -> FanOut[str, str | None]:
        """The value on every name server."""
        return await self._admin.each_namesrv(lambda address: self.get_at(address, namespace, key))

    async def put(self, namespace: str, key: str, value: str, *, plan: bool = False) -> ChangeReport:
        """Set a key on every name server. Raises AllFailedError when none could be changed."""
        return await self._change(namespace, key, value, plan)

    async def delete(self, namespace: str, key: str, *, plan: bool = False) -> ChangeReport:
        """Delete a key on every name server."""
        return await self._change(namespace, key, None, plan)

    async def _change(self, namespace: str, key: str, value: str | None, plan: bool) -> ChangeReport:
        async def one(address: str) -> Change:
            return await self.set_at(address, namespace, key, value, plan=plan)

        fan = await self._admin.each_namesrv(one)
        fan.require_some(f"changing {namespace}/{key}")
        return ChangeReport(plan, list(fan.answers.values()), fan.failures)

    async def set_at(self, address: str, namespace: str, key: str, value: str | None, *, plan: bool) -> Change:
        """Set a key on one name server, or delete it (None), and read it back."""
        before = await self.get_at(address, namespace, key)
        change = Change(address, "kv", f"{namespace}/{key}", "none", "unchanged")
        if before == value:
            return change
        change.action = "delete" if value is None else "create" if before is None else "update"
        change.fields, change.state = [FieldChange(key, before, value)], "planned"
        if plan:
            return change
        if value is None:
            await delete_kv_value(self._admin.session, address, namespace, key)
        else:
            await put_kv_value(self._admin.session, address, namespace, key, value)
        try:
            change.state = "done" if await self.get_at(address, namespace, key) == value else "no_effect"
        except RocketMQError:
            change.state = "unverified"
        return change
