"""Whether a request is signed with an account's secret key, and a brake on whoever guesses keys.

An unknown account and a wrong signature take the same way and the same time. Wrong signatures are counted for each
address and account: whoever has sent too many has none of its next ones believed until a while has passed, whether
right or wrong. Connections that have signed rightly before are not concerned, nor are other addresses, nor other
accounts of the same address.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Final

from rocketmq_ops.broker.client.client_channel import ACCOUNT
from rocketmq_ops.common.bounded import RecentlyUsed
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.signature import SigningKey

log = logging.getLogger(__name__)

#: Wrong signatures that an address may send at once for one account, and how many a second from then on.
BURST: Final = 100
PER_SECOND: Final = 10
#: Pairs of address and account that are counted; those that sent no wrong signature for the longest time are forgotten.
MOST_COUNTED: Final = 10_000

#: Under this name a connection's `attrs` hold the key that it has signed with.
_PROVEN = "signing key"


class _Guesses:
    """The wrong signatures of one address for one account; `left` of them are free at `at_ms`."""

    __slots__ = ("at_ms", "left")

    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms
        self.left = float(BURST)

    def refill(self, now_ms: int) -> None:
        self.left = min(BURST, self.left + max(0, now_ms - self.at_ms) * PER_SECOND / 1000)
        self.at_ms = now_ms


class Signatures:
    """`clock`: ms, as of `time.monotonic`."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._nobody = SigningKey(secrets.token_hex())
        self._guesses: RecentlyUsed[tuple[bytes, str], _Guesses] = RecentlyUsed(MOST_COUNTED, lambda _: None)
        self._lines = LogRate()

    def hold(
        self,
        channel: Channel,
        request: RemotingCommand,
        account: str,
        key: SigningKey | None,
        *,
        unique_key_query: bool,
    ) -> bool:
        """Whether the request is signed with the key of this account, None for an unknown one.

        `unique_key_query` as of `SigningKey.has_signed`.
        """
        right = (key or self._nobody).has_signed(request, unique_key_query=unique_key_query)
        if key is None:
            return False
        if channel.attrs.get(_PROVEN) is not key:
            if not self._believed(channel, account, right=right):
                return False
            channel.attrs[_PROVEN] = key
        if right:
            channel.attrs[ACCOUNT] = account
        return right

    def _believed(self, channel: Channel, account: str, *, right: bool) -> bool:
        # An IPv6 network of 64 bits is one peer; a port counts for nothing.
        peer = channel.remote_host_bytes[:-4][:8]
        found = self._guesses.get((peer, account))
        now = self._clock()
        if found is None:
            if right:
                return True
            found = _Guesses(now)
            self._guesses.put((peer, account), found)
        found.refill(now)
        if found.left >= 1:
            if not right:
                found.left -= 1
            return right
        if self._lines.due(now):
            log.warning(
                "%s has sent more than %d wrong signatures for '%s': at most %d a second are looked at until it stops",
                channel.remote, BURST, account, PER_SECOND,
            )  # fmt: skip
        return False
