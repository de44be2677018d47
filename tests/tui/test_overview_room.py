"""How the lines of the overview are divided: what is wrong is seen first, and none stays empty while rows are hidden."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketmq_ops.tui.screens.overview_room import HEAD, Wish, shares
from rocketmq_ops.tui.widgets.grid import Grid
from rocketmq_ops.tui.widgets.lines import Line
from tests.tui.fakes import dashboard
from tests.tui.flows.driving import at_rest
from tests.tui.pictures import clusters

WISHES = st.lists(st.builds(Wish, st.integers(0, 300), st.integers(0, 300)), min_size=3, max_size=4)


@given(WISHES, st.integers(12, 80))
def test_all_lines_are_used_and_none_is_empty_while_rows_are_hidden(parts: list[Wish], room: int) -> None:
    lines = shares(room, parts)
    assert sum(lines) == room
    hidden = [part.rows > max(got - HEAD, 0) for part, got in zip(parts, lines, strict=True)]
    empty = [got > HEAD + part.rows for part, got in zip(parts, lines, strict=True)]
    assert not (any(hidden) and any(empty))
    assert all(got >= HEAD + min(part.rows, 1) or not part.rows for part, got in zip(parts, lines, strict=True))
    short = [min(part.first, part.rows) > got - HEAD for part, got in zip(parts, lines, strict=True)]
    more = [got - HEAD > max(min(part.first, part.rows), 1) for part, got in zip(parts, lines, strict=True)]
    assert not (any(short) and any(more)), "what is wrong comes before what is well"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_is_wrong_is_seen_of_each_part_and_what_is_not_has_a_mark(size: tuple[int, int], lang: str) -> None:
    async def main() -> None:
        app = dashboard(clusters.usual(), lang=lang)
        async with app.run_test(size=size) as pilot:
            await at_rest(pilot)
            for name, wrong in (("brokers", 1), ("groups", 3), ("alarms", 3), ("events", 1)):
                part = app.screen.query_one(f"#{name}")
                assert part.region.bottom <= app.screen.query_one("#time").region.y
                grid = part.query_one(Grid)
                seen = grid.region.height - 1
                assert seen >= wrong, name
                title = part.query_one(Line).render_line(0).text
                assert (f"(+{len(grid.rows) - seen}↓)" in title) == (seen < len(grid.rows)), title

    asyncio.run(main())
