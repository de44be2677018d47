"""Headers. Configuration of a broker, and its RocksDB exports."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Long
from rocketmq_ops.remoting.headers.base import CustomHeader, of_request


class GetBrokerConfigResponseHeader(CustomHeader, kw_only=True):
    """Answer to GetBrokerConfig."""

    version: str


@of_request(RequestCode.CHECK_ROCKSDB_CQ_WRITE_PROGRESS)
class CheckRocksdbCqWriteProgressRequestHeader(CustomHeader, kw_only=True):
    """Request CHECK_ROCKSDB_CQ_WRITE_PROGRESS (354)."""

    topic: str
    check_store_time: Long = 0


@of_request(RequestCode.EXPORT_ROCKSDB_CONFIG_TO_JSON)
class ExportRocksDBConfigToJsonRequestHeader(CustomHeader, kw_only=True):
    """Request EXPORT_ROCKSDB_CONFIG_TO_JSON (355)."""

    config_type: str
