"""The consumer groups of a broker: their table, its file `config/subscriptionGroup.json`, and auto-creation.

Connections of consumers are in `client/consumer_manager.py`, their offsets in `offset/consumer_offset_manager.py`;
requests are handled in `processors/admin/group.py`.

Mirrors org.apache.rocketmq.broker.subscription.SubscriptionGroupManager.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from rocketmq_ops.broker.state.config_manager import ConfigManager
from rocketmq_ops.broker.state.config_table import ConfigEntries, read_data_version, restore
from rocketmq_ops.broker.topic.topic_attributes import GROUP_ATTRIBUTES, alter_attributes
from rocketmq_ops.common import fastjson, topics
from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.errors import CorruptDataError, RocketMQError
from rocketmq_ops.remoting.bodies import SubscriptionGroupConfig

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

#: Bits of a forbidden entry: which permission of the topic the group lacks (PermName.INDEX_PERM_*).
INDEX_PERM_READ, INDEX_PERM_WRITE = 2, 1

SYSTEM_GROUPS = (
    topics.TOOLS_CONSUMER_GROUP,
    topics.FILTERSRV_CONSUMER_GROUP,
    topics.SELF_TEST_CONSUMER_GROUP,
    topics.ONS_HTTP_PROXY_GROUP,
    topics.CID_ONSAPI_PULL_GROUP,
    topics.CID_ONSAPI_PERMISSION_GROUP,
    topics.CID_ONSAPI_OWNER_GROUP,
    topics.CID_SYS_RMQ_TRANS,
)


def _forbidden_table(document: dict[str, Any]) -> dict[str, dict[str, int]]:
    """What groups are forbidden, as a document has it. Raises CorruptDataError."""
    try:
        return msgspec.convert(document.get("forbiddenTable") or {}, dict[str, dict[str, int]], strict=False)
    except msgspec.ValidationError as error:
        raise CorruptDataError(f"forbiddenTable: {error}") from None


class SubscriptionGroupManager(ConfigManager):
    """`table`: group -> SubscriptionGroupConfig; `forbidden_table`: group -> topic -> bits of what is forbidden."""

    file_name = "subscriptionGroup.json"

    def __init__(self, controller: BrokerController) -> None:
        super().__init__(controller)
        self._entries = ConfigEntries(SubscriptionGroupConfig)
        self.table: dict[str, SubscriptionGroupConfig] = {
            group: SubscriptionGroupConfig(group_name=group) for group in SYSTEM_GROUPS
        }
        self.forbidden_table: dict[str, dict[str, int]] = {}
        self.data_version = DataVersion.fresh()
        #: Of a slave: groups that came into being here, since it took its master's over.
        self.made_here: set[str] = set()

    # -- file ---------------------------------------------------------------------------------------------------

    def load(self) -> bool:
        """Read the file over the system groups; False when there is none. Raises CorruptDataError for a broken one."""
        raw = self.document(dict)
        if raw is None:
            return False
        self.table.update(self._entries.decode(raw.get("subscriptionGroupTable")))
        try:
            self.forbidden_table.update(_forbidden_table(raw))
        except CorruptDataError as error:
            raise CorruptDataError(f"{self.path}: {error}") from None
        self.data_version = read_data_version(raw.get("dataVersion"))
        return True

    def take_over(self, document: dict[str, Any], keep: Collection[str] = ()) -> bool:
        """Replace the table of a slave by its master's; False when it is the same. Raises CorruptDataError.

        Of the groups that came into being here, those in `keep` stay: the master is still to be told of them."""
        version = read_data_version(document.get("dataVersion"))
        if version == self.data_version:
            return False
        taken = self._entries.decode(document.get("subscriptionGroupTable"))
        self.forbidden_table = _forbidden_table(document)
        self.made_here = {group for group in self.made_here if group in keep and group not in taken}
        taken |= {group: self.table[group] for group in self.made_here if group in self.table}
        for group in self.table.keys() - taken.keys():
            self._entries.forget(group)
        # In place: others hold the table.
        self.table.clear()
        self.table.update(taken)
        self.data_version = version
        self.changed()
        return True

    def encode(self, *, pretty: bool = False) -> bytes:
        """The table as Apache writes it to the file and answers GET_ALL_SUBSCRIPTIONGROUP_CONFIG."""
        content: dict[str, Any] = {
            "dataVersion": msgspec.to_builtins(self.data_version),
            "forbiddenTable": self.forbidden_table,
            "subscriptionGroupTable": self._entries.text(self.table) if pretty else self._entries.encode(self.table),
        }
        return fastjson.dumps(content, pretty=pretty)

    def encode_group(self, config: SubscriptionGroupConfig) -> bytes:
        """One group as the answer to GET_SUBSCRIPTIONGROUP_CONFIG."""
        return fastjson.dumps(self._entries.encode_entry(config.group_name, config))

    # -- reading ------------------------------------------------------------------------------------------------

    def contains(self, group: str) -> bool:
        """True when the group exists; never creates it."""
        return group in self.table

    def find(self, group: str) -> SubscriptionGroupConfig | None:
        """The group, created with defaults when it is missing and `autoCreateSubscriptionGroup` allows it.

        System groups (`CID_RMQ_SYS_...`) follow `enableCreateSysGroup` instead.
        """
        found = self.table.get(group)
        if found is not None:
            return found
        config = self._controller.config
        if not (config.autoCreateSubscriptionGroup or (config.enableCreateSysGroup and topics.is_system_group(group))):
            return None
        if topics.group_problem(group) is not None:
            return None
        found = self.table[group] = SubscriptionGroupConfig(group_name=group)
        log.info("created subscription group %s", group)
        if self._controller.is_slave:
            self.made_here.add(group)
        # A client waits, so a file that cannot be written costs no more than a line in the log: the group lives in
        # memory until the file is tried again.
        self.next_version()
        self._controller.changes.record(self)
        return found

    # -- administration -----------------------------------------------------------------------------------------

    async def update(self, configs: Iterable[SubscriptionGroupConfig]) -> None:
        """Create or replace groups.

        Raises RocketMQError, and changes nothing, for an attribute that is not allowed or an unwritable file.
        """
        changed: list[SubscriptionGroupConfig] = []
        for config in configs:
            old = self.table.get(config.group_name)
            attributes = alter_attributes(
                GROUP_ATTRIBUTES, old.attributes if old else {}, config.attributes, create=old is None
            )
            changed.append(msgspec.structs.replace(config, attributes=attributes))
        before = {config.group_name: self.table.get(config.group_name) for config in changed}
        for config in changed:
            self.table[config.group_name] = config
            self.next_version()
        try:
            if changed:
                await self._controller.files.save(self)
        except RocketMQError:
            restore(self.table, before, {config.group_name: config for config in changed})
            self.next_version()
            raise

    def delete(self, group: str) -> bool:
        """Remove a group with its forbidden entries, not yet from the file; False when there was none."""
        if self.forbidden_table.pop(group, None) is not None:
            self.changed()
        if self.table.pop(group, None) is None:
            return False
        self._entries.forget(group)
        self.next_version()
        return True

    def disable_consume(self, group: str) -> None:
        """Refuse the pulls of a group until `updateSubGroup -s true` allows them again (disableConsume)."""
        found = self.table.get(group)
        if found is not None and found.consume_enable:
            self.table[group] = msgspec.structs.replace(found, consume_enable=False)
            self.next_version()
            self._controller.changes.record(self)

    def forbidden(self, group: str, topic: str, index: int) -> bool:
        """True when the permission with this bit index is taken from the group on the topic."""
        return bool(self.forbidden_table.get(group, {}).get(topic, 0) >> index & 1)

    def set_forbidden(self, group: str, topic: str, index: int, forbidden: bool) -> None:
        """Take a permission on a topic from a group, or give it back; not yet in the file."""
        value = self.forbidden_table.get(group, {}).get(topic, 0)
        value = value | 1 << index if forbidden else value & ~(1 << index)
        if value:
            self.forbidden_table.setdefault(group, {})[topic] = value
        else:
            self.forbidden_table.get(group, {}).pop(topic, None)
            if not self.forbidden_table.get(group, True):
                del self.forbidden_table[group]
        self.next_version()

    def next_version(self) -> None:
        """Mark a change of the table."""
        self.data_version.next_version()
        self.changed()
