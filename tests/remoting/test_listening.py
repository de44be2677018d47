"""What servers listen on is closed whole: when listening fails, and at a stop."""

from __future__ import annotations

import asyncio

import pytest

from rocketmq_ops.remoting.listening import Listeners, bound_socket


def test_a_socket_is_closed_when_listening_on_it_fails(run, monkeypatch: pytest.MonkeyPatch):
    async def main() -> None:
        async def refuse(*_args: object, **_more: object) -> None:
            raise OSError("no file descriptors left")

        listeners, bound = Listeners(), bound_socket("127.0.0.1", 0)
        monkeypatch.setattr(asyncio.get_running_loop(), "create_server", refuse, raising=False)
        with pytest.raises(OSError, match="descriptors"):
            await listeners.listen(bound, asyncio.Protocol)
        assert bound.fileno() == -1 and not listeners.ports

    run(main())


def test_a_stop_closes_all_and_they_may_be_opened_again(run):
    async def main() -> None:
        listeners = Listeners()
        await listeners.stop()
        for _ in range(2):
            for _ in range(2):
                await listeners.listen(bound_socket("127.0.0.1", 0), asyncio.Protocol)
            ports = listeners.ports
            assert len(set(ports)) == 2 and not listeners.are_stopped
            await listeners.stop()
            assert listeners.are_stopped and not listeners.ports
            for port in ports:
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.open_connection("127.0.0.1", port)

    run(main())
