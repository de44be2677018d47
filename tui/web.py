"""The dashboard in browsers: a process for each visitor, on an address of this machine unless another was given.

A page of another site must not reach it through a visitor's browser: its websocket is opened by pages of its own only.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from ssl import Purpose, SSLContext, SSLError, create_default_context
from typing import Final

from aiohttp import web
from textual_serve.server import Server

from rocketmq_ops.common.addresses import is_loopback
from rocketmq_ops.common.errors import RocketMQError, system_words
from rocketmq_ops.tui.login import Handler, Login, is_https

#: What the page would load from elsewhere: a font. The machines that look often have no way there, and wait for it.
_ELSEWHERE: Final = re.compile(r'<link[^>]*href="https://[^>]*>')
#: Gives the keys to the terminal in the page, also when a visitor comes back to it: until it has been clicked on keys
#: would do nothing.
_KEYS: Final = Path(__file__).with_name("keys.html")
#: Sessions at once; each is a process that asks the cluster.
MOST_SESSIONS = 8


class ServeError(RocketMQError):
    """The address cannot be listened on."""


class Visitors(Server):
    """Serves a command line: one process of it for each visitor."""

    def __init__(
        self, command: str, host: str, port: int, *, login: Login | None = None, tls: SSLContext | None = None
    ) -> None:
        """Raises ServeError for an address that others reach without a login."""
        if login is None and not is_loopback(host):
            raise ServeError(
                f"whoever reaches {host} would see the cluster: there it is served to those who know a password only",
                "give one with --passwordFile or --passwordEnv, or serve at 127.0.0.1",
            )
        super().__init__(command, host=host, port=port, title="rocketmq-ops")
        self.sessions = 0
        self._login = login
        self._tls = tls

    def where(self) -> str:
        """What to tell whoever started it, in English."""
        url = f"{'http' if self._tls is None else 'https'}://{self.host}:{self.port}/"
        if is_loopback(self.host):
            return f"serving at {url} for this machine only; Ctrl-C ends it"
        return f"serving at {url} for every machine that reaches this address; Ctrl-C ends it"

    def warning(self) -> str:
        """What is doubtful about it, in English; empty for nothing."""
        if self._tls is None and not is_loopback(self.host):
            return "password and figures go over the network as they are: give --certificate, or put a proxy before it"
        return ""

    async def run(self, started: Callable[[], None]) -> None:
        """Serve until it is cancelled. Port 0 is any free one. Raises ServeError."""
        runner = web.AppRunner(await self._make_app(), handle_signals=True, shutdown_timeout=2)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.host, self.port, ssl_context=self._tls)
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

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard)
        if self._login is not None:
            self._login.install(app)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Nothing: what is to be said is said by who started it."""

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """The page, with addresses as this visitor reached it; it takes keys at once."""
        self.public_url = f"{'https' if is_https(request) else 'http'}://{request.host}"
        response = await super().handle_index(request)
        assert isinstance(response, web.Response)
        response.text = _ELSEWHERE.sub("", response.text or "").replace("</body>", _KEYS.read_text("utf-8"))
        return response

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A session."""
        if self.sessions >= MOST_SESSIONS:
            raise web.HTTPServiceUnavailable(text=f"there are {MOST_SESSIONS} sessions already: close one")
        self.sessions += 1
        try:
            return await super().handle_websocket(request)
        finally:
            self.sessions -= 1

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what a page of another site asks, also under a name that it has made to mean this machine."""
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("//")[2] != request.host:
            raise web.HTTPForbidden(text="this is not for pages of other sites")
        name = request.url.host or ""
        if self._login is None and not is_loopback(name):
            raise web.HTTPForbidden(text=f"this is served for this machine only, at {self.host}")
        return await handler(request)


def certificate(path: str) -> SSLContext:
    """What is served by a PEM file with a certificate, those that it rests on, and its key. Raises ServeError."""
    context = create_default_context(Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(path, password=_no_password)
    except OSError as error:  # of which those of TLS are some
        why = "no certificate with its key in PEM" if isinstance(error, SSLError) else system_words(error)
        raise ServeError(
            f"cannot serve with the certificate {path}: {why}",
            "name a PEM file of the certificates and the key, without a password",
        ) from error
    return context


def _no_password() -> str:
    return ""
