"""Users of brokers since 5.3."""

from __future__ import annotations

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.remoting.bodies.auth import UserInfo
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers.auth import (
    CreateUserRequestHeader,
    DeleteUserRequestHeader,
    GetUserRequestHeader,
    ListUsersRequestHeader,
    UpdateUserRequestHeader,
)


async def create_user(session: Session, address: str, user: UserInfo) -> None:
    """Create a user; fields that are None have the broker's defaults (Normal, enable)."""
    request = RemotingCommand.of(CreateUserRequestHeader(username=user.username), user.encode())
    await session.call(address, request)


async def update_user(session: Session, address: str, user: UserInfo) -> None:
    """Change a user; fields that are None stay."""
    request = RemotingCommand.of(UpdateUserRequestHeader(username=user.username), user.encode())
    await session.call(address, request)


async def delete_user(session: Session, address: str, username: str) -> None:
    """Delete a user; that there is none is no error."""
    await session.call(address, RemotingCommand.of(DeleteUserRequestHeader(username=username)))


async def user_info(session: Session, address: str, username: str) -> UserInfo | None:
    """One user with the password; None when there is none."""
    answer = await session.call(address, RemotingCommand.of(GetUserRequestHeader(username=username)))
    return UserInfo.decode(answer.body_bytes) if answer.body_bytes else None


async def list_users(session: Session, address: str, contains: str | None = None) -> list[UserInfo]:
    """The users of a broker, or those whose name contains a text, with their passwords."""
    answer = await session.call(address, RemotingCommand.of(ListUsersRequestHeader(filter=contains)))
    return UserInfo.decode_list(answer.body_bytes)
