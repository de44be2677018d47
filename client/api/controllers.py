"""Requests to controllers (those of automatic switching of masters)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand

if TYPE_CHECKING:
    from rocketmq_ops.remoting.bodies import BrokerMemberGroup, BrokerReplicasInfo
    from rocketmq_ops.remoting.headers import (
        CleanControllerBrokerDataRequestHeader,
        ElectMasterRequestHeader,
        ElectMasterResponseHeader,
        GetMetaDataResponseHeader,
    )


async def metadata(session: Session, address: str) -> GetMetaDataResponseHeader:
    """The controller's group, peers and leader, as one of them knows them."""
    from rocketmq_ops.remoting.headers import GetMetaDataResponseHeader

    answer = await session.call(address, RemotingCommand.request(RequestCode.CONTROLLER_GET_METADATA_INFO))
    return answer.decode_header(GetMetaDataResponseHeader)


async def sync_states(session: Session, address: str, broker_names: list[str]) -> BrokerReplicasInfo:
    """The replicas of broker names; the leader alone answers, and leaves out names that it does not know."""
    from rocketmq_ops.common.fastjson import dumps
    from rocketmq_ops.remoting.bodies import BrokerReplicasInfo

    request = RemotingCommand.request(RequestCode.CONTROLLER_GET_SYNC_STATE_DATA, body=dumps(broker_names))
    return BrokerReplicasInfo.decode((await session.call(address, request)).body_bytes)


async def elect_master(
    session: Session, address: str, header: ElectMasterRequestHeader
) -> tuple[ElectMasterResponseHeader, BrokerMemberGroup | None]:
    """Have the leader make a broker the master of its name; who is master now, and the members."""
    from rocketmq_ops.remoting.bodies import BrokerMemberGroup
    from rocketmq_ops.remoting.headers import ElectMasterResponseHeader

    answer = await session.call(address, RemotingCommand.of(header), session.slow_timeout_ms)
    members = BrokerMemberGroup.decode(answer.body_bytes) if answer.body_bytes else None
    return answer.decode_header(ElectMasterResponseHeader), members


async def clean_broker_data(session: Session, address: str, header: CleanControllerBrokerDataRequestHeader) -> None:
    """Have the leader forget brokers."""
    await session.call(address, RemotingCommand.of(header))


async def controller_config(session: Session, address: str) -> str:
    """The configuration of one controller, as a property file's text."""
    answer = await session.call(address, RemotingCommand.request(RequestCode.GET_CONTROLLER_CONFIG))
    return answer.body_bytes.decode()


async def put_controller_config(session: Session, address: str, text: str) -> None:
    """Set the keys of a property file's text on one controller."""
    await session.call(address, RemotingCommand.request(RequestCode.UPDATE_CONTROLLER_CONFIG, body=text.encode()))
