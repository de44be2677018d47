"""Online clients, asked through a broker that they are connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rocketmq_ops.client.api.session import SUCCESS, Session
from rocketmq_ops.client.errors import BrokerError
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingProtocolError

if TYPE_CHECKING:
    from rocketmq_ops.remoting.bodies import (
        ConsumerConnection,
        ConsumerRunningInfo,
        ProducerConnection,
        ProducerTableInfo,
    )
    from rocketmq_ops.remoting.headers import ConsumeMessageDirectlyResultRequestHeader

_ONLINE_OR_NOT: Final = SUCCESS | {ResponseCode.CONSUMER_NOT_ONLINE}


async def consumer_connections(session: Session, address: str, group: str) -> ConsumerConnection | None:
    """A group's consumers that one broker sees; None when none is online there."""
    from rocketmq_ops.remoting.bodies import ConsumerConnection
    from rocketmq_ops.remoting.headers import GetConsumerConnectionListRequestHeader

    request = RemotingCommand.of(GetConsumerConnectionListRequestHeader(consumer_group=group))
    answer = await session.call(address, request, accept=_ONLINE_OR_NOT)
    return ConsumerConnection.decode(answer.body_bytes) if answer.code == ResponseCode.SUCCESS else None


async def producer_connections(session: Session, address: str, group: str) -> ProducerConnection | None:
    """A group's producers that one broker sees; None when none is online there."""
    from rocketmq_ops.remoting.bodies import ProducerConnection
    from rocketmq_ops.remoting.headers import GetProducerConnectionListRequestHeader

    request = RemotingCommand.of(GetProducerConnectionListRequestHeader(producer_group=group))
    try:
        return ProducerConnection.decode((await session.call(address, request)).body_bytes)
    except BrokerError as error:
        # Apache's brokers have no code of its own for this.
        if error.code == ResponseCode.SYSTEM_ERROR and "not exist" in error.remark:
            return None
        raise


async def all_producers(session: Session, address: str) -> ProducerTableInfo:
    """The producers of every group that one broker sees."""
    from rocketmq_ops.remoting.bodies import ProducerTableInfo
    from rocketmq_ops.remoting.headers import GetAllProducerInfoRequestHeader

    answer = await session.call(address, RemotingCommand.of(GetAllProducerInfoRequestHeader()))
    return ProducerTableInfo.decode(answer.body_bytes)


async def running_info(
    session: Session, address: str, group: str, client_id: str, *, jstack: bool = False
) -> ConsumerRunningInfo:
    """What a consumer says of itself, with `jstack` its threads too."""
    from rocketmq_ops.remoting.bodies import ConsumerRunningInfo
    from rocketmq_ops.remoting.headers import GetConsumerRunningInfoRequestHeader

    header = GetConsumerRunningInfoRequestHeader(consumer_group=group, client_id=client_id, jstack_enable=jstack)
    answer = await session.call(address, RemotingCommand.of(header), session.slow_timeout_ms)
    if not answer.body_bytes:
        # The Go client's answer from 10 to 20 s after its start: its rates are NaN between the first two samples, which
        # it fails to write (computeStatsData in its statistics.go).
        raise RemotingProtocolError(
            f"it answered without its state: {answer.remark}",
            "ask again in 20 seconds: a Go client that has just started fails to write its figures",
        )
    return ConsumerRunningInfo.decode(answer.body_bytes)


async def consume_directly(
    session: Session, address: str, header: ConsumeMessageDirectlyResultRequestHeader
) -> dict[str, Any]:
    """Have an online consumer consume a message now; its ConsumeMessageDirectlyResult as it stands on the wire."""
    from rocketmq_ops.common.fastjson import loads

    answer = await session.call(address, RemotingCommand.of(header), session.slow_timeout_ms)
    result: dict[str, Any] = loads(answer.body_bytes)
    return result
