"""ACLs by access key (plain_acl.yml), of brokers before 5.3.3."""

from __future__ import annotations

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.client.errors import BrokerError, RefusedValueError
from rocketmq_ops.remoting.bodies.plain_acl import GetBrokerClusterAclConfigResponseBody
from rocketmq_ops.remoting.codes import LegacyRequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers.plain_acl import (
    CreateAccessConfigRequestHeader,
    DeleteAccessConfigRequestHeader,
    GetBrokerAclConfigResponseHeader,
    UpdateGlobalWhiteAddrsConfigRequestHeader,
)

#: How 4.9.x refuses an update, a deletion and a list of addresses; from 5.0 on these numbers mean something else.
_REFUSED = frozenset({209, 210, 211})


async def put_account(session: Session, address: str, header: CreateAccessConfigRequestHeader) -> None:
    """Create or change an account; what is None stays, but `admin` is set in any case."""
    await _change(session, address, RemotingCommand.of(header))


async def delete_account(session: Session, address: str, access_key: str) -> None:
    """Delete an account."""
    await _change(session, address, RemotingCommand.of(DeleteAccessConfigRequestHeader(access_key=access_key)))


async def put_white_addresses(session: Session, address: str, addresses: str, file: str = "") -> None:
    """Set the addresses that need no signature in one of the broker's ACL files, without a path in the default one."""
    header = UpdateGlobalWhiteAddrsConfigRequestHeader(global_white_addrs=addresses, acl_file_full_path=file)
    await _change(session, address, RemotingCommand.of(header))


async def acl_versions(session: Session, address: str) -> GetBrokerAclConfigResponseHeader:
    """The broker's name, and the versions of its ACL files as JSON."""
    answer = await session.call(address, RemotingCommand.request(LegacyRequestCode.GET_BROKER_CLUSTER_ACL_INFO))
    return answer.decode_header(GetBrokerAclConfigResponseHeader)


async def acl_config(session: Session, address: str) -> GetBrokerClusterAclConfigResponseBody:
    """All accounts with their secret keys, and the addresses that need no signature."""
    answer = await session.call(address, RemotingCommand.request(LegacyRequestCode.GET_BROKER_CLUSTER_ACL_CONFIG))
    return GetBrokerClusterAclConfigResponseBody.decode(answer.body_bytes)


async def _change(session: Session, address: str, request: RemotingCommand) -> None:
    try:
        await session.call(address, request)
    except BrokerError as error:
        if error.code not in _REFUSED:
            raise
        raise RefusedValueError(error, "give a value that it takes; see the broker's log") from None
