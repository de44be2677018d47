"""Headers. Replication, broker containers and changes of role."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Int, Long
from rocketmq_ops.remoting.headers.base import CustomHeader, of_request


@of_request(RequestCode.EXCHANGE_BROKER_HA_INFO)
class ExchangeHAInfoRequestHeader(CustomHeader, kw_only=True):
    """Request EXCHANGE_BROKER_HA_INFO (906)."""

    master_ha_address: str | None = None
    master_flush_offset: Long | None = None
    master_address: str | None = None


class ExchangeHAInfoResponseHeader(CustomHeader, kw_only=True):
    """Answer to ExchangeHAInfo."""

    master_ha_address: str | None = None
    master_flush_offset: Long | None = None
    master_address: str | None = None


@of_request(RequestCode.RESET_MASTER_FLUSH_OFFSET)
class ResetMasterFlushOffsetHeader(CustomHeader, kw_only=True):
    """Request RESET_MASTER_FLUSH_OFFSET (908)."""

    master_flush_offset: Long


@of_request(RequestCode.GET_BROKER_MEMBER_GROUP)
class GetBrokerMemberGroupRequestHeader(CustomHeader, kw_only=True):
    """Request GET_BROKER_MEMBER_GROUP (901)."""

    cluster_name: str
    broker_name: str


@of_request(RequestCode.NOTIFY_MIN_BROKER_ID_CHANGE)
class NotifyMinBrokerIdChangeRequestHeader(CustomHeader, kw_only=True):
    """Request NOTIFY_MIN_BROKER_ID_CHANGE (905)."""

    min_broker_id: Long | None = None
    broker_name: str | None = None
    min_broker_addr: str | None = None
    offline_broker_addr: str | None = None
    ha_broker_addr: str | None = None


@of_request(RequestCode.NOTIFY_BROKER_ROLE_CHANGED)
class NotifyBrokerRoleChangedRequestHeader(CustomHeader, kw_only=True):
    """Request NOTIFY_BROKER_ROLE_CHANGED (1008)."""

    master_address: str | None = None
    master_epoch: Int | None = None
    sync_state_set_epoch: Int | None = None
    master_broker_id: Long | None = None


@of_request(RequestCode.ADD_BROKER)
class AddBrokerRequestHeader(CustomHeader, kw_only=True):
    """Request ADD_BROKER (902)."""

    config_path: str | None = None


@of_request(RequestCode.REMOVE_BROKER)
class RemoveBrokerRequestHeader(CustomHeader, kw_only=True):
    """Request REMOVE_BROKER (903)."""

    broker_name: str
    broker_cluster_name: str
    broker_id: Long
