"""Bodies. Topics: their configuration, lists and queue offsets."""

from __future__ import annotations

import msgspec

from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.remoting.bodies.base import RemotingSerializable
from rocketmq_ops.remoting.bodies.enums import TopicFilterType
from rocketmq_ops.remoting.bodies.route import TopicQueueMappingInfo


class TopicConfig(RemotingSerializable, kw_only=True):
    """A topic's configuration on a broker."""

    attributes: dict[str, str] = {}
    order: bool = False
    perm: int = 6
    read_queue_nums: int = 16
    topic_filter_type: TopicFilterType | None = "SINGLE_TAG"
    topic_name: str = ""
    topic_sys_flag: int = 0
    write_queue_nums: int = 16


class TopicConfigSerializeWrapper(RemotingSerializable, kw_only=True):
    """All topics of a broker."""

    data_version: DataVersion = msgspec.field(default_factory=DataVersion)
    topic_config_table: dict[str, TopicConfig] = {}


class LogicQueueMappingItem(RemotingSerializable, kw_only=True):
    """One generation of a static topic's logical queue; offsets in messages, times in ms."""

    bname: str = ""
    end_offset: int = 0
    gen: int = 0
    logic_offset: int = 0
    queue_id: int = 0
    start_offset: int = 0
    time_of_end: int = 0
    time_of_start: int = 0


class TopicQueueMappingDetail(TopicQueueMappingInfo, kw_only=True):
    """A static topic's mapping with the history of each hosted queue."""

    hosted_queues: dict[int, list[LogicQueueMappingItem]] = {}


class TopicConfigAndQueueMapping(TopicConfig, kw_only=True):
    """A topic's configuration with its static mapping: answer to GET_TOPIC_CONFIG when asked for one broker's own."""

    mapping_detail: TopicQueueMappingDetail | None = None


class TopicRemappingDetailWrapper(RemotingSerializable, kw_only=True):
    """A static topic on all brokers: what Apache's commands write to files. `type` is CREATE_OR_UPDATE or REMAPPING."""

    broker_config_map: dict[str, TopicConfigAndQueueMapping] = msgspec.field(default_factory=dict)
    broker_to_map_in: list[str] = []
    broker_to_map_out: list[str] = []
    epoch: int = 0
    topic: str = ""
    type: str = ""


class TopicConfigAndMappingSerializeWrapper(TopicConfigSerializeWrapper, kw_only=True):
    """All topics of a broker with their static mappings: answer to GET_ALL_TOPIC_CONFIG."""

    mapping_data_version: DataVersion = msgspec.field(default_factory=DataVersion)
    topic_queue_mapping_detail_map: dict[str, TopicQueueMappingDetail] = msgspec.field(default_factory=dict)
    topic_queue_mapping_info_map: dict[str, TopicQueueMappingInfo] = msgspec.field(default_factory=dict)


class CreateTopicListRequestBody(RemotingSerializable, kw_only=True):
    """Body of UPDATE_AND_CREATE_TOPIC_LIST."""

    topic_config_list: list[TopicConfig] = []


class TopicList(RemotingSerializable, kw_only=True):
    """Names of topics."""

    broker_addr: str | None = None
    topic_list: list[str] = []


class TopicOffset(RemotingSerializable, kw_only=True):
    """A queue's offsets in messages; `last_update_timestamp` in ms, of its last message."""

    last_update_timestamp: int = 0
    max_offset: int = 0
    min_offset: int = 0


class TopicStatsTable(RemotingSerializable, kw_only=True):
    """Offsets of all queues of a topic: answer to GET_TOPIC_STATS_INFO."""

    offset_table: dict[MessageQueue, TopicOffset] = {}
    topic_put_tps: float = 0.0
