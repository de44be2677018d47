"""When a broker registers with its name servers, and asks an address server which they are.

What lives here: the rhythm. What does not: the requests (`broker_outer_api.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.common.tasks import run_later

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

#: ms until the next attempt when a name server could not be reached or refused.
RETRY_INTERVAL_MS: Final = 3_000


class Registration:
    """The registrations of one broker."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._jobs = PeriodicJobs()
        self._registering = 0
        self._fetching = False
        self._registered_everywhere = True

    async def start(self) -> None:
        """Register, and go on with it periodically."""
        config, outer = self._controller.config, self._controller.outer
        await outer.fetch_name_servers()
        self._jobs.every("name servers", lambda: config.fetchNamesrvAddrInterval, self._fetch_soon)
        await self.register_all()

    def go_on(self) -> None:
        """Register periodically from now on."""
        self._jobs.every("register", self._interval, self._register_soon)

    def stop(self) -> None:
        """Register no more."""
        self._jobs.stop()

    async def register_all(self) -> None:
        """Register with every name server and wait for their answers; a failing one costs a log line only."""
        self._registering += 1
        try:
            accepted = await self._controller.outer.register_all()
        finally:
            self._registering -= 1
        self._registered_everywhere = accepted == len(self._controller.outer.name_servers)

    def _register_soon(self) -> None:
        if not self._registering:
            run_later(self.register_all(), "register-broker")

    def _fetch_soon(self) -> None:
        if self._controller.config.fetchNamesrvAddrByAddressServer and not self._fetching:
            self._fetching = True
            run_later(self._fetch(), "fetch-name-servers")

    async def _fetch(self) -> None:
        try:
            if await self._controller.outer.fetch_name_servers():
                self._register_soon()
        finally:
            self._fetching = False

    def _interval(self) -> int:
        # Where Apache waits out the period, a name server that is started together with the broker, or comes back,
        # knows it soon.
        if not self._registered_everywhere:
            return RETRY_INTERVAL_MS
        return max(10_000, min(self._controller.config.registerNameServerPeriod, 60_000))
