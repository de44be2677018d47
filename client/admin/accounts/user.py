"""Users of brokers since 5.3. Passwords are compared and copied, and leave this module in no result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.changes import Change, ChangeReport, Fields, Value, change_each, change_one, copy_each
from rocketmq_ops.client.api import users as api
from rocketmq_ops.client.errors import AlreadyExistsError, NotFoundError
from rocketmq_ops.common.errors import Failure, RocketMQError, See
from rocketmq_ops.remoting.bodies.auth import UserInfo

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin

_HIDDEN = frozenset({"password"})


class User(msgspec.Struct, rename="camel"):
    """One user on one broker. `user_type` is Super or Normal, `user_status` enable or disable; None: not reported."""

    broker: str
    username: str
    user_type: str | None
    user_status: str | None
    has_password: bool


class UserReport(msgspec.Struct, rename="camel"):
    """Users by broker and name, and which brokers did not answer."""

    users: list[User]
    failures: list[Failure] = []


class UserAdmin:
    """Calls about users. Mirrors createUser, updateUser, deleteUser, getUser and listUser."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def listing(self, brokers: Sequence[BrokerAddress], contains: str | None = None) -> UserReport:
        """The users of each broker, or those whose name contains a text. Raises AllFailedError when none answers."""
        fan = await self._admin.fan_out(brokers, lambda b: api.list_users(self._admin.session, b.address, contains))
        fan.require_some("listing users")
        users = [
            _shown(broker.address, user)
            for broker, found in fan.answers.items()
            for user in sorted(found, key=lambda user: user.username)
        ]
        return UserReport(users, fan.failures)

    async def get(self, brokers: Sequence[BrokerAddress], username: str) -> UserReport:
        """One user on each broker that has it. Raises NotFoundError when all answer and none has it."""
        fan = await self._admin.fan_out(brokers, lambda b: api.user_info(self._admin.session, b.address, username))
        fan.require_some(f"asking for user {username}")
        users = [_shown(broker.address, user) for broker, user in fan.answers.items() if user is not None]
        if not users and not fan.errors:
            raise _no_user(username, ", ".join(broker.address for broker in brokers), brokers[0].address)
        return UserReport(users, fan.failures)

    async def create(self, brokers: Sequence[BrokerAddress], user: UserInfo, *, plan: bool) -> ChangeReport:
        """Create a user on each broker. Where it is there already, with other values, is an AlreadyExistsError."""

        def wanted(address: str, before: Fields) -> dict[str, Value]:
            after = {"userType": "Normal", "userStatus": "enable", **_given(user)}
            if before is not None and before != after:
                raise AlreadyExistsError(f"{address} has a user '{user.username}' already", "change it with an update")
            return after

        return await self._change(
            brokers,
            user.username,
            doing="creating",
            wanted=wanted,
            send=lambda address, before: api.create_user(self._admin.session, address, user),
            plan=plan,
        )

    async def update(self, brokers: Sequence[BrokerAddress], user: UserInfo, *, plan: bool) -> ChangeReport:
        """Change what is given of a user on each broker. Where there is no such user is a NotFoundError."""

        def wanted(address: str, before: Fields) -> dict[str, Value]:
            if before is None:
                raise _no_user(user.username, address, address)
            return {**before, **_given(user)}

        return await self._change(
            brokers,
            user.username,
            doing="changing",
            wanted=wanted,
            send=lambda address, before: api.update_user(self._admin.session, address, user),
            plan=plan,
        )

    async def delete(self, brokers: Sequence[BrokerAddress], username: str, *, plan: bool) -> ChangeReport:
        """Delete a user from each broker; its ACL goes with it."""
        return await self._change(
            brokers,
            username,
            doing="deleting",
            wanted=lambda address, before: None,
            send=lambda address, before: api.delete_user(self._admin.session, address, username),
            plan=plan,
        )

    async def _change(
        self,
        brokers: Sequence[BrokerAddress],
        username: str,
        *,
        doing: str,
        wanted: Callable[[str, Fields], Fields],
        send: Callable[[str, Fields], Awaitable[object]],
        plan: bool,
    ) -> ChangeReport:
        return await change_each(
            self._admin,
            brokers,
            "user",
            username,
            doing=f"{doing} user {username}",
            read=lambda address: self._fields(address, username),
            wanted=wanted,
            send=send,
            plan=plan,
            hidden=_HIDDEN,
        )

    async def copy(self, source: str, target: str, usernames: Sequence[str] | None, *, plan: bool) -> ChangeReport:
        """Copy users with their passwords from one broker to another, all without names.

        A user that the source does not have is a failure.
        """
        session = self._admin.session

        async def read_all() -> dict[str, UserInfo]:
            return {user.username: user for user in await api.list_users(session, source)}

        async def put(user: UserInfo) -> Change:
            return await change_one(
                target,
                "user",
                user.username,
                read=lambda: self._fields(target, user.username),
                wanted=lambda before: {**(before or {}), **_given(user)},
                send=lambda before: (api.create_user if before is None else api.update_user)(session, target, user),
                plan=plan,
                hidden=_HIDDEN,
            )

        return await copy_each(
            self._admin,
            usernames,
            doing="copying users",
            read_all=read_all,
            read=lambda username: api.user_info(session, source, username),
            missing=lambda username: _no_user(username, source, source),
            put=put,
            plan=plan,
        )

    async def _fields(self, address: str, username: str) -> Fields:
        user = await api.user_info(self._admin.session, address, username)
        return None if user is None else _given(user)


def _given(user: UserInfo) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "userType": user.user_type,
        "userStatus": user.user_status,
        "password": user.password,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _shown(broker: str, user: UserInfo) -> User:
    return User(broker, user.username, user.user_type, user.user_status, bool(user.password))


def _no_user(username: str, where: str, broker: str) -> RocketMQError:
    return NotFoundError(f"there is no user '{username}' on {where}", see=See("users.listing", broker))
