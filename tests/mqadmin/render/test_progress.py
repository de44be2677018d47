"""The line that says how far a fan-out is."""

from __future__ import annotations

import asyncio
import io
import sys

import pytest

from rocketmq_ops.client.admin.core import MQAdmin
from rocketmq_ops.client.admin.fanout import Progress, fan_out
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.mqadmin.render.progress import AskedLine
from rocketmq_ops.mqadmin.run import Run
from tests.mqadmin.replay import FakeTransport


def line(first: float) -> AskedLine:
    shown = AskedLine("topicList")
    shown.FIRST, shown.AGAIN = first, 0.0  # type: ignore[misc]
    return shown


async def until_written(stderr: io.StringIO, text: str) -> None:
    while text not in stderr.getvalue():  # noqa: ASYNC110 -- what is waited for is text
        await asyncio.sleep(0)


def test_the_line_comes_though_nothing_answers_and_goes_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)

    async def call(number: int) -> int:
        if number == 0:
            return number
        await until_written(stderr, "topicList: 1 of 3 asked")
        raise RocketMQError("down", "wait")

    found = asyncio.run(fan_out(range(3), call, progress=line(0.0)))
    assert (list(found.answers), list(found.errors)) == ([0], [1, 2])
    assert "\r\x1b[Kmqadmin topicList: 1 of 3 asked, 0 s" in stderr.getvalue()
    assert stderr.getvalue().endswith("\r\x1b[K")


def test_what_is_quick_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)

    async def call(number: int) -> int:
        return number

    asyncio.run(fan_out(range(3), call, progress=line(3600.0)))
    assert stderr.getvalue() == ""


def test_a_fan_out_that_breaks_takes_its_line_away(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)

    async def call(number: int) -> int:
        await until_written(stderr, "asked")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(fan_out([1], call, progress=line(0.0)))
    assert stderr.getvalue().endswith("\r\x1b[K")


def test_the_outermost_fan_out_is_reported() -> None:
    heard: list[tuple[int, int] | None] = []
    progress: Progress = heard.append
    admin = MQAdmin(["127.0.0.1:9"], transport=FakeTransport(), progress=progress)

    async def inner(number: int) -> int:
        return number

    async def outer(number: int) -> int:
        return len((await admin.fan_out(range(5), inner)).answers)

    async def both() -> None:
        assert (await admin.fan_out(["a"], lambda name: outer(1))).answers == {"a": 5}
        await admin.fan_out([1, 2], inner)

    asyncio.run(both())
    assert heard == [(0, 1), (1, 1), None, (0, 2), (1, 2), (2, 2), None]


def test_only_a_terminal_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from rocketmq_ops.mqadmin.commands.topic import topic_list
    from rocketmq_ops.mqadmin.declare import CommonOptions, declaration_of

    declared = declaration_of(topic_list)
    given: list[object] = []

    def made(*arguments: object, **more: object) -> None:
        given.append(more["progress"])

    monkeypatch.setattr("rocketmq_ops.client.admin.MQAdmin", made)
    for terminal in (False, True):
        stderr = io.StringIO()
        monkeypatch.setattr(stderr, "isatty", lambda terminal=terminal: terminal)
        monkeypatch.setattr(sys, "stderr", stderr)
        run = Run("topicList", declared, CommonOptions(namesrv="127.0.0.1:9"), {})
        run.connect(needs_namesrv=True)
        run.admin()
    assert [type(progress) for progress in given] == [type(None), AskedLine]
