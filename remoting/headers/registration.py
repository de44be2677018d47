"""Headers. Brokers towards the name server: registration, heartbeat, data version."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Bool, Int, Long
from rocketmq_ops.remoting.headers.base import CustomHeader, of_request


@of_request(RequestCode.REGISTER_BROKER)
class RegisterBrokerRequestHeader(CustomHeader, kw_only=True):
    """Request REGISTER_BROKER (103)."""

    broker_name: str
    broker_addr: str
    cluster_name: str
    ha_server_addr: str
    broker_id: Long
    heartbeat_timeout_millis: Long | None = None
    enable_acting_master: Bool | None = None
    compressed: Bool = False
    body_crc32: Int | None = 0


class RegisterBrokerResponseHeader(CustomHeader, kw_only=True):
    """Answer to RegisterBroker."""

    ha_server_addr: str | None = None
    master_addr: str | None = None


@of_request(RequestCode.UNREGISTER_BROKER)
class UnRegisterBrokerRequestHeader(CustomHeader, kw_only=True):
    """Request UNREGISTER_BROKER (104)."""

    broker_name: str
    broker_addr: str
    cluster_name: str
    broker_id: Long


@of_request(RequestCode.BROKER_HEARTBEAT)
class BrokerHeartbeatRequestHeader(CustomHeader, kw_only=True):
    """Request BROKER_HEARTBEAT (904)."""

    cluster_name: str
    broker_addr: str
    broker_name: str
    broker_id: Long | None = None
    epoch: Int | None = None
    max_offset: Long | None = None
    confirm_offset: Long | None = None
    heartbeat_timeout_mills: Long | None = None
    election_priority: Int | None = None


@of_request(RequestCode.QUERY_DATA_VERSION)
class QueryDataVersionRequestHeader(CustomHeader, kw_only=True):
    """Request QUERY_DATA_VERSION (322)."""

    broker_name: str
    broker_addr: str
    cluster_name: str
    broker_id: Long


class QueryDataVersionResponseHeader(CustomHeader, kw_only=True):
    """Answer to QueryDataVersion."""

    changed: Bool


@of_request(RequestCode.REGISTER_FILTER_SERVER)
class RegisterFilterServerRequestHeader(CustomHeader, kw_only=True):
    """Request REGISTER_FILTER_SERVER (301), of filter servers of 4.x."""

    filter_server_addr: str


class RegisterFilterServerResponseHeader(CustomHeader, kw_only=True):
    """Answer to RegisterFilterServer."""

    broker_name: str
    broker_id: Long
