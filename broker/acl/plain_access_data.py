"""An ACL file: `globalWhiteRemoteAddresses`, `accounts` and `dataVersion`, in YAML; reading, changing, writing.

What is not known here stays in the file. Mirrors PlainAccessData and PlainAccessConfig, and the edits that
PlainPermissionManager makes of the file; comments are lost with an edit, as by Apache's broker, but not the file:
it is replaced, and what it held becomes its `.bak`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import yaml

from rocketmq_ops.broker.acl.permission import AclFormatError
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import system_words
from rocketmq_ops.common.files import OsSmallFiles, save_with_backup
from rocketmq_ops.remoting.bodies import PlainAccessConfig

WHITE_ADDRESSES: Final = "globalWhiteRemoteAddresses"
ACCOUNTS: Final = "accounts"
VERSION: Final = "dataVersion"

#: Access keys and secret keys must be longer than this.
MIN_KEY_LENGTH: Final = 6
#: A new ACL file is for its owner alone.
_PRIVATE: Final = 0o600

_TEXT_FIELDS: Final = ("accessKey", "secretKey", "whiteRemoteAddress", "defaultTopicPerm", "defaultGroupPerm")
_LIST_FIELDS: Final = ("topicPerms", "groupPerms")


class AclFile:
    """The content of one file; an empty one holds nothing."""

    def __init__(self, path: str, content: dict[str, Any]) -> None:
        self.path = path
        self.content = content

    @classmethod
    def read(cls, path: str) -> AclFile:
        """Raises AclFormatError naming the file."""
        try:
            content = yaml.safe_load(Path(path).read_bytes())
        except FileNotFoundError:
            content = None
        except OSError as error:
            raise AclFormatError(f"cannot read {path}: {system_words(error)}", "check its permissions") from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            # The text of the error would quote the file, and with it secret keys.
            mark = getattr(error, "problem_mark", None)
            where = f"line {mark.line + 1}" if mark is not None else "the file"
            raise AclFormatError(f"{path}: {where} is no YAML", "correct the file") from None
        if content is None:
            content = {}
        if not isinstance(content, dict):
            raise AclFormatError(f"{path} has no '{ACCOUNTS}:' list", "write it as conf/plain_acl.yml of RocketMQ")
        return cls(path, content)

    @property
    def white_addresses(self) -> list[str]:
        """The patterns of addresses that need no account."""
        return [_text(item) for item in self._list(WHITE_ADDRESSES)]

    @property
    def accounts(self) -> list[PlainAccessConfig]:
        """The accounts in their order. Raises AclFormatError."""
        found = []
        for number, item in enumerate(self._list(ACCOUNTS), 1):
            if not isinstance(item, dict):
                raise AclFormatError(f"{self.path}: account {number} has no fields", "write them as accessKey: NAME")
            try:
                found.append(_account(item))
            except AclFormatError as error:
                raise AclFormatError(f"{self.path}: account {number}: {error}", error.next_step) from None
        return found

    @property
    def version(self) -> tuple[int, int]:
        """Changes made by administrators, and the time of the last one in ms; (0, 0) before the first."""
        for item in self._list(VERSION):
            if isinstance(item, dict):
                counter, timestamp = item.get("counter", 0), item.get("timestamp", 0)
                if isinstance(counter, int) and isinstance(timestamp, int):
                    return counter, timestamp
        return 0, 0

    def put_account(self, given: PlainAccessConfig) -> None:
        """Add an account, or change its fields that are given; `admin` counts in any case."""
        accounts = self._list(ACCOUNTS)
        item = self._find(accounts, given.access_key)
        if item is None:
            item = {}
        else:  # it goes to the end, as Apache's does
            accounts.remove(item)
        item["accessKey"] = given.access_key
        texts = {
            "secretKey": given.secret_key or None,
            "whiteRemoteAddress": given.white_remote_address,
            "admin": given.admin,
            "defaultTopicPerm": given.default_topic_perm or None,
            "defaultGroupPerm": given.default_group_perm or None,
            "topicPerms": given.topic_perms,
            "groupPerms": given.group_perms,
        }
        item.update({name: value for name, value in texts.items() if value is not None})
        accounts.append(item)
        self.content[ACCOUNTS] = accounts

    def delete_account(self, access_key: str) -> bool:
        """Delete an account; False when there is none."""
        accounts = self._list(ACCOUNTS)
        item = self._find(accounts, access_key)
        if item is None:
            return False
        accounts.remove(item)
        self.content[ACCOUNTS] = accounts
        return True

    def put_white_addresses(self, patterns: list[str]) -> None:
        """Replace the patterns of addresses."""
        self.content[WHITE_ADDRESSES] = patterns

    def save(self) -> None:
        """Write the file as one change more, with the permissions that it has. Raises RocketMQError."""
        counter, _ = self.version
        self.content[VERSION] = [{"counter": counter + 1, "timestamp": now_ms()}]
        text = yaml.safe_dump(self.content, default_flow_style=False, sort_keys=False, allow_unicode=True)
        try:
            mode = os.stat(self.path).st_mode & 0o777
        except OSError:
            mode = _PRIVATE
        save_with_backup(self.path, text.encode(), OsSmallFiles(mode))

    def _list(self, name: str) -> list[Any]:
        found = self.content.get(name)
        if found is None:
            return []
        if not isinstance(found, list):
            raise _not_a_list(f"{self.path}: ", name)
        return found

    def _find(self, accounts: list[Any], access_key: str) -> dict[str, Any] | None:
        for item in accounts:
            if isinstance(item, dict) and _text(item.get("accessKey")) == access_key:
                return item
        return None


def check_keys(account: PlainAccessConfig) -> None:
    """Refuse keys that are missing or too short; the secret key is not quoted. Raises AclFormatError."""
    if len(account.access_key) <= MIN_KEY_LENGTH or len(account.secret_key or "") <= MIN_KEY_LENGTH:
        raise AclFormatError(
            f"The accessKey={account.access_key} and its secretKey cannot be null and length should longer than 6",
            "give both with at least 7 characters",
        )


def _not_a_list(where: str, name: str) -> AclFormatError:
    return AclFormatError(f"{where}invalid {name}: expected a list", f"write '- ' before each entry of {name}")


def _account(item: dict[Any, Any]) -> PlainAccessConfig:
    texts = {name: _text(item[name]) for name in _TEXT_FIELDS if item.get(name) is not None}
    lists: dict[str, list[str] | None] = {}
    for name in _LIST_FIELDS:
        value = item.get(name)
        if value is not None and not isinstance(value, list):
            raise _not_a_list("", name)
        lists[name] = None if value is None else [_text(each) for each in value]
    account = PlainAccessConfig(
        access_key=texts.get("accessKey", ""),
        secret_key=texts.get("secretKey"),
        white_remote_address=texts.get("whiteRemoteAddress"),
        admin=_text(item.get("admin")).lower() == "true",
        default_topic_perm=texts.get("defaultTopicPerm"),
        default_group_perm=texts.get("defaultGroupPerm"),
        topic_perms=lists["topicPerms"],
        group_perms=lists["groupPerms"],
    )
    check_keys(account)
    return account


def _text(value: object) -> str:
    """A value as fastjson casts it to text: keys of digits alone are numbers in YAML."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
