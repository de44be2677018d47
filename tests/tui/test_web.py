"""Who may open a session in a browser."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.tui import login, web
from rocketmq_ops.tui.login import DELAY_SECONDS, MOST_WAITING, Login
from rocketmq_ops.tui.web import ServeError, Visitors, certificate

CERTIFICATES = Path(__file__).parents[1] / "remoting" / "files" / "tls"


async def up(started: asyncio.Event, running: asyncio.Task[None]) -> None:
    """Until it listens, or fails."""
    waiting = asyncio.get_running_loop().create_task(started.wait())
    await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    waiting.cancel()
    if running.done():
        running.result()


def served(ask: str, **headers: str) -> tuple[int, str]:
    """Status and text of an answer."""

    async def main() -> tuple[int, str]:
        visitors = Visitors(f"{sys.executable} -c pass", "127.0.0.1", 0)
        started = asyncio.Event()
        running = asyncio.get_running_loop().create_task(visitors.run(started.set))
        try:
            await up(started, running)
            assert "this machine only" in visitors.where()
            sent = {name: value.replace("PORT", str(visitors.port)) for name, value in headers.items()}
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{visitors.port}{ask}", headers=sent) as answer,
            ):
                return answer.status, await answer.text()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    return asyncio.run(main())


def test_the_page_is_there_and_asks_nobody_else() -> None:
    status, text = served("/")
    assert status == 200
    assert "https://" not in text.partition("<body")[0]
    assert text.count(web._KEYS.read_text("utf-8")) == 1, "it takes keys without a click"


@pytest.mark.parametrize("ask", ["/", "/ws"])
@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example:PORT"}], ids=str)
def test_pages_of_other_sites_are_refused(ask: str, headers: dict[str, str]) -> None:
    assert served(ask, **headers)[0] == 403


def test_its_own_page_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert served("/", Origin="http://127.0.0.1:PORT")[0] == 200
    monkeypatch.setattr(web, "MOST_SESSIONS", 0)
    status, text = served("/ws", Origin="http://127.0.0.1:PORT")
    assert status == 503
    assert "sessions already" in text


def test_an_address_that_cannot_be_had_is_said() -> None:
    async def main() -> None:
        first = Visitors("true", "127.0.0.1", 0)
        started = asyncio.Event()
        running = asyncio.get_running_loop().create_task(first.run(started.set))
        await up(started, running)
        try:
            with pytest.raises(ServeError, match="cannot listen on"):
                await Visitors("true", "127.0.0.1", first.port).run(lambda: None)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())


class Server:
    """A page that is served, and a browser that keeps its cookies."""

    def __init__(self, visitors: Visitors, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.base = f"http://127.0.0.1:{visitors.port}"

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.session.get(self.base + path, headers=headers) as answer:
            return answer.status, await answer.text()

    async def log_in(self, password: str, **headers: str) -> aiohttp.ClientResponse:
        sent = {"password": password}
        async with self.session.post(f"{self.base}/login", data=sent, headers=headers, allow_redirects=False) as answer:
            await answer.text()
            return answer


def with_password(test: Callable[[Server], Awaitable[None]], **how: Any) -> None:
    """Drive a page whose password is `a good long one`."""

    async def main() -> None:
        visitors = Visitors(f"{sys.executable} -c pass", "127.0.0.1", 0, login=Login("a good long one", **how))
        started = asyncio.Event()
        running = asyncio.get_running_loop().create_task(visitors.run(started.set))
        try:
            await up(started, running)
            # What is of one address only is no name, and such cookies are not sent by themselves.
            async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
                await test(Server(visitors, session))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())


def test_beyond_this_machine_nothing_is_served_without_a_login() -> None:
    for host in ("0.0.0.0", "::", "10.0.0.1", "somewhere.example"):
        with pytest.raises(ServeError, match="who know a password") as refused:
            Visitors("true", host, 0)
        assert "--passwordFile" in refused.value.next_step
    open_to_all = Visitors("true", "0.0.0.0", 80, login=Login("a good long one"))
    assert "every machine" in open_to_all.where()
    assert "--certificate" in open_to_all.warning()
    assert Visitors("true", "127.0.0.1", 80).warning() == ""


def test_who_does_not_know_the_password_sees_nothing() -> None:
    async def pause(seconds: float) -> None:
        assert seconds == DELAY_SECONDS

    async def test(server: Server) -> None:
        status, text = await server.get("/")
        assert (status, 'type="password"' in text, "data-session-websocket-url" in text) == (200, True, False)
        for path in ("/ws", "/static/js/textual.js", "/download/x"):
            assert (await server.get(path))[0] == 401
        for wrong in ("", "a good long on", "a good long one ", "ä"):
            answer = await server.log_in(wrong)
            assert (answer.status, "Set-Cookie" in answer.headers) == (403, False)
        assert "password is wrong" in await answer_text(server, "nope")
        assert (await server.get("/", Cookie=f"rocketmq-ops-{server.base.rpartition(':')[2]}=made-up"))[1].count(
            "password"
        )

    async def answer_text(server: Server, password: str) -> str:
        async with server.session.post(f"{server.base}/login", data={"password": password}) as answer:
            return await answer.text()

    with_password(test, pause=pause)


def test_who_knows_it_is_let_in_by_a_cookie_that_scripts_and_other_sites_do_not_get() -> None:
    async def test(server: Server) -> None:
        assert (await server.log_in("a good long one", Origin="http://evil.example")).status == 403
        answer = await server.log_in("a good long one")
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        status, text = await server.get("/")
        assert (status, f"ws:{server.base[5:]}/ws" in text) == (200, True)
        assert (await server.get("/static/js/textual.js"))[0] == 200
        status, text = await server.get("/", **{"X-Forwarded-Proto": "https", "Host": "tui.example"})
        assert (status, "wss://tui.example/ws" in text) == (200, True), "behind a proxy that speaks TLS"

    with_password(test)


def test_a_login_does_not_last_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(server: Server) -> None:
        await server.log_in("a good long one")
        assert "ws:" in (await server.get("/"))[1]
        later = now_ms() + login.LASTS_MS
        monkeypatch.setattr(login, "now_ms", lambda: later + 1000)
        assert "ws:" not in (await server.get("/"))[1]

    with_password(test)


def test_guesses_wait_for_each_other_and_too_many_are_refused() -> None:
    paused, most = 0, 0
    go_on = asyncio.Event()

    async def pause(_: float) -> None:
        nonlocal paused, most
        paused += 1
        most = max(most, paused)
        await go_on.wait()
        paused -= 1

    async def test(server: Server) -> None:
        guesses = [asyncio.ensure_future(server.log_in(f"guess {n}")) for n in range(MOST_WAITING + 1)]
        done, _ = await asyncio.wait(guesses, return_when=asyncio.FIRST_COMPLETED)
        assert [each.result().status for each in done] == [429]
        go_on.set()
        answers = await asyncio.gather(*guesses)
        assert sorted(answer.status for answer in answers) == [403] * MOST_WAITING + [429]
        assert most == 1, "one at a time"

    with_password(test, pause=pause)


def test_it_is_served_with_tls(tmp_path: Path) -> None:
    pem = tmp_path / "all.pem"
    pem.write_bytes(b"".join((CERTIFICATES / name).read_bytes() for name in ("server.pem", "server.key")))
    trusted = ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem"))
    trusted.check_hostname = False
    # The test's authority is older than what 3.13 asks of one by default.
    trusted.verify_flags &= ~ssl.VERIFY_X509_STRICT

    async def main() -> None:
        visitors = Visitors(f"{sys.executable} -c pass", "127.0.0.1", 0, tls=certificate(str(pem)))
        started = asyncio.Event()
        running = asyncio.get_running_loop().create_task(visitors.run(started.set))
        try:
            await up(started, running)
            url = f"https://127.0.0.1:{visitors.port}/"
            assert url in visitors.where()
            async with aiohttp.ClientSession() as session, session.get(url, ssl=trusted) as answer:
                assert f"wss://127.0.0.1:{visitors.port}/ws" in await answer.text()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())


def test_a_certificate_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="no such file"):
        certificate(str(tmp_path / "none.pem"))
    with pytest.raises(ServeError, match="no certificate with its key"):
        certificate(str(CERTIFICATES / "server.pem"))
