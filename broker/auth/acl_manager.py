"""The ACLs of a broker's users, in `config/acls.json` of its store.

Apache's brokers keep theirs in a RocksDB, which is not written here; `mqadmin copyAcl` carries them between brokers.
Mirrors AuthorizationMetadataManagerImpl and LocalAuthorizationMetadataProvider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rocketmq_ops.broker.auth.acl import Acl, refused
from rocketmq_ops.broker.auth.resource import Resource
from rocketmq_ops.broker.auth.user_manager import UserManager
from rocketmq_ops.broker.state.config_manager import ConfigManager
from rocketmq_ops.broker.state.config_table import without_nulls
from rocketmq_ops.common import fastjson
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.fastjson_types import convert
from rocketmq_ops.common.files import PRIVATE_FILES, SmallFiles
from rocketmq_ops.remoting.bodies import AclInfo

if TYPE_CHECKING:
    from rocketmq_ops.broker.access.gate import AccessRefusedError
    from rocketmq_ops.broker.controller import BrokerController

_USER = "User:"


class AclManager(ConfigManager):
    """`table`: `User:name` -> Acl. Changes raise AccessRefusedError with Apache's words."""

    file_name = "acls.json"
    files: SmallFiles = PRIVATE_FILES

    def __init__(self, controller: BrokerController, users: UserManager) -> None:
        super().__init__(controller)
        self._users = users
        self.table: dict[str, Acl] = {}
        #: Counts changes: what was derived of the table holds as long as it stays.
        self.generation = 0

    def load(self) -> bool:
        """Read the file; False when there is none. Raises CorruptDataError for a broken one."""
        found = self.document(_read)
        if found is None:
            return False
        self.table = found
        return True

    def encode(self, *, pretty: bool = False) -> bytes:
        """Every ACL by subject."""
        acls = {subject: without_nulls(msgspec.to_builtins(acl.info())) for subject, acl in sorted(self.table.items())}
        return fastjson.dumps({"acls": acls}, pretty=pretty)

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


def _read(document: dict[str, Any]) -> dict[str, Acl]:
    from rocketmq_ops.broker.access.gate import AccessRefusedError

    found = {}
    for subject, fields in (document.get("acls") or {}).items():
        try:
            found[subject] = Acl.of(convert({**fields, "subject": subject}, AclInfo))
        except AccessRefusedError as error:
            raise CorruptDataError(f"'{subject}': {error}") from None
    return found
