"""The overview says what it is for without a key press: on 80 cells too all figures of brokers are seen."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest

from rocketmq_ops.tui.model.broker_state import DEAD, DISK_NEAR, READ_ONLY, UNLISTED
from rocketmq_ops.tui.model.model import Mode
from rocketmq_ops.tui.model.moment import Alarm, Said, State, Verdict
from rocketmq_ops.tui.model.no_cluster import NoCluster
from rocketmq_ops.tui.model.overview import makes
from rocketmq_ops.tui.model.table import Health
from rocketmq_ops.tui.model.verdict import verdict
from rocketmq_ops.tui.screens.overview import OverviewScreen
from rocketmq_ops.tui.widgets.grid import Grid
from rocketmq_ops.tui.widgets.lines import Line
from tests.tui.fakes import MINUTE, NOW_MS, FakeModel, dashboard, moment
from tests.tui.flows.driving import at_rest
from tests.tui.pictures import clusters

FIGURES = {"broker", "role", "state", "in", "in_past", "out", "out_past", "disk", "lock", "gap"}


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_all_of_a_broker_is_seen(size: tuple[int, int], lang: str) -> None:
    async def main() -> None:
        model = clusters.usual()
        for broker in model.now.brokers.values():
            worst = DEAD if broker.dead else DISK_NEAR  # the longest word that the table has
            broker.states = (State(worst, Health.WARNING),)
        app = dashboard(model, lang=lang)
        async with app.run_test(size=size) as pilot:
            await at_rest(pilot)
            grid = app.screen.query_one("#brokers Grid", Grid)
            assert {column.key for column in grid.columns} >= FIGURES
            lines = [grid.render_line(y).text for y in range(len(grid.rows) + 1)]
            assert not any("…" in line for line in lines), lines
            assert "V5_3_3" in app.screen.query_one("#brokers Line", Line).render_line(0).text

    asyncio.run(main())


@pytest.mark.parametrize(
    ("width", "lang", "said"),
    [
        (80, "en", " ✗ broker-b no answer (+1), 1/214 groups stalled, broker-a no writes"),
        (80, "zh", " ✗ broker-b 无响应（早于 11:58） (+1)，1/214 个消费组停滞，broker-a 拒绝写入"),
        (
            120, "en",
            " ✗ broker-b no answer since before 11:58 (+1), 1/214 groups stalled since 11:58, broker-a no writes since 11:58",
        ),
        (
            120, "zh",
            " ✗ broker-b 无响应（早于 11:58） (+1)，1/214 个消费组停滞（自 11:58 起），broker-a 拒绝写入（自 11:58 起）",
        ),
    ],
    ids=["80-en", "80-zh", "120-en", "120-zh"],
)  # fmt: skip
def test_the_verdict_has_each_kind_of_trouble(
    width: int, lang: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "localtime", time.gmtime)
    since = NOW_MS - 2 * MINUTE
    wrong = (
        ("broker/b:1", "broker-b", DEAD, Health.CRITICAL),
        ("broker/b:1", "broker-b", UNLISTED, Health.CRITICAL),
        ("group/orders", "orders", "stalled", Health.CRITICAL),
        ("broker/a:1", "broker-a", READ_ONLY, Health.WARNING),
    )
    alarms = [
        Alarm(key=f"{key}/{text}", health=health, target=target, text=text, since_ms=since, begun_before=text is DEAD)
        for key, target, text, health in wrong
    ]

    async def main() -> None:
        now = moment()
        now.verdict = verdict(now.name_servers, now.brokers, [f"g{n}" for n in range(214)], alarms)
        app = dashboard(FakeModel(now), lang=lang)
        async with app.run_test(size=(width, 24)) as pilot:
            await at_rest(pilot)
            assert app.screen.query_one("#verdict", Line).render_line(0).text.rstrip() == said

    asyncio.run(main())


def test_versions_and_clusters_are_said_once_and_who_has_another() -> None:
    brokers = list(moment(brokers=3).brokers.values())
    assert makes(brokers) == "DefaultCluster  V5_3_3"
    other = msgspec.structs.replace(brokers[2], cluster="Second", version="V4_9_7")
    assert makes([*brokers[:2], other]) == "DefaultCluster, Second  V5_3_3, V4_9_7 (broker-c)"
    assert makes([]) == ""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("one", "10:03:07"),
        ("nobody", "10:03"),
        ("a-long-name", "a-long-name-1 does not answer"),
        ("a-name-that-is-longer-than-most", "…"),
    ],
    ids=["fits", "tight", "tighter", "cut"],
)
def test_times_lose_their_seconds_before_the_verdict_is_cut(
    name: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = NOW_MS - 117 * MINUTE + 7_000
    monkeypatch.setattr(time, "localtime", time.gmtime)
    parts = tuple(Said("does not answer", at, target=f"{name}-{n}") for n in range(2))

    async def main() -> None:
        now = moment()
        now.verdict = Verdict(Health.CRITICAL, parts)
        app = dashboard(FakeModel(now))
        async with app.run_test(size=(80, 24)) as pilot:
            await at_rest(pilot)
            assert app.screen.query_one("#verdict", Line).render_line(0).text.rstrip().endswith(said)

    asyncio.run(main())


def test_the_key_that_stops_the_time_says_what_it_does() -> None:
    async def main() -> None:
        app = dashboard(FakeModel(moment(), [moment(NOW_MS - 20 * MINUTE)]))
        async with app.run_test(size=(120, 24)) as pilot:
            keys = app.screen.query_one("#keys", Line)
            for key, said in ((None, "p pause"), ("p", "p go on"), ("p", "p pause"), ("left_curly_bracket", "p go on")):
                await pilot.press(*[key] if key else [])
                await at_rest(pilot)
                assert said in keys.render_line(0).text
            app.context.model.follows = False
            app.screen.draw()
            assert "p to the end" in keys.render_line(0).text
            files = NoCluster(NOW_MS)
            assert files.mode is Mode.BACK
            app.context.model = files
            app.screen.draw()
            assert " p " not in keys.render_line(0).text

    asyncio.run(main())


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_the_brokers_are_sorted_by_keys_and_headings_and_the_address_has_it(size: tuple[int, int]) -> None:
    async def main() -> None:
        now = moment(brokers=4)
        for at, broker in enumerate(now.brokers.values()):
            broker.figures = {"in_rate": (5.0, 300.0, 20.0, 1.0)[at], "disk_ratio": 0.1 * at}
        app = dashboard(FakeModel(now))
        async with app.run_test(size=size) as pilot:
            await at_rest(pilot)
            screen = app.screen
            assert isinstance(screen, OverviewScreen)
            grid = screen.grid

            def order() -> str:
                return "".join(str(row.cells[0])[-1] for row in grid.rows)

            def heading() -> str:
                return grid.render_line(0).text

            plain, columns = order(), [column.key for column in grid.columns]
            for keys, rows, address, sign in (
                ("4", "bcad", "sort=-in", "In/s↓"),
                ("4", "dacb", "sort=in", "In/s↑"),
                ("o", "bcad", "sort=-in", "In/s↓"),
                ("8", "dcba", "sort=-disk", "Disk↓"),
                ("5", "dcba", "sort=-disk", "Disk↓"),
                ("1", "abcd", "sort=broker", "Broker↑"),
                ("<", plain, "", ""),
                (">", "abcd", "sort=broker", "Broker↑"),
                ("0", plain, "", ""),
            ):
                await pilot.press({"<": "less_than_sign", ">": "greater_than_sign"}.get(keys, keys))
                await at_rest(pilot)
                assert (order(), str(screen.address)) == (rows, f":overview?{address}".rstrip("?")), keys
                assert sign in heading().replace(" ", "")
                assert ("↓" in heading() or "↑" in heading()) == bool(address)
                assert [column.key for column in grid.columns] == columns, "no column goes for the sign"
            await pilot.click(grid, offset=(heading().index("In/s"), 0))
            await at_rest(pilot)
            assert (order(), str(screen.address)) == ("bcad", ":overview?sort=-in")
            alarms = screen.query_one("#alarms Grid", Grid)
            await pilot.click(alarms, offset=(4, 0))
            await at_rest(pilot)
            assert str(screen.address) == ":overview?sort=-in", "another table's heading"
        app = dashboard(FakeModel(now), ":overview?sort=-in")
        async with app.run_test(size=size) as pilot:
            await at_rest(pilot)
            assert isinstance(app.screen, OverviewScreen)
            assert [str(row.cells[0])[-1] for row in app.screen.grid.rows] == list("bcad"), "as a saved view is opened"
            assert len(app.trail()) == 1

    asyncio.run(main())
