"""Deduplication by a business key: a listener that is called once for each key, however often it is delivered.

Messages are delivered at least once: again after a lost answer, a rebalance, a resend by the producer. What was
consumed is noted in a store that outlives the process. A store that cannot be used for a while is waited for: without
it nothing is consumed, and nothing is lost.

Keys that are being consumed are reserved for a short time, and again and again while the listener runs: those of a
process that died are free soon, however long a listener may take.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from enum import Enum
from typing import Protocol, TypeVar

from rocketmq_ops.client.consumer.listener import ConsumeContext, ConsumeResult, Fate, Listener, fates
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.client.user_code import call_user_code
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.message import KEY_SEPARATOR, MessageExt
from rocketmq_ops.common.tasks import run_later

log = logging.getLogger(__name__)

T = TypeVar("T")

DAY_MS = 24 * 60 * 60 * 1000
#: A reservation is renewed so often within its time; after a failure of the store, so often.
_RENEWALS, _RENEWALS_OF_A_STORE_AWAY = 3, 10
#: Seconds between calls of a store that cannot be used: at first, and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class StoreUnavailableError(ClientError):
    """The store of consumed keys cannot be used for now."""

    next_step = "see to the store: until then the messages wait, and none is lost"


class Claim(Enum):
    """What a store says of a key that is to be consumed."""

    MINE = "mine"
    DONE = "done"
    #: Another consumer is at it.
    BUSY = "busy"


#: How a key stands after the listener was called with it: one that stays its own has failed.
_AFTER = {Fate.CONSUMED: Claim.DONE, Fate.UNTRIED: Claim.BUSY, Fate.FAILED: Claim.MINE}


class DeduplicationStore(Protocol):
    """Where consumed keys are noted; one store for each consumer group.

    Both methods raise StoreUnavailableError while the store cannot be used, and are then called again. How long
    something lasts is for the store to measure, by a clock that all consumers share.
    """

    async def claim(self, keys: Sequence[str], owner: str, lease_ms: int) -> list[Claim]:
        """Reserve keys for `owner` for so long from now, unless they are done or another's; what it has stays its own,
        for so long from now.
        """

    async def settle(self, owner: str, done: Iterable[str], failed: Iterable[str], remember_ms: int) -> None:
        """Note what `owner` consumed, to be remembered for so long, and free what it did not."""


def business_key(message: MessageExt) -> str:
    """Topic and keys of a message; of one without keys its unique id, which resends by an application do not share."""
    return f"{message.topic} {KEY_SEPARATOR.join(message.keys) or message.msg_id}"


def deduplicate(
    listener: Listener,
    *,
    store: DeduplicationStore,
    key: Callable[[MessageExt], str] = business_key,
    lease_ms: int = 30_000,
    remember_ms: int = 7 * DAY_MS,
    patience_ms: int = 60_000,
) -> Listener:
    """A listener that leaves out messages whose key was consumed, or is being consumed, and gives the rest on.

    A key is remembered for `remember_ms`. A message whose key another consumer is at waits here, and is looked at again
    every few seconds (`ConsumeContext.untried`). Keys are reserved for `lease_ms`, and again every third of it while
    the listener runs: a key that a consumer died with is free after `lease_ms`, and a listener may take as long as it
    wants to, unless it holds up the event loop, or the store is away, for longer than that. A plain listener that takes
    longer than the consumer's `consume_timeout_ms` runs on in its thread: its keys stay reserved, and what it did
    counts. What the listener did is not undone when the process dies before the key is noted: then it is called again
    for that key.

    A store that cannot be used is waited for, up to `patience_ms` a call; then StoreUnavailableError is raised, and the
    messages wait as those do whose key another is at. Where it fails behind the listener, the messages count as
    consumed, which the log says: a second delivery of them would be consumed again.
    """

    async def settle(lease: _Lease, done: list[str], failed: list[str]) -> None:
        await lease.ended()  # else a renewal that is under way would reserve what is freed here
        try:
            await _patiently(lambda: store.settle(lease.owner, done, failed, remember_ms), patience_ms)
        except StoreUnavailableError as error:
            log.error(
                "%d keys were consumed and that is not noted: a second delivery would be consumed again: %s",
                len(done),
                error,
            )

    async def consume(
        call: _ListenerCall, mine: dict[str, MessageExt], inner: ConsumeContext, owner: str, claimed: dict[str, Claim]
    ) -> None:
        """Call the listener with a message of each key, note what became of them, and put it into `claimed`."""
        messages, known = list(mine.values()), True
        answer: object = ConsumeResult.RECONSUME_LATER
        lease = _Lease(store, list(mine), owner, lease_ms)
        try:
            answer = await call_user_code(None, call.function, messages, inner)
        except asyncio.CancelledError:
            known = not call.goes_on()  # the loop ends before the thread: the lease has to end too
            raise
        finally:
            lease.end()
            if known:
                ended = fates(messages, ConsumeResult.SUCCESS if answer is None else answer, inner)
                claimed.update(zip(mine, map(_AFTER.__getitem__, ended), strict=True))
                done = [name for name in mine if claimed[name] is Claim.DONE]
                not_done = [name for name in mine if claimed[name] is not Claim.DONE]
                await asyncio.shield(run_later(settle(lease, done, not_done), "settle keys"))

    async def listen(messages: list[MessageExt], context: ConsumeContext) -> ConsumeResult:
        by_key: dict[str, list[MessageExt]] = {}
        for message in messages:
            by_key.setdefault(key(message), []).append(message)
        # What is not tried is no failed delivery: no number of them makes a dead letter of a message.
        claimed = dict.fromkeys(by_key, Claim.BUSY)
        inner = ConsumeContext(context.queue, context.delay_level, suspend_ms=context.suspend_ms)
        try:
            owner = uuid.uuid4().hex
            claims = await _patiently(lambda: store.claim(list(by_key), owner, lease_ms), patience_ms)
            claimed.update(zip(by_key, claims, strict=True))
            mine = {name: by_key[name][0] for name in by_key if claimed[name] is Claim.MINE}
            if mine:
                await consume_mine(mine, inner, owner, claimed)
        finally:
            context.delay_level, context.suspend_ms = inner.delay_level, inner.suspend_ms
            # What has failed is delivered again, and that alone.
            context.untried, context.consumed = (
                [message for name in by_key if claimed[name] is claim for message in by_key[name]]
                for claim in (Claim.BUSY, Claim.DONE)
            )
        all_done = all(claim is Claim.DONE for claim in claimed.values())
        return ConsumeResult.SUCCESS if all_done else ConsumeResult.RECONSUME_LATER

    async def consume_mine(
        mine: dict[str, MessageExt], inner: ConsumeContext, owner: str, claimed: dict[str, Claim]
    ) -> None:
        """Call the listener. Raises CancelledError when it took too long."""
        call = _ListenerCall(listener)
        consuming = run_later(consume(call, mine, inner, owner, claimed), "consume keys")
        try:
            await asyncio.shield(consuming)
        except asyncio.CancelledError:
            # A coroutine is cancelled, and its keys are free when it has ended; a thread goes on, and so does their
            # reservation: what it did is noted when it returns.
            if call.goes_on():
                consuming.add_done_callback(_ended_late)
            else:
                consuming.cancel()
                await asyncio.wait({consuming})
            raise

    return listen


class _Lease:
    """The reservation of the keys that one call of the listener consumes, renewed until `end`."""

    def __init__(self, store: DeduplicationStore, keys: list[str], owner: str, lease_ms: int) -> None:
        self.owner = owner
        self._store, self._keys, self._lease_ms = store, keys, lease_ms
        self._over = asyncio.Event()
        self._renewing = run_later(self._renew(), "renew keys")

    def end(self) -> None:
        """Renew it no more."""
        self._over.set()

    async def ended(self) -> None:
        """Wait until the renewal that is under way is over."""
        await self._renewing

    async def _renew(self) -> None:
        often = _RENEWALS
        while self._keys:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._lease_ms / 1000 / often):
                    await self._over.wait()
            if self._over.is_set():
                return
            try:
                claims = await self._store.claim(self._keys, self.owner, self._lease_ms)
            except StoreUnavailableError as error:
                often = _RENEWALS_OF_A_STORE_AWAY
                if _outages.due(now_ms()):
                    log.warning("%s: reservations of keys that are being consumed are not renewed", error)
            except Exception:
                log.exception("reservations of keys that are being consumed cannot be renewed")
                return
            else:
                often = _RENEWALS
                self._note(claims)

    def _note(self, claims: list[Claim]) -> None:
        lost = [key for key, claim in zip(self._keys, claims, strict=True) if claim is not Claim.MINE]
        if lost:
            self._keys = [key for key in self._keys if key not in lost]
            log.warning(
                "the reservation of %d keys ran out under the listener, and another consumer has taken them, %r among "
                "them: they may be consumed twice",
                len(lost), lost[0],
            )  # fmt: skip


class _ListenerCall:
    """One call of a listener: `function` is what to call, in a thread unless it is a coroutine function."""

    def __init__(self, listener: Listener) -> None:
        self.function: Listener = listener if inspect.iscoroutinefunction(listener) else self._in_thread
        self._listener = listener
        self._lock = threading.Lock()
        self._given_up = self._runs = False

    def _in_thread(
        self, messages: list[MessageExt], context: ConsumeContext
    ) -> ConsumeResult | Awaitable[ConsumeResult | None] | None:
        with self._lock:
            if self._given_up:
                return ConsumeResult.RECONSUME_LATER
            self._runs = True
        try:
            return self._listener(messages, context)
        finally:
            self._runs = False

    def goes_on(self) -> bool:
        """Whether a thread is in the listener, which nothing can cancel; when none is there yet, none goes there."""
        with self._lock:
            self._given_up = True
            return self._runs


def _ended_late(consuming: asyncio.Task[None]) -> None:
    error = None if consuming.cancelled() else consuming.exception()
    if error is not None:
        log.error("a listener that took too long failed in the end", exc_info=error)


async def _patiently(call: Callable[[], Awaitable[T]], patience_ms: int) -> T:
    """The answer of a store, which may be away for a while. Raises StoreUnavailableError after `patience_ms`."""
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + patience_ms / 1000, _FIRST_PAUSE
    while True:
        try:
            return await call()
        except StoreUnavailableError as error:
            left = deadline - loop.time()
            if left <= 0:
                raise
            if _outages.due(now_ms()):
                log.warning("%s: messages wait for it", error)
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 2, _LONGEST_PAUSE)


_outages = LogRate()
