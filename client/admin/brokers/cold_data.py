"""Flow control of cold reads: what groups read from disk, their thresholds, and how the commitlog is read ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.changes import (
    Change,
    ChangeReport,
    ChangingResult,
    FieldChange,
    Fields,
    State,
    change_each,
)
from rocketmq_ops.client.api import cold_data as api
from rocketmq_ops.common.errors import Failure

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin


class ColdGroup(msgspec.Struct, rename="camel"):
    """One group on one broker, bytes and ms since 1970; `threshold` is None where the broker's own counts.

    `read_bytes` is of the current period; it and the times are None for a group that read nothing cold.
    """

    group: str
    threshold: int | None = None
    read_bytes: int | None = None
    last_cold_read_timestamp: int | None = None
    create_timestamp: int | None = None


class ColdDataFlow(msgspec.Struct, rename="camel"):
    """Flow control on one broker: bytes in a period that a group, and all together, may read; None when unknown."""

    broker: BrokerAddress
    group_threshold: int | None = None
    global_threshold: int | None = None
    global_read_bytes: int | None = None
    groups: list[ColdGroup] | None = None


class ColdDataReport(msgspec.Struct, rename="camel"):
    """Flow control on several brokers, and which did not answer."""

    brokers: list[ColdDataFlow]
    failures: list[Failure] = []


class ReadAhead(msgspec.Struct, rename="camel"):
    """What one broker said to the mode that it was given; with `planned` nothing was sent."""

    broker: BrokerAddress
    mode: int
    answer: str | None


class ReadAheadReport(ChangingResult):
    """The mode on several brokers, and which did not take it."""

    planned: bool
    brokers: list[ReadAhead]
    failures: list[Failure] = []

    def as_changes(self) -> list[Change]:
        """One for each broker; what it had before is not known."""
        state: State = "planned" if self.planned else "unverified"
        return [
            Change(each.broker.address, "readAheadMode", str(each.broker), "set", state, [_mode_field(each.mode)])
            for each in self.brokers
        ]


def _mode_field(mode: int) -> FieldChange:
    return FieldChange("commitLogReadAheadMode", None, mode)


class ColdDataAdmin:
    """Calls about cold reads. Mirrors getColdDataFlowCtrInfo, updateColdDataFlowCtrGroupConfig and relatives."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def info(self, brokers: list[BrokerAddress]) -> ColdDataReport:
        """Flow control on several brokers. Raises AllFailedError when none answers."""
        fan = await self._admin.fan_out(brokers, lambda b: api.cold_data_info(self._admin.session, b.address))
        fan.require_some("reading the flow control of cold reads")
        return ColdDataReport([_flow(b, fan.answers.get(b)) for b in brokers], fan.failures)

    async def set_threshold(
        self, brokers: list[BrokerAddress], group: str, threshold: int | None, *, plan: bool
    ) -> ChangeReport:
        """Set a group's threshold in bytes, or delete it (None), on each broker, and read it back."""

        session = self._admin.session
        wanted: Fields = None if threshold is None else {"threshold": threshold}

        async def read(address: str) -> Fields:
            table = (await api.cold_data_info(session, address)).get("configTable") or {}
            return {"threshold": int(table[group])} if group in table else None

        async def send(address: str, before: Fields) -> None:
            if threshold is None:
                await api.remove_threshold(session, address, group)
            else:
                await api.put_threshold(session, address, group, threshold)

        return await change_each(
            self._admin,
            brokers,
            "coldReadThreshold",
            group,
            doing=f"changing the threshold of {group}",
            read=read,
            wanted=lambda address, before: wanted,
            send=send,
            plan=plan,
        )

    async def set_read_ahead(self, brokers: list[BrokerAddress], mode: int, *, plan: bool) -> ReadAheadReport:
        """Set how each broker reads its commitlog ahead: 0 as usual, 1 for random reads. No broker tells it."""

        async def one(broker: BrokerAddress) -> ReadAhead:
            answer = None if plan else await api.set_read_ahead(self._admin.session, broker.address, mode)
            return ReadAhead(broker, mode, answer)

        fan = await self._admin.fan_out(brokers, one)
        fan.require_some("setting the read-ahead mode")
        return ReadAheadReport(plan, list(fan.answers.values()), fan.failures)


def _flow(broker: BrokerAddress, found: dict[str, Any] | None) -> ColdDataFlow:
    if found is None:
        return ColdDataFlow(broker)
    runtime, thresholds = found.get("runtimeTable") or {}, found.get("configTable") or {}
    groups = [
        ColdGroup(
            group,
            _number(thresholds.get(group)),
            _number((runtime.get(group) or {}).get("coldAcc")),
            _number((runtime.get(group) or {}).get("lastColdReadTimeMills")),
            _number((runtime.get(group) or {}).get("createTimeMills")),
        )
        for group in sorted({*runtime, *thresholds})
    ]
    return ColdDataFlow(
        broker,
        _number(found.get("cgColdReadThreshold")),
        _number(found.get("globalColdReadThreshold")),
        _number(found.get("globalAcc")),
        groups,
    )


def _number(value: Any) -> int | None:
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        return None
