"""The users of a broker, for the broker's own eyes.

Mirrors AuthenticationMetadataManagerImpl and LocalAuthenticationMetadataProvider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rocketmq_ops.broker.auth.acl import refused
from rocketmq_ops.broker.auth.auth_table import AuthTable
from rocketmq_ops.broker.auth.stored_models import user_info, user_model
from rocketmq_ops.common.fastjson_types import convert
from rocketmq_ops.remoting.bodies import UserInfo
from rocketmq_ops.remoting.signature import SigningKey

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

SUPER: Final = "Super"
NORMAL: Final = "Normal"
_TYPES: Final = {"super": SUPER, "normal": NORMAL}
_STATUSES: Final = {"enable": "enable", "disable": "disable"}


class User:
    """A user as it is stored, and the key that its requests are signed with."""

    __slots__ = ("info", "key")

    def __init__(self, info: UserInfo) -> None:
        self.info = info
        self.key = SigningKey(info.password or "")

    @property
    def is_super(self) -> bool:
        """Whether the user may do everything."""
        return self.info.user_type == SUPER

    @property
    def is_disabled(self) -> bool:
        """Whether the user may do nothing."""
        return self.info.user_status == "disable"


class UserManager(AuthTable):
    """`table`: name -> User; a change replaces the entry. Changes raise AccessRefusedError with Apache's words."""

    file_name = "users.json"
    what = "users"

    def __init__(self, controller: BrokerController) -> None:
        super().__init__(controller)
        self.table: dict[str, User] = {}

    def fields(self) -> dict[str, dict[str, Any]]:
        """Every user by name."""
        return {name: _fields(user.info) for name, user in self.table.items()}

    def take(self, entries: dict[str, dict[str, Any]]) -> None:
        """Have these users."""
        self.table = {name: User(_info(name, fields)) for name, fields in entries.items()}

    def model_of(self, name: str, fields: dict[str, Any]) -> dict[str, Any]:
        """A user as Apache's User."""
        return user_model(_info(name, fields))

    def fields_of(self, name: str, model: dict[str, Any]) -> dict[str, Any]:
        """Of Apache's User."""
        return _fields(user_info(name, model))

    def create(self, given: UserInfo) -> None:
        """Add a user."""
        self._check_name(given.username)
        if not (given.password or "").strip():
            raise refused("password can not be blank")
        if given.username in self.table:
            raise refused("The user is existed")
        self._put(
            UserInfo(
                username=given.username,
                password=given.password,
                user_type=_known(_TYPES, given.user_type) or NORMAL,
                user_status=_known(_STATUSES, given.user_status) or "enable",
            )
        )

    def update(self, given: UserInfo) -> None:
        """Change what is given of a user."""
        self._check_name(given.username)
        user = self.table.get(given.username)
        if user is None:
            raise refused("The user is not exist")
        self._put(
            UserInfo(
                username=given.username,
                password=given.password if (given.password or "").strip() else user.info.password,
                user_type=_known(_TYPES, given.user_type) or user.info.user_type,
                user_status=_known(_STATUSES, given.user_status) or user.info.user_status,
            )
        )

    def delete(self, name: str) -> None:
        """Delete a user, if there is one of the name."""
        self._check_name(name)
        if self.table.pop(name, None) is not None:
            self.changed()

    def add_super(self, name: str, password: str) -> None:
        """Make a super user of a configuration key, unless there is a user of the name."""
        if name not in self.table:
            self.create(UserInfo(username=name, password=password, user_type=SUPER))

    def _check_name(self, name: str) -> None:
        if not name.strip():
            raise refused("username can not be blank")

    def _put(self, info: UserInfo) -> None:
        self.table[info.username] = User(info)
        self.changed()


def wants_super(given: UserInfo) -> bool:
    """Whether what is given would make a super user."""
    return _known(_TYPES, given.user_type) == SUPER


def _known(names: dict[str, str], text: str | None) -> str | None:
    """A name in any case as it is stored, None for another one."""
    return names.get((text or "").lower())


def _fields(info: UserInfo) -> dict[str, Any]:
    return {
        "username": info.username,
        "password": info.password,
        "userType": info.user_type,
        "userStatus": info.user_status,
    }


def _info(name: str, fields: dict[str, Any]) -> UserInfo:
    return convert({**fields, "username": name}, UserInfo)
