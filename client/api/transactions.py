"""Transactions: a producer's decision about a half message."""

from __future__ import annotations

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers.transaction import EndTransactionRequestHeader


async def end_transaction(
    session: Session, address: str, header: EndTransactionRequestHeader, remark: str | None = None
) -> None:
    """Commit, roll back or leave open; `remark` says why. Brokers are not waited for. Raises RemotingConnectError."""
    request = RemotingCommand.of(header)
    request.remark = remark
    await session.call_oneway(address, request)
