"""The dashboard on live clusters: ours and Apache's, also while a broker dies and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.interop.apache import Pair
from tests.interop.ours import BIN, OurPair
from tests.interop.processes import Child
from textual.pilot import Pilot

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.mqadmin.dashboard import Spoken
from rocketmq_ops.tui.app import Dashboard
from rocketmq_ops.tui.context import Context, Options
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.live import LiveModel
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Health
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.places import catalogue
from rocketmq_ops.tui.screens.table import TableScreen

LIMIT_SECONDS = 60


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


class Watching:
    """The application on a cluster, and what its screen says."""

    def __init__(self, pilot: Pilot[None], model: LiveModel) -> None:
        self.pilot, self.model = pilot, model

    async def until(self, holds: Callable[[Moment], bool]) -> None:
        """Wait for what the model says."""
        changed = asyncio.Event()
        self.model.on_change(changed.set)
        async with asyncio.timeout(LIMIT_SECONDS):
            while not holds(self.model.moment()):
                changed.clear()
                await changed.wait()
        app = self.pilot.app
        assert isinstance(app, Dashboard)
        app.look()
        await self.pilot.pause()

    def screen(self) -> str:
        """All lines of the screen."""
        strips = self.pilot.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def watch(namesrv: str, at: str, test: Callable[[Watching], Awaitable[None]]) -> None:
    async def main() -> None:
        async with MQAdmin([namesrv], timeout_ms=2000) as admin, LiveModel(admin) as model:
            options = Options(address=Address(at), follows=False, theme="dark")
            app = Dashboard(Context(model, Spoken(), catalogue(VIEWS), options, admin=admin))
            async with app.run_test(size=(220, 40)) as pilot:
                await test(Watching(pilot, model))

    asyncio.run(main())


def ours(folder: Path) -> tuple[OurPair, Child, Callable[[], Child]]:
    """Our pair, its broker, and what starts that again once it is ready."""
    pair = OurPair(folder)

    def again() -> Child:
        child = Child("our broker again", [str(BIN / "mqbroker"), "-c", str(folder / "broker.conf")], cwd=folder)
        child.wait_for("boot success")
        return child

    return pair, pair.broker, again


def apaches(folder: Path) -> tuple[Pair, Child, Callable[[], Child]]:
    """The same of a pair of Apache's that no other test has."""
    pair = Pair("5.3.3", folder)

    def again() -> Child:
        pair.broker.start_again()
        pair.broker.wait_ready()
        return pair.broker.child

    return pair, pair.broker.child, again


@pytest.mark.parametrize("started", [pytest.param(ours, id="ours"), pytest.param(apaches, id="apache-5.3.3")])
def test_a_broker_dies_and_comes_back(
    started: Callable[[Path], tuple[OurPair | Pair, Child, Callable[[], Child]]], tmp_path: Path
) -> None:
    pair, child, start_again = started(tmp_path / "pair")
    again: Child | None = None

    async def test(watching: Watching) -> None:
        nonlocal again

        def broker(moment: Moment):  # type: ignore[no-untyped-def]
            return moment.brokers.get(pair.broker_address)

        await watching.until(lambda moment: bool(broker(moment) and broker(moment).figures and moment.groups_ms))
        assert "nothing is wrong" in watching.screen()
        child.kill()
        await watching.until(lambda moment: broker(moment).dead and moment.verdict.health is Health.CRITICAL)
        screen = watching.screen()
        assert "broker-a" in screen
        assert "does not answer" in screen
        assert "nothing is wrong" not in screen
        again = await asyncio.to_thread(start_again)  # the dashboard watches meanwhile
        await watching.until(lambda moment: not broker(moment).dead)
        assert "answers again" in watching.screen()

    try:
        watch(pair.namesrv_address, "overview", test)
    finally:
        if again is not None:
            again.stop()
        pair.kill()


def test_a_cluster_of_apaches_is_shown(apache_pairs: Callable[[str], Pair]) -> None:
    pair = apache_pairs("5.3.3")

    async def test(watching: Watching) -> None:
        await watching.until(
            lambda moment: bool(moment.topics_ms and any(seen.version for seen in moment.brokers.values()))
        )
        screen = watching.pilot.app.screen
        assert isinstance(screen, TableScreen)
        (row,) = screen.grid.rows
        assert row.key == pair.broker_address
        assert "V5_3_3" in watching.screen()
        await watching.pilot.press("colon", *"topics?all", "enter")
        await watching.pilot.pause()
        screen = watching.pilot.app.screen
        assert isinstance(screen, TableScreen)
        assert "TBW102" in {row.key for row in screen.grid.rows}

    watch(pair.namesrv_address, "brokers", test)
