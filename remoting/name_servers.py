"""The name servers of a client: which there are, and failover between them.

The one that answered last is asked first, the others when it cannot be reached. An address server's URL among the
addresses stands for the name servers that it gives, which are fetched again from time to time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from rocketmq_ops.common.addresses import is_address_server
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.remoting.errors import NameServersFailedError, NoNameServerError, RemotingError

if TYPE_CHECKING:
    import ssl

log = logging.getLogger(__name__)

T = TypeVar("T")

#: s after which what an address server gave is fetched again (MQClientInstance: every 2 minutes).
REFETCH_SECONDS = 120


class NameServers:
    """The addresses of the name servers (`host:port`), and which one is in use."""

    def __init__(self, addresses: Sequence[str] = (), tls: Callable[[], ssl.SSLContext | None] = lambda: None) -> None:
        """`tls`: the context with which address servers at `https://` are asked (`address_server.py`)."""
        #: Known now: those given, and those that address servers gave.
        self.addresses: list[str] = []
        self._tls = tls
        self._current = 0
        self._given: list[str] = []
        self._address_servers: list[str] = []
        self._fetched_at: float | None = None
        self._fetching: asyncio.Task[None] | None = None
        self.update(addresses)

    @property
    def current(self) -> str | None:
        """The one in use, None without any."""
        return self.addresses[self._current] if self.addresses else None

    def update(self, addresses: Sequence[str]) -> None:
        """Use these from now on, `host:port` or URLs of address servers; the one in use is kept if it is among them."""
        address_servers = [address for address in addresses if is_address_server(address)]
        if address_servers != self._address_servers:
            self._address_servers, self._fetched_at = address_servers, None
        self._given = [address for address in addresses if not is_address_server(address)]
        self._use(self._given)

    def _use(self, addresses: Sequence[str]) -> None:
        current = self.current
        self.addresses = list(dict.fromkeys(addresses))
        self._current = self.addresses.index(current) if current in self.addresses else 0

    async def ready(self) -> None:
        """Fetch from the address servers when that is due: once before the first use, later without waiting for it.

        Raises AddressServerError of the last one when none gives addresses and none are known.
        """
        if not self._address_servers:
            return
        now = asyncio.get_running_loop().time()
        if self._fetched_at is not None and now - self._fetched_at < REFETCH_SECONDS:
            return
        if self._fetching is None:
            self._fetching = run_later(self._fetch(), "fetching name servers")
            self._fetching.add_done_callback(self._fetched)
        if not self.addresses:
            await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        from rocketmq_ops.remoting.address_server import AddressServerError, fetch_name_servers

        failed: AddressServerError | None = None
        for url in self._address_servers:
            try:
                found = await fetch_name_servers(url, tls=self._tls)
            except AddressServerError as error:
                failed = error
                continue
            self._use([*self._given, *found])
            self._fetched_at = asyncio.get_running_loop().time()
            return
        if failed is not None:
            if self.addresses:
                self._fetched_at = asyncio.get_running_loop().time()  # those that are known stay in use
            raise failed

    def _fetched(self, task: asyncio.Task[None]) -> None:
        self._fetching = None
        error = None if task.cancelled() else task.exception()
        if error is not None and self.addresses:
            log.warning("%s; the addresses known before are used", error)

    async def ask(self, call: Callable[[str], Awaitable[T]]) -> T:
        """What `call` makes of the first name server that can be reached; it is asked first the next time.

        Raises NoNameServerError without any, the RemotingError of the only one, NameServersFailedError of several;
        and at once whatever else `call` raises.
        """
        await self.ready()
        addresses = self.addresses
        if not addresses:
            raise NoNameServerError("no name server is given")
        start = self._current
        causes: dict[str, RocketMQError] = {}
        for step in range(len(addresses)):
            index = (start + step) % len(addresses)
            try:
                answer = await call(addresses[index])
            except RemotingError as error:
                causes[addresses[index]] = error
                if len(addresses) == 1:
                    raise
                continue
            if self.addresses is addresses:
                self._current = index
            return answer
        raise NameServersFailedError("asking the name servers", causes)
