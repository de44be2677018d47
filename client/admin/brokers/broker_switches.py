"""Switches of a broker that have requests of their own: a slave's master flush offset, the engine of timer messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.changes import (
    Change,
    ChangeReport,
    ChangingResult,
    FieldChange,
    State,
    Value,
    differences,
)
from rocketmq_ops.client.api import servers
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.errors import RocketMQError

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin

#: As the wire has them: R is RocksDB's timeline, F the timer wheel's file (MessageConst.TIMER_ENGINE_...).
TimerEngine = Literal["R", "F"]

ENGINE_NAMES: dict[TimerEngine, str] = {"R": "ROCKSDB_TIMELINE", "F": "FILE_TIME_WHEEL"}
#: What a broker's configuration holds after the switch (AdminBrokerProcessor.switchTimerEngine of 5.5.0).
_SETTINGS: dict[TimerEngine, dict[str, Value]] = {
    "R": {"timerStopEnqueue": "true", "timerRocksDBEnable": "true", "timerRocksDBStopScan": "false"},
    "F": {"timerStopEnqueue": "false", "timerRocksDBStopScan": "true"},
}


class FlushOffsetReport(ChangingResult):
    """`state` accepted: the slave took the offset (bytes), which no request reads back; ignored: it is a master."""

    broker: BrokerAddress
    broker_id: int | None
    master_flush_offset: int
    state: Literal["planned", "accepted", "ignored"]

    def as_changes(self) -> list[Change]:
        """The slave's, which no request reads; none of a master."""
        if self.state == "ignored":
            return []
        state: State = "planned" if self.state == "planned" else "unverified"
        fields = [FieldChange("masterFlushOffset", None, self.master_flush_offset)]
        return [Change(self.broker.address, "masterFlushOffset", str(self.broker), "set", state, fields)]


async def reset_master_flush_offset(admin: MQAdmin, address: str, offset: int, *, plan: bool) -> FlushOffsetReport:
    """Tell a slave up to where its master has flushed. A master answers success and does nothing: it is not asked."""
    broker = await admin.cluster.by_address(address)
    text = (await admin.configs.broker_config(address)).get("brokerId", "")
    broker_id = int(text) if text.isdecimal() else None
    if broker_id == MASTER_ID:
        return FlushOffsetReport(broker, broker_id, offset, "ignored")
    if plan:
        return FlushOffsetReport(broker, broker_id, offset, "planned")
    await servers.reset_master_flush_offset(admin.session, address, offset)
    return FlushOffsetReport(broker, broker_id, offset, "accepted")


async def switch_timer_engine(
    admin: MQAdmin, engine: TimerEngine, *, broker_addr: str | None, cluster: str | None, plan: bool
) -> ChangeReport:
    """Have one broker, or a cluster's masters, deliver timer messages by this engine, and read their settings back."""
    brokers = await admin.cluster.targets(broker_addr, cluster)

    async def one(broker: BrokerAddress) -> Change:
        return await _switch(admin, broker, engine, plan)

    fan = await admin.fan_out(brokers, one)
    fan.require_some("switching the timer engine")
    return ChangeReport(plan, list(fan.answers.values()), fan.failures)


async def _switch(admin: MQAdmin, broker: BrokerAddress, engine: TimerEngine, plan: bool) -> Change:
    wanted = _SETTINGS[engine]
    fields = differences(await _settings(admin, broker, wanted), wanted)
    change = Change(broker.address, "timerEngine", ENGINE_NAMES[engine], "none", "unchanged", fields)
    if not fields:
        return change
    change.action, change.state = "set", "planned"
    if plan:
        return change
    await servers.switch_timer_engine(admin.session, broker.address, engine)
    try:
        found = await _settings(admin, broker, wanted)
    except RocketMQError:
        change.state = "unverified"
        return change
    change.verified([field.name for field in differences(found, wanted)])
    return change


async def _settings(admin: MQAdmin, broker: BrokerAddress, wanted: dict[str, Value]) -> dict[str, Value]:
    config = await admin.configs.broker_config(broker.address)
    return {name: config[name] for name in wanted if name in config}
