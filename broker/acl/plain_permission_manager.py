"""The accounts of a broker with `aclEnable=true`: read from files, read again when these change, checked and changed.

`conf/plain_acl.yml` below `rocketmqHome`, and every .yml and .yaml file of the folder acl beside it. An access key that
stands in two places counts where it comes first: the files of the folder by name, then plain_acl.yml.

Mirrors org.apache.rocketmq.acl.plain.PlainPermissionManager of 4.9.7, whose refusals are SYSTEM_ERROR. Other than
there, an unknown access key is answered as a wrong signature is, what an administrator changes holds at once, a file
that cannot be read leaves in force what was read before, and one that is being written is left alone: accounts of a
file that ends early would be refused, or have rights that what follows takes from them.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Final, TypeVar

from rocketmq_ops.broker.access.facts import Facts, NoMessageThereError
from rocketmq_ops.broker.access.gate import AccessRefusedError
from rocketmq_ops.broker.access.signatures import Signatures
from rocketmq_ops.broker.acl.permission import (
    ADMIN_CODES,
    PUB,
    check_permissions,
    covers,
    parse_permission,
    parse_permissions,
)
from rocketmq_ops.broker.acl.plain_access_data import AclFile, check_keys
from rocketmq_ops.broker.acl.plain_access_validator import Needs, needs, sending
from rocketmq_ops.broker.acl.remote_address_strategy import Matches, host_of, matcher
from rocketmq_ops.broker.client.client_channel import ACCOUNT
from rocketmq_ops.common.config import ConfigError
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.topics import RETRY_GROUP_TOPIC_PREFIX, TRACE_TOPIC, is_retry_topic, retry_topic
from rocketmq_ops.remoting.bodies import PlainAccessConfig
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingProtocolError
from rocketmq_ops.remoting.signature import ACCESS_KEY, SigningKey

log = logging.getLogger(__name__)

T = TypeVar("T")

#: How often the files are looked at; what has changed counts when it is the same at the next look.
WATCH_INTERVAL_MS: Final = 2_500
DEFAULT_FILE: Final = "conf/plain_acl.yml"
FOLDER: Final = "conf/acl"

_EXCEPTION: Final = "org.apache.rocketmq.acl.common.AclException"
#: Under this name a connection's `attrs` hold the tables it was judged by last, and the verdict on its address.
_ADDRESS: Final = "acl address"


class PlainAccessResource:
    """An account as requests are judged by it. Raises AclFormatError."""

    def __init__(self, account: PlainAccessConfig) -> None:
        self.access_key = account.access_key
        self.key = SigningKey(account.secret_key or "")
        self.admin = account.admin
        self.white = matcher(account.white_remote_address)
        self._topic_perm = parse_permission(account.default_topic_perm)
        self._group_perm = parse_permission(account.default_group_perm)
        groups = parse_permissions("group", account.group_perms or ())
        self._perms = {retry_topic(group): perm for group, perm in groups.items()}
        self._perms |= parse_permissions("topic", account.topic_perms or ())

    @property
    def may_all(self) -> bool:
        """Whether it needs no permission."""
        return self.admin and not self._perms

    def is_white(self, channel: Channel) -> bool:
        """Whether it needs no signature where a connection comes from, and may do everything."""
        return self.white is not None and self.white(host_of(channel.remote))

    def missing(self, wanted: Needs) -> str | None:
        """The first resource that the account has no permission for; None when it has all."""
        for resource, needed in wanted.items():
            owned = self._perms.get(resource)
            if owned is None:
                owned = self._group_perm if is_retry_topic(resource) else self._topic_perm
            if not covers(owned, needed):
                return resource
        return None

    def check(self, wanted: Needs) -> None:
        """Raises AccessRefusedError naming the first resource that the account has no permission for."""
        resource = self.missing(wanted)
        if resource is not None:
            group = resource.removeprefix(RETRY_GROUP_TOPIC_PREFIX)
            shown = f"group:{group}" if is_retry_topic(resource) else f"topic:{resource}"
            raise _refused(f"No default permission for {shown}")


class _Tables:
    """What all files say together. Raises AclFormatError."""

    def __init__(self, files: list[AclFile]) -> None:
        self.files = {file.path: file for file in files}
        self.accounts: dict[str, PlainAccessResource] = {}
        self.configs: dict[str, PlainAccessConfig] = {}
        self.file_of: dict[str, str] = {}
        self.white: list[Matches] = []
        self.white_texts: list[str] = []
        for file in files:
            self.white_texts += file.white_addresses
            self.white += [found for text in file.white_addresses if (found := matcher(text)) is not None]
            for account in file.accounts:
                if account.access_key in self.accounts:
                    first = self.file_of[account.access_key]
                    log.warning("%s: '%s' is passed over: it stands in %s", file.path, account.access_key, first)
                    continue
                self.accounts[account.access_key] = PlainAccessResource(account)
                self.configs[account.access_key] = account
                self.file_of[account.access_key] = file.path


class PlainPermissionManager:
    """`home`: the folder that `conf` lies in. Raises AclFormatError when a file cannot be used."""

    def __init__(self, home: str, signatures: Signatures) -> None:
        self._home = os.path.abspath(home)
        self.default_file = os.path.join(self._home, DEFAULT_FILE)
        self._signatures = signatures
        self._changing = asyncio.Lock()
        #: Of the files as they are in force, and as they were when they were looked at last.
        self._seen = self._looked_at = self._stamps()
        self._tables = _Tables([AclFile.read(path) for path in self._seen])
        if not (self._tables.accounts or self._tables.white):
            log.warning("%s has no accounts: it lets nobody in", self.default_file)

    # -- requests -----------------------------------------------------------------------------------------------

    def check(self, channel: Channel, request: RemotingCommand, facts: Facts) -> None:
        """Raises AccessRefusedError for a request that must not be acted on."""
        tables = self._tables
        if tables.white and self._is_white(tables, channel):
            return
        access_key = request.ext_fields.get(ACCESS_KEY)
        if access_key is None:
            raise _refused("No accessKey is configured")
        account = tables.accounts.get(access_key)
        if account is not None and account.is_white(channel):
            channel.attrs[ACCOUNT] = access_key
            return
        key = None if account is None else account.key
        held = self._signatures.hold(channel, request, access_key, key, unique_key_query=False)
        if account is None or not held:
            raise _refused(f"Check signature failed for accessKey={access_key}")
        if account.may_all:
            return
        try:
            wanted = needs(request, facts)
        except (RemotingProtocolError, NoMessageThereError) as error:
            raise _refused(str(error)) from None
        if wanted.get(TRACE_TOPIC) == PUB:
            return
        if request.code in ADMIN_CODES and not account.admin:
            raise _refused(f"Need admin permission for request code={request.code}, but accessKey={access_key} is not")
        account.check(wanted)

    def may_send(self, channel: Channel, topic: str) -> bool:
        """Whether who has signed last on a connection may send to a topic."""
        tables = self._tables
        if tables.white and self._is_white(tables, channel):
            return True
        account = tables.accounts.get(channel.attrs.get(ACCOUNT, ""))
        if account is None or account.may_all or account.is_white(channel):
            return account is not None
        return account.missing(sending(topic)) is None

    def _is_white(self, tables: _Tables, channel: Channel) -> bool:
        judged: tuple[_Tables, bool] | None = channel.attrs.get(_ADDRESS)
        if judged is None or judged[0] is not tables:
            host = host_of(channel.remote)
            judged = channel.attrs[_ADDRESS] = (tables, any(matches(host) for matches in tables.white))
        return judged[1]

    # -- files --------------------------------------------------------------------------------------------------

    def _stamps(self) -> dict[str, tuple[int, int, int]]:
        """The files there are, in the order in which they count, with what tells of a change."""
        found = {}
        for path in (*_files_below(os.path.join(self._home, FOLDER)), self.default_file):
            try:
                status = os.stat(path)
            except OSError:
                continue
            found[path] = (status.st_mtime_ns, status.st_size, status.st_ino)
        return found

    def reload_changed(self) -> None:
        """Read the files again if any has changed, and not since the last call; what cannot be read is logged, and
        changes nothing."""
        stamps, before = self._stamps(), self._looked_at
        self._looked_at = stamps
        if stamps == self._seen or stamps != before:
            return
        self._seen = stamps
        try:
            self._reload()
        except RocketMQError as error:
            log.error("the accounts stay as they were: %s; %s", error, error.next_step)
        else:
            log.info("accounts in force: %d, of %s", len(self._tables.accounts), ", ".join(stamps))

    def _reload(self) -> None:
        self._tables = _Tables([self._read(path) for path in self._seen])

    def _read(self, path: str) -> AclFile:
        """A file; an empty one is as it was before, as for Apache's: to have no accounts is said by `accounts: []`."""
        file, former = AclFile.read(path), self._tables.files.get(path)
        if file.content or former is None or not former.content:
            return file
        log.warning("%s is empty: what it said before stays in force", path)
        return AclFile(path, deepcopy(former.content))

    # -- administration -----------------------------------------------------------------------------------------

    @property
    def accounts(self) -> list[PlainAccessConfig]:
        """Every account with its secret key."""
        return list(self._tables.configs.values())

    @property
    def white_addresses(self) -> list[str]:
        """The patterns of addresses that need no account."""
        return self._tables.white_texts

    @property
    def versions(self) -> dict[str, tuple[int, int]]:
        """`AclFile.version` of each file."""
        return {path: file.version for path, file in self._tables.files.items()}

    async def put_account(self, account: PlainAccessConfig) -> None:
        """Create or change an account. Raises RocketMQError."""
        check_keys(account)
        check_permissions(account.topic_perms or ())
        check_permissions(account.group_perms or ())
        matcher(account.white_remote_address)
        path = self._tables.file_of.get(account.access_key, self.default_file)
        await self._change(path, lambda file: file.put_account(account))

    async def delete_account(self, access_key: str) -> bool:
        """Delete an account; False when there is none. Raises RocketMQError."""
        path = self._tables.file_of.get(access_key)
        return path is not None and await self._change(path, lambda file: file.delete_account(access_key))

    async def put_white_addresses(self, patterns: list[str], path: str | None) -> bool:
        """Replace the patterns of one ACL file, the default one without a path; False for a file that is none of ours.

        Raises RocketMQError.
        """
        path = self._own_file(path)
        if path is None:
            return False
        for pattern in patterns:
            matcher(pattern)
        await self._change(path, lambda file: file.put_white_addresses(patterns))
        return True

    def _own_file(self, path: str | None) -> str | None:
        path = os.path.normpath(path) if path else self.default_file
        return path if path == self.default_file or path in self._tables.files else None

    async def _change(self, path: str, change: Callable[[AclFile], T]) -> T:
        """Change one file, and read all of them again."""
        async with self._changing:
            file = await asyncio.to_thread(self._read, path)
            result = change(file)
            if result is not False:
                await asyncio.to_thread(file.save)
                self._seen = self._looked_at = self._stamps()
                self._reload()
        return result


def open_accounts(home: str | None, signatures: Signatures, key: str = "aclEnable") -> PlainPermissionManager:
    """The accounts below a home, for the configuration key that asks for them. Raises ConfigError."""
    if not home:
        raise ConfigError(
            f"{key}=true needs rocketmqHome, and it is not set",
            f"set rocketmqHome, or ROCKETMQ_HOME in the environment, to the folder with {DEFAULT_FILE}",
        )
    try:
        return PlainPermissionManager(home, signatures)
    except RocketMQError as error:
        raise ConfigError(f"{key}=true: {error}", error.next_step) from None


def _refused(text: str) -> AccessRefusedError:
    """Apache's answer to an exception: its name, and its text."""
    return AccessRefusedError(ResponseCode.SYSTEM_ERROR, f"{_EXCEPTION}: {text}")


def _files_below(folder: str) -> list[str]:
    return sorted(str(path) for path in Path(folder).rglob("*") if path.suffix in (".yml", ".yaml") and path.is_file())
