"""The ACLs of a broker's users.

Mirrors AuthorizationMetadataManagerImpl and LocalAuthorizationMetadataProvider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rocketmq_ops.broker.auth.acl import Acl, refused
from rocketmq_ops.broker.auth.auth_table import AuthTable
from rocketmq_ops.broker.auth.resource import Resource
from rocketmq_ops.broker.auth.stored_models import acl_info, acl_model
from rocketmq_ops.broker.auth.user_manager import UserManager
from rocketmq_ops.broker.state.config_table import without_nulls
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.fastjson_types import convert
from rocketmq_ops.remoting.bodies import AclInfo

if TYPE_CHECKING:
    from rocketmq_ops.broker.access.gate import AccessRefusedError
    from rocketmq_ops.broker.controller import BrokerController

_USER = "User:"


class AclManager(AuthTable):
    """`table`: `User:name` -> Acl. Changes raise AccessRefusedError with Apache's words."""

    file_name = "acls.json"
    what = "acls"

    def __init__(self, controller: BrokerController, users: UserManager) -> None:
        super().__init__(controller)
        self._users = users
        self.table: dict[str, Acl] = {}
        #: Counts changes: what was derived of the table holds as long as it stays.
        self.generation = 0

    def fields(self) -> dict[str, dict[str, Any]]:
        """Every ACL by subject."""
        return {subject: _fields(acl.info()) for subject, acl in self.table.items()}

    def take(self, entries: dict[str, dict[str, Any]]) -> None:
        """Have these ACLs; of Apache's there may be some without an entry."""
        given = {subject: _info(subject, fields) for subject, fields in entries.items()}
        self.table = {
            subject: _acl(info) for subject, info in given.items() if any(policy.entries for policy in info.policies)
        }

    def model_of(self, name: str, fields: dict[str, Any]) -> dict[str, Any]:
        """An ACL as Apache's Acl."""
        return acl_model(_info(name, fields))

    def fields_of(self, name: str, model: dict[str, Any]) -> dict[str, Any]:
        """Of Apache's Acl."""
        return _fields(acl_info(name, model))

    def changed(self) -> None:
        """As of every table."""
        super().changed()
        self.generation += 1

    def of_user(self, name: str) -> Acl | None:
        """The ACL of a user, if there is one."""
        return self.table.get(_USER + name)

    def put(self, subject: str | None, info: AclInfo) -> None:
        """Add entries to the ACL of a subject that `info` or, where it names none, the header names."""
        if not info.policies:
            raise refused("The policies is empty.")
        known = self._subject(info.subject or subject, refused("The subject type is null."))
        acl = self.table.get(known)
        if acl is None:
            self.table[known] = Acl.of(AclInfo(subject=known, policies=info.policies))
        else:
            acl.update(info.policies)
        self.changed()

    def delete(self, subject: str | None, kind: str | None, resource: str | None) -> None:
        """Delete the entry of a resource, or without one the whole ACL."""
        known = self._subject(subject, refused("The subject is null."), "The subject is not exist.")
        acl = self.table.get(known)
        if acl is None:
            raise refused("The acl is not exist.")
        named = Resource.parse(resource)
        if named is None and (resource or "").strip():
            raise refused(f"The resource {resource} is unknown.")
        if named is not None:
            acl.delete(kind, named)
        if named is None or not acl:
            del self.table[known]
        self.changed()

    def find(self, subject: str | None) -> AclInfo | None:
        """The ACL of a subject, None when it has none."""
        acl = self.table.get(self._subject(subject, refused("The subject is null."), "The subject is not exist."))
        return None if acl is None else acl.info()

    def listed(self, subject: str | None, resource: str | None) -> list[AclInfo]:
        """The ACLs whose subject contains a text, with those of their entries whose resource contains another."""
        found = [acl.info(resource) for key, acl in sorted(self.table.items()) if not subject or subject in key]
        return [info for info in found if info.policies]

    def forget(self, name: str) -> None:
        """Delete the ACL of a user that is deleted."""
        if self.table.pop(_USER + name, None) is not None:
            self.changed()

    def _subject(self, key: str | None, none: AccessRefusedError, missing: str = "") -> str:
        """`User:name` of a user that there is."""
        kind, _, name = (key or "").partition(":")
        if kind.lower() != "user":
            raise none
        if name not in self._users.table:
            raise refused(missing or f"The subject of {_USER}{name} is not exist.")
        return _USER + name


def _fields(info: AclInfo) -> dict[str, Any]:
    fields: dict[str, Any] = without_nulls(msgspec.to_builtins(info))
    return fields


def _info(subject: str, fields: dict[str, Any]) -> AclInfo:
    return convert({**fields, "subject": subject}, AclInfo)


def _acl(info: AclInfo) -> Acl:
    from rocketmq_ops.broker.access.gate import AccessRefusedError

    try:
        return Acl.of(info)
    except AccessRefusedError as error:
        raise CorruptDataError(f"'{info.subject}': {error}") from None
