"""The KV configuration of name servers."""

from __future__ import annotations

from typing import Final

from rocketmq_ops.client.api.session import SUCCESS, Session
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers.kv import (
    DeleteKVConfigRequestHeader,
    GetKVConfigRequestHeader,
    PutKVConfigRequestHeader,
)

_FOUND_OR_NOT: Final = SUCCESS | {ResponseCode.QUERY_NOT_FOUND}


async def kv_value(session: Session, namespace: str, key: str, address: str | None = None) -> str | None:
    """The value on one name server, of no address the first that answers; None when there is none."""
    request = RemotingCommand.of(GetKVConfigRequestHeader(namespace=namespace, key=key))
    if address is None:
        answer = await session.ask_name_servers(request, accept=_FOUND_OR_NOT)
    else:
        answer = await session.call(address, request, accept=_FOUND_OR_NOT)
    return answer.ext_fields.get("value") if answer.code == ResponseCode.SUCCESS else None


async def put_kv_value(session: Session, address: str, namespace: str, key: str, value: str) -> None:
    """Set a key on one name server."""
    header = PutKVConfigRequestHeader(namespace=namespace, key=key, value=value)
    await session.call(address, RemotingCommand.of(header))


async def delete_kv_value(session: Session, address: str, namespace: str, key: str) -> None:
    """Delete a key on one name server."""
    await session.call(address, RemotingCommand.of(DeleteKVConfigRequestHeader(namespace=namespace, key=key)))
