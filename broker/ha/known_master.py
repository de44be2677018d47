"""Where a slave's master is: what the name servers answer to the slave's registration, and `haMasterAddress`.

Mirrors BrokerController.handleRegisterBrokerResult and what BrokerController does with `haMasterAddress`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from rocketmq_ops.store.config import MessageStoreConfig

log = logging.getLogger(__name__)


class KnownMaster:
    """The master of one slave. Addresses are `host:port`."""

    def __init__(self, config: MessageStoreConfig) -> None:
        self._config = config
        self._listeners: list[Callable[[], None]] = []
        self._learnt_ha: str | None = None
        #: Where it serves requests; None while no name server knows a master.
        self.address: str | None = None
        #: Where its commitlog ended when it was asked last, and when that was (ms since the epoch); kept when it goes.
        self.log_end: tuple[int, int] | None = None

    @property
    def ha_address(self) -> str | None:
        """Where it serves replication: `haMasterAddress`, else what was learnt last."""
        return self._config.haMasterAddress or self._learnt_ha

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change of an address."""
        self._listeners.append(listener)

    def learn(self, address: str | None, ha_address: str | None) -> None:
        """Take what a name server says. One that knows no master says None: the place of its replication is kept then,
        for the master may be there all the same."""
        before = (self.address, self.ha_address)
        self.address = address or None
        self._learnt_ha = ha_address or self._learnt_ha
        now = (self.address, self.ha_address)
        if now == before:
            return
        if address and address != before[0]:
            self.log_end = None  # it may be another one, or have lost the end of its log
        log.info("the master is at %s, its replication at %s", *(text or "an unknown place" for text in now))
        for listener in self._listeners:
            listener()
