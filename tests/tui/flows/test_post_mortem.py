"""A group stood still at night, as one of its clients hung: the file of the session names it, on another machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rocketmq_ops.tui.model.replay import Replay
from rocketmq_ops.tui.model.views.every import VIEWS
from tests.tui.fakes import dashboard
from tests.tui.flows.driving import detail, press, rows, said, settled
from tests.tui.model.cluster import Cluster, run
from tests.tui.model.test_running import a_group_that_stands_still


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


async def a_night(folder: Path) -> Path:
    """The recording of seven minutes in which nobody looked at any screen but the overview."""
    cluster = Cluster()
    a_group_that_stands_still(cluster)
    cluster.group("fine", 100, 100)
    async with cluster.watched(session=folder / "night") as model:
        await cluster.clock.advance(420_000)
        assert model.moment().verdict.health == "critical"
    return folder / "night"


def test_from_the_overview_of_a_recording_to_the_client_that_hung(tmp_path: Path) -> None:
    async def flow() -> None:
        async with Replay(await a_night(tmp_path)) as replay:
            app = dashboard(replay, views=VIEWS)
            async with app.run_test(size=(160, 40)) as pilot:
                await settled(pilot)
                assert "stalled" in said(pilot, "#verdict")
                await press(pilot, "colon", *"groups", "enter", "0", "home", "enter")
                assert str(detail(pilot).address) == ":group/billing"
                assert "what the recording lacks is as it was told at" in said(pilot, "#note")
                worst = rows(pilot)[0]
                assert worst[:5] == ["orders", "broker-a", "0", "stuck", "400"]
                assert "c@hangs" in worst
                assert "Clients ✗" in said(pilot, "#parts").replace("  ", " ")
                await press(pilot, "tab")
                assert "told at" in said(pilot, "#note")
                assert {row[0]: row[1] for row in rows(pilot)} == {
                    "c@hangs": "stuck", "c@silent": "does not answer", "c@idle": "answers",
                }  # fmt: skip
                detail(pilot).grid.move_to([row[0] for row in rows(pilot)].index("c@hangs"))
                await press(pilot, "enter")
                assert str(detail(pilot).address) == ":client/c@hangs?group=billing"
                assert rows(pilot)[0][:5] == ["orders", "broker-a", "0", "stuck", "8"]
                assert "has 8 messages, and none was consumed for" in said(pilot, "#facts")
                await press(pilot, "tab", "tab")
                assert detail(pilot).part == "settings"
                assert "not recorded" in said(pilot, "#note")
                assert "press l" not in said(pilot, "#note"), "there is no present to go to"

    run(flow)


@pytest.mark.parametrize("address", [":client/c@hangs", ":client/c@hangs?group=billing"])
def test_a_client_opens_by_its_address_alone(tmp_path: Path, address: str) -> None:
    async def flow() -> None:
        async with Replay(await a_night(tmp_path)) as replay:
            app = dashboard(replay, address, views=VIEWS)
            async with app.run_test(size=(120, 30)) as pilot:
                await settled(pilot)
                assert rows(pilot)[0][:4] == ["orders", "broker-a", "0", "stuck"]

    run(flow)


@pytest.mark.parametrize(
    "address", [":doctor", ":probe", ":broker/broker-a?part=replication", ":messages/orders", ":dead-letters/billing"]
)
def test_what_nobody_asked_is_not_recorded(tmp_path: Path, address: str) -> None:
    async def flow() -> None:
        async with Replay(await a_night(tmp_path)) as replay:
            app = dashboard(replay, address, views=VIEWS)
            async with app.run_test(size=(120, 30)) as pilot:
                await settled(pilot)
                note = said(pilot, "#note")
                assert note.startswith("not recorded: "), note
                assert "no cluster" not in note
                assert rows(pilot) == []

    run(flow)


def test_what_lists_know_is_on_the_screens_of_what_they_list(tmp_path: Path) -> None:
    async def flow() -> None:
        async with Replay(await a_night(tmp_path)) as replay:
            for address, first in (
                (":topic/orders?part=groups", "billing"),
                (":topic/orders?part=queues", "broker-a"),
                (":topic/orders?part=route", "broker-a"),
                (":broker/broker-a?part=configuration", "brokerPermission"),
                (":name-server/10.0.0.100:9876", "broker-a"),
            ):
                app = dashboard(replay, address, views=VIEWS)
                async with app.run_test(size=(120, 30)) as pilot:
                    await settled(pilot)
                    assert first in [row[0] for row in rows(pilot)], address
                    assert "as it was recorded" in said(pilot, "#note"), address

    run(flow)


def test_scrubbing_says_what_had_been_told_until_then(tmp_path: Path) -> None:
    async def flow() -> None:
        async with Replay(await a_night(tmp_path)) as replay:
            app = dashboard(replay, ":group/billing?part=clients", views=VIEWS)
            async with app.run_test(size=(120, 30)) as pilot:
                await settled(pilot)
                assert rows(pilot)
                for _ in range(2):
                    await pilot.press("left_curly_bracket")
                    while replay.busy:  # noqa: ASYNC110
                        await asyncio.sleep(0.001)
                    detail(pilot).draw()
                    await settled(pilot)
                assert rows(pilot) == [], "it was in order then, as far as was known"
                assert said(pilot, "#note").startswith("not recorded: ")

    run(flow)


def test_in_the_silence_of_a_broker_its_queues_have_their_figures_of_before(tmp_path: Path) -> None:
    async def flow() -> None:
        cluster = Cluster()
        cluster.group("g", 100, 60)
        async with cluster.watched(session=tmp_path / "night") as model:
            await cluster.clock.advance(120_000)
            (dead,) = (address for address, name in cluster.names.items() if name == "broker-b")
            cluster.down[dead] = "refused"
            await cluster.clock.advance(60_000)
            told = model.moment().brokers[dead].answered_ms
        async with Replay(tmp_path / "night") as replay:
            app = dashboard(replay, ":group/g", views=VIEWS)
            async with app.run_test(size=(160, 40)) as pilot:
                await settled(pilot)
                while replay.busy:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
                detail(pilot).draw()
                await settled(pilot)
                grid = detail(pilot).grid
                keys = [column.key for column in grid.columns]
                of_broker = {row.cells[1]: dict(zip(keys, row.cells, strict=False)) for row in grid.rows}
                assert (of_broker["broker-b"]["lag"], of_broker["broker-b"]["state"]) == (40, "unknown")
                since = {row.cells[1]: row.stale_since for row in grid.rows}
                assert since["broker-a"] is None
                assert told is not None and told - 10_000 <= (since["broker-b"] or 0) <= told

    run(flow)
