"""Brokers and name servers themselves: clusters, runtime figures, configuration, write permission."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.stage_times import STAGES_OF_TOPIC
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand

if TYPE_CHECKING:
    from rocketmq_ops.remoting.bodies import ClusterInfo

#: What stands in the remark of a broker without a sample, and how it is waited for: 1.5 s at most.
_NO_FIGURES_YET = "LinkedList.getLast"
_LOOKS_FOR_FIGURES, _BETWEEN_LOOKS_SECONDS = 7, 0.25


async def cluster_info(session: Session) -> ClusterInfo:
    """What one name server knows about clusters and brokers."""
    from rocketmq_ops.remoting.bodies import ClusterInfo

    answer = await session.ask_name_servers(RemotingCommand.request(RequestCode.GET_BROKER_CLUSTER_INFO))
    return ClusterInfo.decode(answer.body_bytes)


async def cluster_info_of(session: Session, address: str) -> ClusterInfo:
    """What the name server at `address` knows about clusters and brokers."""
    from rocketmq_ops.remoting.bodies import ClusterInfo

    answer = await session.call(address, RemotingCommand.request(RequestCode.GET_BROKER_CLUSTER_INFO))
    return ClusterInfo.decode(answer.body_bytes)


async def runtime_info(session: Session, address: str, *, stages_of: str | None = None) -> dict[str, str]:
    """The runtime figures of one broker, with the times of a topic's messages where it has them (`stages_of`).

    In its first second Apache's broker has no sample yet and answers with the exception of an empty list
    (StoreStatsService.getPutTps): it is asked until it has one."""
    from rocketmq_ops.client.errors import BrokerError
    from rocketmq_ops.remoting.bodies import KVTable

    fields = None if stages_of is None else {STAGES_OF_TOPIC: stages_of}
    for left in reversed(range(_LOOKS_FOR_FIGURES)):
        request = RemotingCommand.request(RequestCode.GET_BROKER_RUNTIME_INFO, ext_fields=fields)
        try:
            answer = await session.call(address, request)
        except BrokerError as error:
            if _NO_FIGURES_YET not in error.remark or not left:
                raise
            await asyncio.sleep(_BETWEEN_LOOKS_SECONDS)
        else:
            break
    return dict(KVTable.decode(answer.body_bytes).table)


async def broker_config(session: Session, address: str) -> str:
    """The configuration of one broker, as a property file's text."""
    answer = await session.call(address, RemotingCommand.request(RequestCode.GET_BROKER_CONFIG))
    return answer.body_bytes.decode()


async def broker_config_version(session: Session, address: str) -> DataVersion | None:
    """How often, and when last by its own clock, the configuration of a broker was changed while it ran, or else when
    it started; None from a broker that does not say."""
    answer = await session.call(address, RemotingCommand.request(RequestCode.GET_BROKER_CONFIG))
    try:
        return msgspec.json.decode(answer.ext_fields.get("version", ""), type=DataVersion)
    except msgspec.DecodeError:
        return None


async def namesrv_config(session: Session, address: str) -> str:
    """The configuration of one name server, as a property file's text."""
    answer = await session.call(address, RemotingCommand.request(RequestCode.GET_NAMESRV_CONFIG))
    return answer.body_bytes.decode()


async def put_broker_config(session: Session, address: str, text: str) -> None:
    """Set the keys of a property file's text on one broker."""
    await session.call(address, RemotingCommand.request(RequestCode.UPDATE_BROKER_CONFIG, body=text.encode()))


async def put_namesrv_config(session: Session, address: str, text: str) -> None:
    """Set the keys of a property file's text on one name server."""
    await session.call(address, RemotingCommand.request(RequestCode.UPDATE_NAMESRV_CONFIG, body=text.encode()))


async def wipe_write_permission(session: Session, address: str, broker_name: str) -> int:
    """Take the write permission of a broker's topics on one name server; how many topics that were."""
    from rocketmq_ops.remoting.headers import WipeWritePermOfBrokerRequestHeader, WipeWritePermOfBrokerResponseHeader

    request = RemotingCommand.of(WipeWritePermOfBrokerRequestHeader(broker_name=broker_name))
    answer = await session.call(address, request)
    return answer.decode_header(WipeWritePermOfBrokerResponseHeader).wipe_topic_count


async def add_write_permission(session: Session, address: str, broker_name: str) -> int:
    """Give back the write permission of a broker's topics on one name server; how many topics that were."""
    from rocketmq_ops.remoting.headers import AddWritePermOfBrokerRequestHeader, AddWritePermOfBrokerResponseHeader

    request = RemotingCommand.of(AddWritePermOfBrokerRequestHeader(broker_name=broker_name))
    answer = await session.call(address, request)
    return answer.decode_header(AddWritePermOfBrokerResponseHeader).add_topic_count


async def check_rocksdb_queues(session: Session, address: str, topic: str, check_from: int) -> tuple[int, str | None]:
    """Have a broker compare its consumequeues in RocksDB with those in files; the number of its CheckStatus, its words.

    `topic` "" stands for all; units stored since `check_from` (ms) are compared.
    """
    from rocketmq_ops.common.fastjson import loads
    from rocketmq_ops.remoting.headers import CheckRocksdbCqWriteProgressRequestHeader

    header = CheckRocksdbCqWriteProgressRequestHeader(topic=topic, check_store_time=check_from)
    answer = loads((await session.call(address, RemotingCommand.of(header), session.slow_timeout_ms)).body_bytes)
    return int(answer.get("checkStatus", -1)), answer.get("checkResult")


async def export_rocksdb_configs(session: Session, address: str, kinds: Sequence[str]) -> None:
    """Have a broker write tables of its configuration in RocksDB to JSON files."""
    from rocketmq_ops.remoting.headers import ExportRocksDBConfigToJsonRequestHeader

    header = ExportRocksDBConfigToJsonRequestHeader(config_type="".join(f"{kind};" for kind in kinds))
    await session.call(address, RemotingCommand.of(header), session.slow_timeout_ms)


async def export_pop_records(session: Session, address: str) -> None:
    """Have a broker move its pop records from RocksDB to messages."""
    await session.call(address, RemotingCommand.request(RequestCode.POP_ROLLBACK), session.slow_timeout_ms)


async def clean(session: Session, address: str, code: RequestCode) -> None:
    """Have a broker delete now: CLEAN_EXPIRED_CONSUMEQUEUE, CLEAN_UNUSED_TOPIC or DELETE_EXPIRED_COMMITLOG."""
    await session.call(address, RemotingCommand.request(code), session.slow_timeout_ms)


async def reset_master_flush_offset(session: Session, address: str, offset: int) -> None:
    """Tell a slave up to which byte of the commitlog its master has flushed. A master ignores it."""
    from rocketmq_ops.remoting.headers import ResetMasterFlushOffsetHeader

    await session.call(address, RemotingCommand.of(ResetMasterFlushOffsetHeader(master_flush_offset=offset)))


async def switch_timer_engine(session: Session, address: str, engine: str) -> None:
    """Have a broker (5.5 and later) deliver timer messages by another engine: R or F."""
    request = RemotingCommand.request(RequestCode.SWITCH_TIMER_ENGINE, ext_fields={"E_T": engine})
    await session.call(address, request, session.slow_timeout_ms)
