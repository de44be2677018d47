"""Without a cluster: a damaged store, and the moment at which a broker died in a recorded session."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rocketmq_ops.tui.app import Dashboard
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details import store
from rocketmq_ops.tui.model.no_cluster import NoCluster
from rocketmq_ops.tui.model.replay import Replay
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.widgets.lines import TimeBar
from tests.store.inspect.damage import Sound, write_own_store, zero_record
from tests.tui.fakes import NOW_MS, dashboard
from tests.tui.flows.driving import detail, press, rows, said, settled
from tests.tui.model.cluster import Cluster, run


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def time_line(app: Dashboard) -> str:
    """What stands on the axis of time."""
    return "".join(segment.text for segment in app.screen.query_one(TimeBar).render_line(0)).strip()


def test_a_damaged_store_opens_and_says_what_is_damaged(tmp_path: Path) -> None:
    root = tmp_path / "a store"
    write_own_store(root, messages=120)
    place = Sound(root).plain()
    zero_record(Sound(root))

    async def flow() -> None:
        app = dashboard(NoCluster(NOW_MS), f":store/{str(root).replace(' ', '%20')}")
        async with app.run_test(size=(160, 40)) as pilot:
            await settled(pilot)
            found = rows(pilot)
            assert detail(pilot).part == "findings"
            assert time_line(app) == "", "a store has no time at which it was looked at"
            assert any(row[1].startswith("CL-") and row[0] in ("error", "critical") for row in found), found
            await press(pilot, "tab")
            section = detail(pilot).section
            assert section is not None and section.lines is not None
            damaged = [line for line in section.lines if "✗" in line]
            assert [line.split()[0] for line in damaged] == [place.file.name]
            for part in ("files", "queues", "small", "records"):
                await press(pilot, "tab")
                assert detail(pilot).part == part
                assert rows(pilot), part
            broken = [row for row in detail(pilot).grid.rows if row.cells[6] == "damaged"]
            assert [row.cells[0] for row in broken] == [place.offset]
            whole = next(row for row in detail(pilot).grid.rows if row.cells[6] == "whole")
            detail(pilot).grid.move_to(detail(pilot).grid.rows.index(whole))
            await press(pilot, "enter")
            assert detail(pilot).address.screen == "record"
            assert {"topic", "body"} <= {row[0] for row in rows(pilot)}

    asyncio.run(flow())


def test_where_there_is_no_room_for_all_the_queues_of_a_store_have_what_was_lost_and_where_they_end(
    tmp_path: Path,
) -> None:
    write_own_store(tmp_path / "store", messages=20)

    async def flow() -> None:
        app = dashboard(NoCluster(NOW_MS), f":store/{tmp_path}/store?part=queues")
        async with app.run_test(size=(64, 24)) as pilot:
            await settled(pilot)
            heading = "".join(segment.text for segment in detail(pilot).grid.render_line(0)).split()
            assert heading[:6] == ["Topic", "Queue", "Messages", "Lost", "End", "Last"]

    asyncio.run(flow())


def test_a_check_that_nobody_waits_for_ends_and_one_that_runs_says_how_far_it_is(tmp_path: Path) -> None:
    root = tmp_path / "store"
    write_own_store(root, messages=300)
    heard: list[float] = []

    async def ask(opening: store.Opening) -> None:
        await next(part for part in store.parts(opening) if part.key == "findings").ask()

    address = Address("store", str(root))
    with pytest.raises(store.LeftError):
        asyncio.run(ask(store.Opening(address=address, left=lambda: True)))
    asyncio.run(ask(store.Opening(address=address, progress=heard.append)))
    assert heard == sorted(heard)
    assert heard[-1] > 0.5


def test_a_folder_that_is_no_store_says_so(tmp_path: Path) -> None:
    async def flow() -> None:
        app = dashboard(NoCluster(NOW_MS), f":store/{str(tmp_path).replace(' ', '%20')}")
        async with app.run_test(size=(120, 30)) as pilot:
            await settled(pilot)
            assert "is not a store directory" in " ".join(said(pilot, "#note").split())

    asyncio.run(flow())


def test_scrubbing_to_the_moment_at_which_a_broker_died(tmp_path: Path) -> None:
    async def flow() -> None:
        cluster = Cluster()
        cluster.group("billing", 500, 100)
        address = "10.0.0.2:10911"
        async with cluster.watched(session=tmp_path / "session") as model:
            for turn in range(30):
                if turn == 15:
                    cluster.down[address] = "refused"
                await cluster.clock.advance(10_000)
            assert model.moment().brokers[address].dead
        async with Replay(tmp_path / "session") as replay:
            app = dashboard(replay, f":broker/{address}", views=VIEWS)
            async with app.run_test(size=(120, 30)) as pilot:

                async def read() -> None:
                    while replay.busy:  # noqa: ASYNC110
                        await asyncio.sleep(0.001)
                    app.screen.draw()  # type: ignore[attr-defined]
                    await settled(pilot)

                await read()
                assert "does not answer" in said(pilot, "#facts")
                assert "recorded at" in time_line(app)
                assert "paused" not in time_line(app), "nobody has paused it"
                died = replay.moment().brokers[address].failing_since
                assert died is not None
                for _ in range(60):
                    await pilot.press("left_square_bracket")
                    await read()
                    if "does not answer" not in said(pilot, "#facts"):
                        break
                assert "State answers" in said(pilot, "#facts")
                assert abs(replay.moment().time_ms - died) <= 30_000
                assert "as it was recorded" in said(pilot, "#note")

    run(flow)
