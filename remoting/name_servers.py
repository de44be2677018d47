"""Failover between name servers: the one that answered last is asked first, the others when it cannot be reached."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.remoting.errors import NameServersFailedError, NoNameServerError, RemotingError

T = TypeVar("T")


class NameServers:
    """The addresses of the name servers (`host:port`), and which one is in use."""

    def __init__(self, addresses: Sequence[str] = ()) -> None:
        self.addresses: list[str] = list(dict.fromkeys(addresses))
        self._current = 0

    @property
    def current(self) -> str | None:
        """The one in use, None without any."""
        return self.addresses[self._current] if self.addresses else None

    def update(self, addresses: Sequence[str]) -> None:
        """Use these from now on; the one in use is kept if it is among them."""
        current = self.current
        self.addresses = list(dict.fromkeys(addresses))
        self._current = self.addresses.index(current) if current in self.addresses else 0

    async def ask(self, call: Callable[[str], Awaitable[T]]) -> T:
        """What `call` makes of the first name server that can be reached; it is asked first the next time.

        Raises NoNameServerError without any, the RemotingError of the only one, NameServersFailedError of several;
        and at once whatever else `call` raises.
        """
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
