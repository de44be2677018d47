"""The overview and the lists as they look: sizes, themes, languages; empty, failed, huge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.tui.model.broker_state import judged
from rocketmq_ops.tui.model.moment import Moment, NameServerSeen, Said, Totals, Verdict
from rocketmq_ops.tui.model.table import Health
from rocketmq_ops.tui.model.views.every import VIEWS
from tests.tui import snapshot
from tests.tui.fakes import MINUTE, NOW_MS, FakeModel, dashboard, moment

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)


def usual() -> FakeModel:
    """A cluster with a stalled group and a dead broker, with ten minutes of figures."""
    return with_past(moment(groups=40, topics=30, brokers=4))


def with_past(now: Moment) -> FakeModel:
    now.totals = Totals(in_rate=310.0, out_rate=280.5, lag=78_280, lag_unknown=1, lag_change=12.5)
    now.topics_ms = now.groups_ms = now.time_ms
    now.brokers = {address: judged(broker) for address, broker in now.brokers.items()}
    before = moment(NOW_MS - 10 * MINUTE, groups=39, topics=30, brokers=4)
    for seen in before.groups.values():
        seen.consume_rate = 5.0
    model = FakeModel(now, [moment(NOW_MS - 30 * MINUTE), before])
    times = [NOW_MS - at * 10_000 for at in range(60, 0, -1)]
    for number, address in enumerate(now.brokers):
        for name in ("in_rate", "out_rate"):
            model.lines[(f"broker.{name}", address)] = [
                (time_ms, float(at * (number + 1) % 17)) for at, time_ms in enumerate(times[number * 9 :])
            ]
    for name in ("in_rate", "out_rate", "lag"):
        model.lines[(f"total.{name}", "")] = [(time_ms, float(at % 23)) for at, time_ms in enumerate(times)]
    return model


def empty() -> FakeModel:
    """Before the first answer."""
    return FakeModel(Moment(time_ms=NOW_MS))


def failed() -> FakeModel:
    """No name server answers."""
    failure = Failure("10.0.0.9:9876", "connection refused", "see that it runs")
    server = NameServerSeen(address="10.0.0.9:9876", failure=failure, failing_since=NOW_MS - MINUTE)
    verdict = Verdict(Health.CRITICAL, (Said("no name server answers", NOW_MS - MINUTE),))
    return FakeModel(Moment(time_ms=NOW_MS, name_servers={server.address: server}, verdict=verdict))


def huge() -> FakeModel:
    """Names and figures that are too long for their columns."""
    now = moment(groups=3000, topics=3000, brokers=12)
    for seen in now.groups.values():
        seen.lag = msgspec.structs.replace(seen.lag, lag=(seen.lag.lag or 1) * 12_345_678)
        seen.consume_rate = 1_234_567.0
    now.groups["很长的消费组名称" * 12] = msgspec.structs.replace(
        now.groups["group-00001"], group="很长的消费组名称" * 12
    )
    return with_past(now)


def draws(
    name: str,
    at: str,
    model: Callable[[], FakeModel],
    size: tuple[int, int],
    *keys: str,
    theme: str = "dark",
    lang: str = "en",
) -> None:
    async def main() -> None:
        app = dashboard(model(), at, views=VIEWS, theme=theme, lang=lang)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            if keys:
                await pilot.press(*keys)
                await pilot.pause()
            snapshot.same(app, name)

    asyncio.run(main())


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", ["overview", "groups"])
def test_sizes(screen: str, size: tuple[int, int]) -> None:
    draws(f"{screen}-{size[0]}x{size[1]}", f":{screen}", usual, size)


@pytest.mark.parametrize("theme", ["light", "ansi-dark", "ansi-light"])
@pytest.mark.parametrize("screen", ["overview", "groups"])
def test_themes(screen: str, theme: str) -> None:
    draws(f"{screen}-{theme}", f":{screen}", usual, SMALL, theme=theme)


@pytest.mark.parametrize("screen", ["overview", *(view.name for view in VIEWS)])
def test_chinese(screen: str) -> None:
    draws(f"{screen}-zh", f":{screen}", usual, (100, 24), lang="zh")


@pytest.mark.parametrize("case", [empty, failed, huge])
@pytest.mark.parametrize("screen", ["overview", "groups", "brokers"])
def test_cases(screen: str, case: Callable[[], FakeModel]) -> None:
    draws(f"{screen}-{case.__name__}", f":{screen}", case, SMALL)


def test_against_ten_minutes_ago() -> None:
    draws("groups-compared", ":groups", usual, MIDDLE, "c")


def test_at_a_time_before() -> None:
    draws("groups-paused", ":groups", usual, SMALL, "left_curly_bracket")


def test_help() -> None:
    draws("help", ":groups", usual, MIDDLE, "question_mark")


def test_a_command_that_is_typed() -> None:
    draws("command", ":groups", usual, SMALL, "colon", "b")
