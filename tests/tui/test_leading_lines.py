"""The two lines at the top: a click on a screen of the path goes back to it, one on a part of the verdict to what that
is about."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.moment import Said, Verdict
from rocketmq_ops.tui.model.table import Health
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.widgets.lines import Line
from tests.tui.fakes import NOW_MS, FakeModel, dashboard, moment
from tests.tui.flows.driving import settled

WRONG = Verdict(
    Health.CRITICAL,
    (
        Said("1 of 30 groups stalled", NOW_MS, Address("group", "group-00001")),
        Said("没有应答", NOW_MS, Address("brokers"), target="broker-b"),
        Said("something else"),
    ),
)


async def click(pilot: Pilot[None], line: str, text: str) -> list[str]:
    """In the middle of a text of the line; the path from then on."""
    app: Any = pilot.app
    seen = app.screen.query_one(line, Line).render_line(0).text
    at = cell_len(seen[: seen.index(text)]) + cell_len(text) // 2
    await pilot.click(line, offset=(at, 0))
    await settled(pilot)
    return [str(address) for address in app.trail()]


@pytest.mark.parametrize("width", [160, 60])
def test_a_click_goes_back_along_the_path_and_to_what_is_wrong(width: int) -> None:
    async def main() -> None:
        now = msgspec.structs.replace(moment(groups=30), verdict=WRONG)
        app = dashboard(FakeModel(now), ":groups?sort=-lag", views=VIEWS)
        async with app.run_test(size=(width, 24)) as pilot:
            await settled(pilot)
            there = [":overview", ":groups?sort=-lag"]
            if width > 100:
                assert await click(pilot, "#verdict", "没有应答") == [*there, ":brokers"]
                assert await click(pilot, "#verdict", "something else") == [*there, ":brokers"], "it leads nowhere"
                assert await click(pilot, "#path", "›") == [*there, ":brokers"]
                assert await click(pilot, "#path", "read-only") == [*there, ":brokers"]
                assert await click(pilot, "#path", "groups") == there
            assert await click(pilot, "#verdict", "groups stalled") == [*there, ":group/group-00001"]
            assert await click(pilot, "#path", "group-00001") == [*there, ":group/group-00001"]
            if width < 100:
                path = app.screen.query_one("#path", Line).render_line(0).text
                assert "overview" not in path, "there is no room for the whole way"
                assert await click(pilot, "#path", "groups") == there
            assert await click(pilot, "#path", "overview" if width > 100 else "test") == [":overview"]

    asyncio.run(main())
