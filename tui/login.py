"""Who may come to the dashboard in a browser: a page that asks for the password, and a cookie for who knew it.

A password that is wrong costs a second, one after the other from each address, so that guessing leads nowhere.
"""

from __future__ import annotations

import asyncio
import hmac
import html
import secrets
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Final

from aiohttp import web

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.clock import now_ms

#: How long who has logged in stays so, ms.
LASTS_MS: Final = 12 * 3_600_000
#: What a wrong password costs, in seconds.
DELAY_SECONDS: Final = 1.0
#: Attempts from an address that wait at a time; more are refused.
MOST_WAITING: Final = 5
LEAST_CHARACTERS: Final = 12
_MOST_LOGGED_IN: Final = 1000
_MOST_ADDRESSES: Final = 10_000
_PATH: Final = "/login"

_PAGE: Final = Path(__file__).with_name("login.html")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Turn:
    """Attempts from one address: one after the other, and how many there are."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.attempts = 0


class Login:
    """A password, and who has given it. `tr` translates what the page says; `pause` is what a wrong password costs."""

    def __init__(
        self,
        password: str,
        tr: Callable[[str], str] = str,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._password = _digest(password)
        self._tr = tr
        self._pause = pause
        #: Until when each cookie is good, by its digest.
        self._until: Bounded[bytes, int] = Bounded(_MOST_LOGGED_IN)
        self._turns: Bounded[str, _Turn] = Bounded(_MOST_ADDRESSES)

    def install(self, app: web.Application) -> None:
        """Let only those in who have logged in."""
        app.middlewares.append(self._guard)
        app.router.add_post(_PATH, self._log_in)
        app.router.add_get(_PATH, self._ask)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == _PATH or self._knows(request):
            return await handler(request)
        if request.path == "/":
            return self._page(200)
        raise web.HTTPUnauthorized(text="log in first")

    def _knows(self, request: web.Request) -> bool:
        cookie = request.cookies.get(_cookie(request))
        return cookie is not None and self._until.get(_digest(cookie), 0) > now_ms()

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        return self._page(200)

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        given = str((await request.post()).get("password", ""))
        turn = self._turns.get(request.remote or "")
        if turn is None:
            turn = self._turns[request.remote or ""] = _Turn()
        if turn.attempts >= MOST_WAITING:
            raise web.HTTPTooManyRequests(text="too many attempts at a time: try again later")
        turn.attempts += 1
        try:
            async with turn.lock:
                if not hmac.compare_digest(_digest(given), self._password):
                    await self._pause(DELAY_SECONDS)
                    return self._page(403, "the password is wrong")
        finally:
            turn.attempts -= 1
        return self._welcome(request)

    def _welcome(self, request: web.Request) -> web.StreamResponse:
        cookie = secrets.token_urlsafe(32)
        self._until[_digest(cookie)] = now_ms() + LASTS_MS
        response = web.Response(status=303, headers={"Location": "/"})
        lasts = LASTS_MS // 1000
        response.set_cookie(
            _cookie(request), cookie, max_age=lasts, httponly=True, samesite="Strict", secure=is_https(request)
        )
        return response

    def _page(self, status: int, said: str = "") -> web.Response:
        said, password, enter = (html.escape(self._tr(text)) for text in (said, "password", "log in"))
        text = Template(_PAGE.read_text("utf-8")).substitute(said=said, password=password, enter=enter)
        return web.Response(status=status, text=text, content_type="text/html", headers={"Cache-Control": "no-store"})


def is_https(request: web.Request) -> bool:
    """Whether the visitor's browser speaks TLS, to this or to a proxy before it."""
    return request.secure or request.headers.get("X-Forwarded-Proto") == "https"


def _cookie(request: web.Request) -> str:
    """A browser sends the cookies of a host whatever its port is: the name has that which is listened on."""
    assert request.transport is not None
    return f"rocketmq-ops-{request.transport.get_extra_info('sockname')[1]}"


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
