"""The topics of a broker: their table, its file `config/topics.json`, and how topics come to be and change.

What lives here: system topics, auto-creation at a send and at a send-back, updates with attributes, deletion, and
reporting each change to the name servers. Requests are handled in `processors/admin/topic.py`.

Mirrors org.apache.rocketmq.broker.topic.TopicConfigManager.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from rocketmq_ops.broker.processors.slices import MAX_QUEUE_NUMS
from rocketmq_ops.broker.send.topic_refusals import topic_remark
from rocketmq_ops.broker.state.config_manager import ConfigManager
from rocketmq_ops.broker.state.config_table import ConfigEntries, read_data_version, restore
from rocketmq_ops.broker.topic.topic_attributes import TOPIC_ATTRIBUTES, alter_attributes
from rocketmq_ops.common import fastjson, topics
from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.permission import PERM_INHERIT, PERM_READ, PERM_WRITE
from rocketmq_ops.remoting.bodies import TopicConfig
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

READ_WRITE = PERM_READ | PERM_WRITE
SCHEDULE_TOPIC_QUEUE_NUM = 18
REVIVE_TOPIC_PREFIX = topics.SYSTEM_TOPIC_PREFIX + "REVIVE_LOG_"


class TopicConfigManager(ConfigManager):
    """`table`: topic -> TopicConfig. An update replaces the entry, so that a change is seen by identity."""

    file_name = "topics.json"

    def __init__(self, controller: BrokerController) -> None:
        super().__init__(controller)
        self._entries = ConfigEntries(TopicConfig)
        self.table: dict[str, TopicConfig] = {}
        self.data_version = DataVersion.fresh()
        self.system_topics: set[str] = set(topics.SYSTEM_TOPICS)
        self._create_system_topics()

    def _create_system_topics(self) -> None:
        config = self._controller.config
        everything = READ_WRITE | PERM_INHERIT
        self._add_system(topics.SELF_TEST_TOPIC, 1)
        if config.autoCreateTopicEnable:
            self._add_system(topics.AUTO_CREATE_TOPIC, config.defaultTopicQueueNums, everything)
        self._add_system(topics.BENCHMARK_TOPIC, 1024)
        self._add_system(config.brokerClusterName, 16, everything if config.clusterTopicEnable else PERM_INHERIT)
        self._add_system(config.brokerName, 1, everything if config.brokerTopicEnable else PERM_INHERIT)
        self._add_system(topics.OFFSET_MOVED_EVENT, 1)
        self._add_system(topics.SCHEDULE_TOPIC, SCHEDULE_TOPIC_QUEUE_NUM)
        if config.traceTopicEnable:
            self._add_system(config.msgTraceTopicName, 1)
        self._add_system(topics.reply_topic(config.brokerClusterName), 1)
        self._add_system(REVIVE_TOPIC_PREFIX + config.brokerClusterName, config.reviveQueueNum)
        self._add_system(topics.SYNC_BROKER_MEMBER_GROUP_PREFIX + config.brokerName, 1, PERM_INHERIT)
        self._add_system(topics.TRANS_HALF_TOPIC, 1)
        self._add_system(topics.TRANS_OP_HALF_TOPIC, 1)
        if self._controller.store_config.timerWheelEnable:
            self._add_system(TIMER_TOPIC, 1)

    def _add_system(self, topic: str, queue_nums: int, perm: int = READ_WRITE) -> None:
        self.system_topics.add(topic)
        self.table[topic] = TopicConfig(
            topic_name=topic, read_queue_nums=queue_nums, write_queue_nums=queue_nums, perm=perm
        )

    # -- file ---------------------------------------------------------------------------------------------------

    def load(self) -> bool:
        """Read the file over the system topics; False when there is none. Raises CorruptDataError for a broken one."""
        raw = self.document(dict)
        if raw is None:
            return False
        self.table.update(self._entries.decode(raw.get("topicConfigTable")))
        self.data_version = read_data_version(raw.get("dataVersion"))
        return True

    def encode(self, *, pretty: bool = False) -> bytes:
        """The table as Apache's TopicConfigSerializeWrapper."""
        return fastjson.dumps(
            {
                "dataVersion": msgspec.to_builtins(self.data_version),
                "topicConfigTable": self._entries.text(self.table) if pretty else self._entries.encode(self.table),
            },
            pretty=pretty,
        )

    def encode_all(self) -> bytes:
        """The table as the answer to GET_ALL_TOPIC_CONFIG (TopicConfigAndMappingSerializeWrapper)."""
        version = msgspec.to_builtins(self.data_version)
        return fastjson.dumps(
            {
                "dataVersion": version,
                "mappingDataVersion": {"counter": 0, "stateVersion": 0, "timestamp": version["timestamp"]},
                "topicConfigTable": self._entries.encode(self.table),
                "topicQueueMappingDetailMap": {},
                "topicQueueMappingInfoMap": {},
            }
        )

    def encode_topic(self, config: TopicConfig) -> bytes:
        """One topic as the answer to GET_TOPIC_CONFIG."""
        return fastjson.dumps(self._entries.encode_entry(config.topic_name, config))

    # -- reading ------------------------------------------------------------------------------------------------

    def get(self, topic: str) -> TopicConfig | None:
        """The configuration of a topic, or None when this broker does not have it."""
        return self.table.get(topic)

    def is_order_topic(self, topic: str) -> bool:
        """True when the topic exists and is ordered."""
        config = self.table.get(topic)
        return config is not None and config.order

    def is_system(self, topic: str) -> bool:
        """True for built-in topics, those that this broker created as such, and every `rmq_sys_...`."""
        return topic in self.system_topics or topic.startswith(topics.SYSTEM_TOPIC_PREFIX)

    # -- creation by clients ------------------------------------------------------------------------------------

    def create_in_send_message(
        self, topic: str, default_topic: str, remote: str, queue_nums: int, sys_flag: int
    ) -> TopicConfig | None:
        """The topic, created after `default_topic` when it is missing; None when that is not allowed.

        `queue_nums` is what the client would like; the default topic's number is the upper limit.
        """
        found = self.table.get(topic)
        if found is not None:
            return found
        default = self.table.get(default_topic)
        if default is None:
            log.warning("no topic %s for %s: the default topic %s does not exist", topic, remote, default_topic)
            return None
        if default_topic == topics.AUTO_CREATE_TOPIC and not self._controller.config.autoCreateTopicEnable:
            default = self.table[default_topic] = msgspec.structs.replace(default, perm=READ_WRITE)
        if not default.perm & PERM_INHERIT:
            log.warning("no topic %s for %s: the default topic %s may not be inherited", topic, remote, default_topic)
            return None
        nums = max(0, min(queue_nums, default.write_queue_nums, MAX_QUEUE_NUMS))
        return self._add_new(
            TopicConfig(
                topic_name=topic,
                read_queue_nums=nums,
                write_queue_nums=nums,
                perm=default.perm & ~PERM_INHERIT,
                topic_filter_type=default.topic_filter_type,
                topic_sys_flag=sys_flag,
            )
        )

    def create_in_send_message_back(
        self, topic: str, queue_nums: int, perm: int = READ_WRITE, order: bool = False, sys_flag: int = 0
    ) -> TopicConfig:
        """The retry or dead-letter topic, created when it is missing.

        An existing one takes over `order`, and gets as many queues as `queue_nums`: what is put into a queue that the
        topic does not have is never read, for no consumer is routed to it. It keeps queues that it has beyond that,
        so that they are read to their end.
        """
        found = self.table.get(topic)
        queue_nums = min(queue_nums, MAX_QUEUE_NUMS)
        if found is None:
            return self._add_new(
                TopicConfig(
                    topic_name=topic,
                    read_queue_nums=queue_nums,
                    write_queue_nums=queue_nums,
                    perm=perm,
                    topic_sys_flag=sys_flag,
                    order=order,
                )
            )
        if found.order != order:
            found = msgspec.structs.replace(found, order=order)
            self._put(found)
            self._controller.changes.record(self)
        return self.widen(found, queue_nums)

    def widen(self, config: TopicConfig, queue_nums: int) -> TopicConfig:
        """The entry of an existing topic, with at least so many queues to read and to write."""
        if config.read_queue_nums >= queue_nums and config.write_queue_nums >= queue_nums:
            return config
        wider = msgspec.structs.replace(
            config,
            read_queue_nums=max(config.read_queue_nums, queue_nums),
            write_queue_nums=max(config.write_queue_nums, queue_nums),
        )
        self._put(wider)
        self._controller.changes.record(self, [wider])
        log.info("topic %s has %d queues now", config.topic_name, queue_nums)
        return wider

    def _add_new(self, config: TopicConfig, *, register: bool = True) -> TopicConfig:
        self._put(config)
        # A client waits, so a file that cannot be written costs no more than a line in the log: the topic lives in
        # memory until the file is tried again.
        self._controller.changes.record(self, [config] if register else [])
        log.info(
            "created topic %s: %d read, %d write queues, perm %d",
            config.topic_name,
            config.read_queue_nums,
            config.write_queue_nums,
            config.perm,
        )
        return config

    # -- administration -----------------------------------------------------------------------------------------

    def check_name(self, topic: str) -> None:
        """Raise RocketMQError where an administrator may not create or change a topic of this name."""
        problem = topic_remark(topic)
        if problem is not None:
            raise RocketMQError(problem)
        if self._controller.config.validateSystemTopicWhenUpdateTopic and self.is_system(topic):
            raise RocketMQError(f"The topic[{topic}] is conflict with system topic.")

    async def update(self, configs: Iterable[TopicConfig]) -> list[TopicConfig]:
        """Create or replace topics, whose `attributes` are alterations (`+key`, `-key`); the entries as they now are.

        Raises RocketMQError, and changes nothing, when an alteration of any of them is not allowed or the file cannot
        be written: what was reported as failed to an administrator does not take effect later.
        """
        changed: list[TopicConfig] = []
        for config in configs:
            old = self.table.get(config.topic_name)
            attributes = alter_attributes(
                TOPIC_ATTRIBUTES, old.attributes if old else {}, config.attributes, create=old is None
            )
            if "+reserve.time" in config.attributes:
                raise RocketMQError("Update topic reserveTime not supported")
            changed.append(msgspec.structs.replace(config, attributes=attributes))
        before = {config.topic_name: self.table.get(config.topic_name) for config in changed}
        for config in changed:
            self._put(config)
        try:
            if changed:
                await self._controller.files.save(self)
        except RocketMQError:
            restore(self.table, before, {config.topic_name: config for config in changed})
            self.next_version()
            raise
        return changed

    def update_order(self, order_topics: Iterable[str]) -> None:
        """Mark the topics that the name server holds an order configuration for (updateOrderTopicConfig)."""
        changed = False
        for topic in order_topics:
            config = self.table.get(topic)
            if config is not None and not config.order:
                self.table[topic] = msgspec.structs.replace(config, order=True)
                changed = True
        if changed:
            self.next_version()
            self._controller.changes.record(self)

    def delete(self, topic: str) -> bool:
        """Remove a topic from the table, not yet from the file; False when there was none."""
        if self.table.pop(topic, None) is None:
            return False
        self._entries.forget(topic)
        self.next_version()
        return True

    def take_over(self, document: dict[str, Any]) -> bool:
        """Replace the table of a slave by its master's; False when it is the same. Raises CorruptDataError."""
        version = read_data_version(document.get("dataVersion"))
        if version == self.data_version:
            return False
        taken = self._entries.decode(document.get("topicConfigTable"))
        for topic in self.table.keys() - taken.keys():
            self._entries.forget(topic)
        # In place: others hold the table.
        self.table.clear()
        self.table.update(taken)
        self.data_version = version
        self.changed()
        return True

    def _put(self, config: TopicConfig) -> None:
        self.table[config.topic_name] = config
        self.next_version()

    def next_version(self) -> None:
        """Mark a change of the table."""
        self.data_version.next_version()
        self.changed()
