"""Bodies. Replication."""

from __future__ import annotations

import msgspec

from rocketmq_ops.remoting.bodies.base import RemotingSerializable


class HAConnectionRuntimeInfo(RemotingSerializable, kw_only=True):
    """One slave's connection; bytes and bytes a second."""

    addr: str = ""
    diff: int = 0
    in_sync: bool = False
    slave_ack_offset: int = 0
    transfer_from_where: int = 0
    transferred_byte_in_second: int = 0


class HAClientRuntimeInfo(RemotingSerializable, kw_only=True):
    """The slave's side; times in ms."""

    last_read_timestamp: int = 0
    last_write_timestamp: int = 0
    master_addr: str | None = None
    master_flush_offset: int = 0
    max_offset: int = 0
    transferred_byte_in_second: int = 0


class HARuntimeInfo(RemotingSerializable, kw_only=True):
    """Answer to GET_BROKER_HA_STATUS."""

    ha_client_runtime_info: HAClientRuntimeInfo = msgspec.field(default_factory=HAClientRuntimeInfo)
    ha_connection_info: list[HAConnectionRuntimeInfo] = []
    in_sync_slave_nums: int = 0
    master: bool = False
    master_commit_log_max_offset: int = 0


class BrokerSyncInfo(RemotingSerializable, kw_only=True):
    """Where a slave finds its master."""

    master_address: str | None = None
    master_flush_offset: int = 0
    master_ha_address: str | None = None


class SyncStateSet(RemotingSerializable, kw_only=True):
    """Broker ids that are in sync."""

    sync_state_set: list[int] = []
    sync_state_set_epoch: int = 0


class EpochEntry(RemotingSerializable, kw_only=True):
    """One master's term; offsets in bytes."""

    end_offset: int = 0
    epoch: int = 0
    start_offset: int = 0


class EpochEntryCache(RemotingSerializable, kw_only=True):
    """Answer to GET_BROKER_EPOCH_CACHE."""

    broker_id: int = 0
    broker_name: str = ""
    cluster_name: str = ""
    epoch_list: list[EpochEntry] = []
    max_offset: int = 0


class ReplicaIdentity(RemotingSerializable, kw_only=True):
    """One replica as a controller knows it; `alive` is None where the controller does not say."""

    alive: bool | None = None
    broker_address: str | None = None
    broker_id: int | None = None
    broker_name: str = ""


class ReplicasInfo(RemotingSerializable, kw_only=True):
    """The replicas of one broker name."""

    in_sync_replicas: list[ReplicaIdentity] = []
    master_address: str | None = None
    master_broker_id: int | None = None
    master_epoch: int | None = None
    not_in_sync_replicas: list[ReplicaIdentity] = []
    sync_state_set_epoch: int | None = None


class BrokerReplicasInfo(RemotingSerializable, kw_only=True):
    """Answer to CONTROLLER_GET_SYNC_STATE_DATA."""

    replicas_info_table: dict[str, ReplicasInfo] = {}
