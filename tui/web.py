"""The dashboard in browsers: a process for each visitor, on an address of this machine unless another was given.

A page of another site must not reach it through a visitor's browser: its websocket is opened by pages of its own only.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
from collections.abc import Callable
from typing import Final

from aiohttp import web
from textual_serve.server import Server

from rocketmq_ops.common.errors import RocketMQError, system_words

#: What the page would load from elsewhere: a font. The machines that look often have no way there, and wait for it.
_ELSEWHERE: Final = re.compile(r'<link[^>]*href="https://[^>]*>')
#: Sessions at once; each is a process that asks the cluster.
MOST_SESSIONS = 8


class ServeError(RocketMQError):
    """The address cannot be listened on."""


class Visitors(Server):
    """Serves a command line: one process of it for each visitor."""

    def __init__(self, command: str, host: str, port: int) -> None:
        super().__init__(command, host=host, port=port, title="rocketmq-ops")
        self.sessions = 0

    def where(self) -> str:
        """What to tell whoever started it, in English."""
        seen = "this machine only" if _is_loopback(self.host) else "every machine that reaches this address"
        return f"serving at http://{self.host}:{self.port}/ for {seen}; Ctrl-C ends it"

    async def run(self, started: Callable[[], None]) -> None:
        """Serve until it is cancelled. Port 0 is any free one. Raises ServeError."""
        runner = web.AppRunner(await self._make_app(), handle_signals=True, shutdown_timeout=2)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.host, self.port)
            try:
                await site.start()
            except OSError as error:
                raise ServeError(
                    f"cannot listen on {self.host}:{self.port}: {system_words(error)}", "give another with --serve"
                ) from error
            self.port = runner.addresses[0][1]
            started()
            with contextlib.suppress(web.GracefulExit):
                await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def on_startup(self, app: web.Application) -> None:
        """Nothing: what is to be said is said by who started it."""

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """The page, with addresses as this visitor reached it."""
        self._check(request)
        self.public_url = f"http://{request.host}"
        response = await super().handle_index(request)
        assert isinstance(response, web.Response)
        response.text = _ELSEWHERE.sub("", response.text or "")
        return response

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A session."""
        self._check(request)
        if self.sessions >= MOST_SESSIONS:
            raise web.HTTPServiceUnavailable(text=f"there are {MOST_SESSIONS} sessions already: close one")
        self.sessions += 1
        try:
            return await super().handle_websocket(request)
        finally:
            self.sessions -= 1

    def _check(self, request: web.Request) -> None:
        """Refuse what a page of another site asks, also under a name that it has made to mean this machine."""
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("//")[2] != request.host:
            raise web.HTTPForbidden(text="this is not for pages of other sites")
        name = request.url.host or ""
        if _is_loopback(self.host) and not _is_loopback(name):
            raise web.HTTPForbidden(text=f"this is served for this machine only, at {self.host}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
