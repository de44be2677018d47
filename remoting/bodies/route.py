"""Bodies. Routes and clusters, as name servers answer them."""

from __future__ import annotations

from rocketmq_ops.remoting.bodies.base import RemotingSerializable


class QueueData(RemotingSerializable, kw_only=True):
    """A topic's queues on one broker."""

    broker_name: str = ""
    perm: int = 0
    read_queue_nums: int = 0
    topic_sys_flag: int = 0
    write_queue_nums: int = 0


class BrokerData(RemotingSerializable, kw_only=True):
    """One broker: addresses by broker id, 0 is the master."""

    broker_addrs: dict[int, str] = {}
    broker_name: str = ""
    cluster: str = ""
    enable_acting_master: bool = False
    zone_name: str | None = None


class TopicQueueMappingInfo(RemotingSerializable, kw_only=True):
    """A static topic's queues on one broker; `curr_id_map` is logical id -> queueId."""

    bname: str = ""
    curr_id_map: dict[int, int] = {}
    dirty: bool = False
    epoch: int = 0
    scope: str | None = None
    topic: str = ""
    total_queues: int = 0


class TopicRouteData(RemotingSerializable, kw_only=True):
    """Where a topic lives: answer to GET_ROUTEINFO_BY_TOPIC."""

    broker_datas: list[BrokerData] = []
    filter_server_table: dict[str, list[str]] = {}
    order_topic_conf: str | None = None
    queue_datas: list[QueueData] = []
    topic_queue_mapping_by_broker: dict[str, TopicQueueMappingInfo] | None = None


class ClusterInfo(RemotingSerializable, kw_only=True):
    """Brokers by name and their names by cluster: answer to GET_BROKER_CLUSTER_INFO."""

    broker_addr_table: dict[str, BrokerData] = {}
    cluster_addr_table: dict[str, list[str]] = {}


class BrokerMemberGroup(RemotingSerializable, kw_only=True):
    """Addresses of one broker name by broker id."""

    broker_addrs: dict[int, str] = {}
    broker_name: str = ""
    cluster: str = ""


class GetBrokerMemberGroupResponseBody(RemotingSerializable, kw_only=True):
    """Answer to GET_BROKER_MEMBER_GROUP."""

    broker_member_group: BrokerMemberGroup | None = None
