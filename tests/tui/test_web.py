"""Who may open a session in a browser."""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import pytest

from rocketmq_ops.tui import web
from rocketmq_ops.tui.web import ServeError, Visitors


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


def test_an_address_of_all_machines_is_said_to_be_one() -> None:
    assert "every machine" in Visitors("true", "0.0.0.0", 80).where()
