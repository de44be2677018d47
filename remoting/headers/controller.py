"""Headers. The controller of automatic switching: declared for admin calls."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Bool, Int, Long
from rocketmq_ops.remoting.headers.base import CustomHeader, of_request


@of_request(RequestCode.CONTROLLER_ALTER_SYNC_STATE_SET)
class AlterSyncStateSetRequestHeader(CustomHeader, kw_only=True):
    """Request CONTROLLER_ALTER_SYNC_STATE_SET (1001)."""

    broker_name: str | None = None
    master_broker_id: Long | None = None
    master_epoch: Int | None = None
    invoke_time: Long = 0


class AlterSyncStateSetResponseHeader(CustomHeader, kw_only=True):
    """Answer to AlterSyncStateSet."""

    new_sync_state_set_epoch: Int = 0


@of_request(RequestCode.CONTROLLER_ELECT_MASTER)
class ElectMasterRequestHeader(CustomHeader, kw_only=True):
    """Request CONTROLLER_ELECT_MASTER (1002)."""

    cluster_name: str
    broker_name: str
    broker_id: Long
    designate_elect: Bool = False
    invoke_time: Long | None = None


class ElectMasterResponseHeader(CustomHeader, kw_only=True):
    """Answer to ElectMaster."""

    master_broker_id: Long | None = None
    master_address: str | None = None
    master_epoch: Int | None = None
    sync_state_set_epoch: Int | None = None


class GetMetaDataResponseHeader(CustomHeader, kw_only=True):
    """Answer to GetMetaData."""

    group: str | None = None
    controller_leader_id: str | None = None
    controller_leader_address: str | None = None
    is_leader: Bool = False
    peers: str | None = None


@of_request(RequestCode.CONTROLLER_GET_REPLICA_INFO)
class GetReplicaInfoRequestHeader(CustomHeader, kw_only=True):
    """Request CONTROLLER_GET_REPLICA_INFO (1004)."""

    broker_name: str | None = None


class GetReplicaInfoResponseHeader(CustomHeader, kw_only=True):
    """Answer to GetReplicaInfo."""

    master_broker_id: Long | None = None
    master_address: str | None = None
    master_epoch: Int | None = None


@of_request(RequestCode.CLEAN_BROKER_DATA)
class CleanControllerBrokerDataRequestHeader(CustomHeader, kw_only=True):
    """Request CLEAN_BROKER_DATA (1011)."""

    cluster_name: str | None = None
    broker_name: str
    broker_controller_ids_to_clean: str | None = None
    is_clean_living_broker: Bool = False
    invoke_time: Long = 0


@of_request(RequestCode.CONTROLLER_APPLY_BROKER_ID)
class ApplyBrokerIdRequestHeader(CustomHeader, kw_only=True):
    """Request CONTROLLER_APPLY_BROKER_ID (1013)."""

    cluster_name: str | None = None
    broker_name: str | None = None
    applied_broker_id: Long | None = None
    register_check_code: str | None = None


class ApplyBrokerIdResponseHeader(CustomHeader, kw_only=True):
    """Answer to ApplyBrokerId."""

    cluster_name: str | None = None
    broker_name: str | None = None


@of_request(RequestCode.CONTROLLER_GET_NEXT_BROKER_ID)
class GetNextBrokerIdRequestHeader(CustomHeader, kw_only=True):
    """Request CONTROLLER_GET_NEXT_BROKER_ID (1012)."""

    cluster_name: str | None = None
    broker_name: str | None = None


class GetNextBrokerIdResponseHeader(CustomHeader, kw_only=True):
    """Answer to GetNextBrokerId."""

    cluster_name: str | None = None
    broker_name: str | None = None
    next_broker_id: Long | None = None


@of_request(RequestCode.CONTROLLER_REGISTER_BROKER)
class RegisterBrokerToControllerRequestHeader(CustomHeader, kw_only=True):
    """Request CONTROLLER_REGISTER_BROKER (1003)."""

    cluster_name: str | None = None
    broker_name: str | None = None
    broker_id: Long | None = None
    broker_address: str | None = None
    invoke_time: Long = 0


class RegisterBrokerToControllerResponseHeader(CustomHeader, kw_only=True):
    """Answer to RegisterBrokerToController."""

    cluster_name: str | None = None
    broker_name: str | None = None
    master_broker_id: Long | None = None
    master_address: str | None = None
    master_epoch: Int | None = None
    sync_state_set_epoch: Int | None = None
