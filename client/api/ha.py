"""Replication, as one broker reports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand

if TYPE_CHECKING:
    from rocketmq_ops.remoting.bodies import EpochEntryCache, HARuntimeInfo


async def ha_status(session: Session, address: str) -> HARuntimeInfo:
    """The state of replication on one broker, master or slave."""
    from rocketmq_ops.remoting.bodies import HARuntimeInfo

    answer = await session.call(address, RemotingCommand.request(RequestCode.GET_BROKER_HA_STATUS))
    return HARuntimeInfo.decode(answer.body_bytes)


async def epochs(session: Session, address: str) -> EpochEntryCache:
    """The masters' terms that one broker of controller mode has in its log."""
    from rocketmq_ops.remoting.bodies import EpochEntryCache

    answer = await session.call(address, RemotingCommand.request(RequestCode.GET_BROKER_EPOCH_CACHE))
    return EpochEntryCache.decode(answer.body_bytes)
