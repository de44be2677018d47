"""Flow control of cold reads, and how the commitlog is read ahead, on one broker."""

from __future__ import annotations

from typing import Any

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.common.properties import format_properties
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand


async def cold_data_info(session: Session, address: str) -> dict[str, Any]:
    """ColdDataCgCtrService's tables as they stand on the wire: `configTable`, `runtimeTable` and three settings."""
    from rocketmq_ops.common.fastjson import loads

    answer = await session.call(address, RemotingCommand.request(RequestCode.GET_COLD_DATA_FLOW_CTR_INFO))
    found = loads(answer.body_bytes) if answer.body_bytes else {}
    return found if isinstance(found, dict) else {}


async def put_threshold(session: Session, address: str, group: str, threshold: int) -> None:
    """Set how many bytes a group may read from disk in a period."""
    body = format_properties({group: str(threshold)}).encode()
    await session.call(address, RemotingCommand.request(RequestCode.UPDATE_COLD_DATA_FLOW_CTR_CONFIG, body=body))


async def remove_threshold(session: Session, address: str, group: str) -> None:
    """Delete a group's threshold, so that the broker's own counts."""
    request = RemotingCommand.request(RequestCode.REMOVE_COLD_DATA_FLOW_CTR_CONFIG, body=group.encode())
    await session.call(address, request)


async def set_read_ahead(session: Session, address: str, mode: int) -> str:
    """Set how the commitlog is read ahead: 0 as usual, 1 for random reads; what the broker says to it."""
    fields = {"READ_AHEAD_MODE": str(mode)}
    answer = await session.call(
        address, RemotingCommand.request(RequestCode.SET_COMMITLOG_READ_MODE, ext_fields=fields)
    )
    return answer.remark or ""
