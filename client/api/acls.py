"""ACLs of users, on brokers since 5.3."""

from __future__ import annotations

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.remoting.bodies.auth import AclInfo
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers.auth import (
    CreateAclRequestHeader,
    DeleteAclRequestHeader,
    GetAclRequestHeader,
    ListAclsRequestHeader,
    UpdateAclRequestHeader,
)


async def create_acl(session: Session, address: str, acl: AclInfo) -> None:
    """Add entries to a subject's ACL, which is made if there is none; those of the same resource are replaced."""
    await session.call(address, RemotingCommand.of(CreateAclRequestHeader(subject=acl.subject), acl.encode()))


async def update_acl(session: Session, address: str, acl: AclInfo) -> None:
    """As `create_acl`: brokers treat both alike."""
    await session.call(address, RemotingCommand.of(UpdateAclRequestHeader(subject=acl.subject), acl.encode()))


async def delete_acl(session: Session, address: str, subject: str, resource: str | None = None) -> None:
    """Delete a subject's entry of one resource, or its whole ACL."""
    header = DeleteAclRequestHeader(subject=subject, resource=resource)
    await session.call(address, RemotingCommand.of(header))


async def acl_info(session: Session, address: str, subject: str) -> AclInfo | None:
    """The ACL of one subject; None when it has none. BrokerError when the subject is a user that does not exist."""
    answer = await session.call(address, RemotingCommand.of(GetAclRequestHeader(subject=subject)))
    return AclInfo.decode(answer.body_bytes) if answer.body_bytes else None


async def list_acls(
    session: Session, address: str, subject: str | None = None, resource: str | None = None
) -> list[AclInfo]:
    """The ACLs of a broker, or those whose subject and resource contain these texts."""
    header = ListAclsRequestHeader(subject_filter=subject, resource_filter=resource)
    answer = await session.call(address, RemotingCommand.of(header))
    return AclInfo.decode_list(answer.body_bytes)
