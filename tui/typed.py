"""Keys in the order in which they are pressed, each handled to its end before the next: what one of them opens is there
when the next, pressed right behind it, arrives."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeGuard

from textual import events

from rocketmq_ops.tui.widgets.grid import Grid

if TYPE_CHECKING:
    from textual.app import App
    from textual.message_pump import MessagePump

#: A screen that takes longer than this to open holds up nobody.
_MOST_SECONDS: Final = 2.0
#: What a key is for a widget may be a message to itself, and only that one for its screen.
_ROUNDS: Final = 2


class Typed:
    """`handle` is what hands a key, or a paste, on to whom it is for. Nothing is handed on until it has begun."""

    def __init__(self, app: App[None], handle: Callable[[events.Event], Awaitable[None]]) -> None:
        self._app = app
        self._handle = handle
        self._held: deque[events.Event] = deque()
        self._busy = True

    def begin(self) -> None:
        """The first screen is opened: what was typed before is meant for it, once it is there."""
        self._app.run_worker(self._begin(), group="keys")

    async def _begin(self) -> None:
        await _idle(self._app.screen)
        await _idle(self._app)
        self._busy = False
        if self._held:
            await self.take(self._held.popleft())

    async def take(self, event: events.Event) -> None:
        """Hand it on: at once, or behind those before it."""
        if self._busy:
            self._held.append(event)
            return
        self._busy = True
        at = await self._hand_on(event)
        self._app.run_worker(self._go_on(*at), group="keys")

    async def _go_on(self, screen: MessagePump, at: MessagePump) -> None:
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_MOST_SECONDS):
                        await self._handled(screen, at)
                if not self._held:
                    return
                screen, at = await self._hand_on(self._held.popleft())
        finally:
            self._busy = False

    async def _hand_on(self, event: events.Event) -> tuple[MessagePump, MessagePump]:
        """The screen and the widget that it was for. Where more are behind it that only move in the same table, as it
        does, all of them are done at once: of a key that is held down none waits for the one before."""
        screen, at = self._app.screen, self._app.focused or self._app.screen
        if isinstance(at, Grid) and _moves(event) and self._held and _moves(self._held[0]):
            keys = [event.key]
            while self._held and _moves(key := self._held[0]):
                keys.append(key.key)
                self._held.popleft()
            at.move_by(keys)
        else:
            await self._handle(event)
        return screen, at

    async def _handled(self, screen: MessagePump, at: MessagePump) -> None:
        """Until what was sent to a widget of that screen has been handled, there and above it, and the screen that it
        has opened has its focus."""
        pump: MessagePump | None = at
        while pump is not None:
            await _idle(pump)
            pump = pump._parent
        if self._app.screen is not screen:
            await _idle(self._app.screen)
            await _idle(self._app)


def _moves(event: events.Event) -> TypeGuard[events.Key]:
    return isinstance(event, events.Key) and event.key in Grid.MOVES


async def _idle(pump: MessagePump) -> None:
    for _ in range(_ROUNDS):
        reached = asyncio.Event()
        if not pump.post_message(events.Callback(callback=reached.set)):
            return  # it is closed
        await reached.wait()
