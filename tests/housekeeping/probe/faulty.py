"""A transport with faults between prober and servers, and a run over it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.probe import groups, prober
from rocketmq_ops.housekeeping.probe.expectations import Expectations, Limits
from rocketmq_ops.housekeeping.probe.host import Host
from rocketmq_ops.housekeeping.probe.names import Names
from rocketmq_ops.housekeeping.probe.prober import Prober
from rocketmq_ops.housekeeping.probe.report import ProbeReport
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingConnectError
from tests.mqadmin.replay import round_trip

#: Limits that an overloaded machine does not reach, and no delayed message: a run takes as long as its messages do.
CALM = Expectations(
    delay_level=0,
    limits={
        name: Limits()
        for name in ("sendTime", "storeTime", "deliveryTime", "nameServerTime", "disk", "clockDifference")
    },
)
Forward = Callable[[], Awaitable[RemotingCommand]]
Fault = Callable[[str, RemotingCommand, Forward], Awaitable[RemotingCommand]]


class Faulty:
    """A transport with faults by the code of a request; it notes every request, as the server sees it."""

    def __init__(self, **faults: Fault) -> None:
        self._client = RemotingClient()
        self.faults = {getattr(Code, name): fault for name, fault in faults.items()}
        self.dead: set[str] = set()
        self.asked: list[tuple[str, RemotingCommand]] = []

    async def invoke(self, addr: str, command: RemotingCommand, timeout_ms: int = 3000) -> RemotingCommand:
        self.asked.append((addr, round_trip(command)))
        if addr in self.dead:
            raise RemotingConnectError(f"cannot connect to {addr}: connection refused", address=addr)

        async def forward() -> RemotingCommand:
            return await self._client.invoke(addr, command, timeout_ms)

        fault = self.faults.get(Code(command.code))
        return await (forward() if fault is None else fault(addr, command, forward))

    async def invoke_oneway(self, addr: str, command: RemotingCommand, timeout_ms: int = 3000) -> None:
        raise AssertionError("the prober waits for every answer")

    def peer_certificate(self, addr: str) -> bytes | None:
        return self._client.peer_certificate(addr)

    async def close(self) -> None:
        await self._client.close()


def probed(
    transport: Faulty,
    *name_servers: str,
    wanted: Expectations = CALM,
    cluster: str | None = None,
    history: History | None = None,
    host: Host | None = None,
) -> ProbeReport:
    return asyncio.run(
        probed_beside(transport, *name_servers, wanted=wanted, cluster=cluster, history=history, host=host)
    )


async def probed_beside(
    transport: Faulty,
    *name_servers: str,
    wanted: Expectations = CALM,
    cluster: str | None = None,
    history: History | None = None,
    host: Host | None = None,
) -> ProbeReport:
    """As `probed`, in a loop that has something else to do."""
    async with MQAdmin(name_servers, transport=transport) as admin:
        prober = Prober(admin, wanted, cluster=cluster, names=Names("test"), history=history, host=host)
        return await prober.run()


async def runs_by_the_minute(
    count: int, namesrv: str, history: History, monkeypatch: pytest.MonkeyPatch
) -> list[ProbeReport]:
    """Runs each a minute after the one before, up to 20 s later or earlier, by the clock that judgements go by."""
    reports, begin = [], now_ms()
    for number in range(1, count + 1):
        time_ms = begin + number * 60_000 + number * 7919 % 40_000 - 20_000
        for module in (prober, groups):
            monkeypatch.setattr(module, "now_ms", lambda time_ms=time_ms: time_ms)
        reports.append(await probed_beside(Faulty(), namesrv, history=history))
    return reports
