"""`c` on screens of one thing and on the overview: against ten minutes ago, or why not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from rich.style import Style
from textual.css.query import NoMatches
from textual.pilot import Pilot

from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.tui.app import Dashboard
from rocketmq_ops.tui.model.details.broker import statistics_section
from rocketmq_ops.tui.model.details.detail import Part, Section, table_of
from rocketmq_ops.tui.model.figures import minute_of_day, time_of_day
from rocketmq_ops.tui.model.moment import ClientSeen, Moment
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.screens.base import DashboardScreen
from rocketmq_ops.tui.screens.broker import BrokerScreen
from rocketmq_ops.tui.screens.overview import OverviewScreen
from rocketmq_ops.tui.screens.table import TableScreen
from rocketmq_ops.tui.widgets import grid_lines
from rocketmq_ops.tui.widgets.grid import Grid
from rocketmq_ops.tui.widgets.grid_columns import Slot
from rocketmq_ops.tui.widgets.grid_styles import Look, RowStyles
from rocketmq_ops.tui.widgets.grid_texts import Texts
from tests.tui.fakes import MINUTE, NOW_MS, FakeModel, dashboard, moment
from tests.tui.flows.driving import detail, press, rows, said, settled

_NAMES = (Column(key="name", title="Name"),)


def with_rate(time_ms: int, rate: float) -> Moment:
    found = moment(time_ms)
    first = next(iter(found.brokers))
    found.brokers[first] = msgspec.structs.replace(found.brokers[first], figures={"in_rate": rate})
    return found


def half_kept(screen: BrokerScreen) -> Sequence[Part]:
    """A part that is kept, and one that is not."""
    name, now = screen.address.name, screen.context.model.moment()

    async def statistics() -> Section:
        return statistics_section(name, now)

    async def producers() -> Section:
        return table_of(_NAMES, [Row(key="p", cells=("p",))])

    return (
        Part("statistics", "Statistics", statistics, lambda then: statistics_section(name, then)),
        Part("producers", "Producers", producers),
    )


def test_what_was_kept_is_compared_and_what_was_not_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BrokerScreen, "parts", half_kept)

    async def main() -> None:
        model = FakeModel(with_rate(NOW_MS, 70.0), [with_rate(NOW_MS - 20 * MINUTE, 50.0)])
        async with dashboard(model, ":broker/broker-a").run_test(size=(120, 30)) as pilot:
            await press(pilot)
            assert rows(pilot) == [["Messages in", "70/s"]]
            await press(pilot, "c")
            assert rows(pilot) == [["Messages in", "50/s → 70/s"]]
            assert "against 10 minutes ago" in str(pilot.app.screen.status())  # type: ignore[attr-defined]
            await press(pilot, "tab")
            assert rows(pilot) == [["p"]]
            assert "which it was not 10 minutes ago" in said(pilot, "#note")
            assert "10 minutes ago" not in str(pilot.app.screen.status())  # type: ignore[attr-defined]
            await press(pilot, "c")
            assert said(pilot, "#note") == ""
            await press(pilot, "shift+tab")
            assert rows(pilot) == [["Messages in", "70/s"]]

    asyncio.run(main())


def without_rows(screen: BrokerScreen) -> Sequence[Part]:
    """Parts that show no rows: of those that are kept one is empty and one fails, of the others one is text."""
    name = screen.address.name

    async def empty() -> Section:
        return table_of(_NAMES, [], "it has none")

    async def failed() -> Section:
        raise RocketMQError("no answer", "start it")

    async def text() -> Section:
        return Section(lines=("a line",))

    def then(moment: Moment) -> Section | None:
        return statistics_section(name, moment)

    return (
        Part("text", "Text", text),
        Part("empty", "Empty", empty),
        Part("failed", "Failed", failed),
        Part("kept empty", "Kept, empty", empty, then),
        Part("kept failed", "Kept, failed", failed, then),
        Part("kept text", "Kept, text", text, then),
    )


@pytest.mark.parametrize(
    ("part", "keeps", "why"),
    [
        ("text", False, "not kept"),
        ("empty", False, "not kept"),
        ("failed", False, "not kept"),
        ("text", True, "there are no rows here to compare"),
        ("empty", True, "there are no rows here to compare"),
        ("failed", True, "there are no rows here to compare"),
        ("kept empty", True, "there are no rows here to compare"),
        ("kept failed", True, "there are no rows here to compare"),
        ("kept text", True, "there are no rows here to compare"),
    ],
)
def test_a_part_without_rows_is_compared_with_nothing_and_says_why(
    monkeypatch: pytest.MonkeyPatch, part: str, keeps: bool, why: str
) -> None:
    monkeypatch.setattr(BrokerScreen, "KEEPS", keeps)
    monkeypatch.setattr(BrokerScreen, "parts", without_rows)

    async def main() -> None:
        model = FakeModel(with_rate(NOW_MS, 70.0), [with_rate(NOW_MS - 20 * MINUTE, 50.0)])
        async with dashboard(model, f":broker/broker-a?part={part}").run_test(size=(120, 30)) as pilot:
            await settled(pilot)
            assert detail(pilot).part == part
            before = said(pilot, "#note")
            await press(pilot, "c")
            assert why in said(pilot, "#note")
            assert before in said(pilot, "#note"), "why it shows nothing stays"
            assert "10 minutes ago" not in str(detail(pilot).status())
            await press(pilot, "c")
            assert said(pilot, "#note") == before

    asyncio.run(main())


def test_a_part_that_is_asked_for_claims_nothing_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        answers = asyncio.Event()

        async def statistics() -> Section:
            await answers.wait()
            return statistics_section("broker-a", with_rate(NOW_MS, 70.0))

        def then(moment: Moment) -> Section | None:
            return statistics_section("broker-a", moment)

        monkeypatch.setattr(BrokerScreen, "parts", lambda _: (Part("statistics", "Statistics", statistics, then),))
        model = FakeModel(with_rate(NOW_MS, 70.0), [with_rate(NOW_MS - 20 * MINUTE, 50.0)])
        async with dashboard(model, ":broker/broker-a").run_test(size=(120, 30)) as pilot:
            await pilot.press("c")
            assert said(pilot, "#note") == "asking …"
            assert "10 minutes ago" not in str(detail(pilot).status())
            answers.set()
            await settled(pilot)
            assert "against 10 minutes ago" in str(detail(pilot).status())

    asyncio.run(main())


def test_nothing_is_known_of_a_time_before_the_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BrokerScreen, "parts", half_kept)

    async def main() -> None:
        async with dashboard(FakeModel(with_rate(NOW_MS, 70.0)), ":broker/broker-a").run_test() as pilot:
            await press(pilot, "c")
            assert said(pilot, "#note") == "nothing is known of 10 minutes ago: nothing was recorded yet"
            assert rows(pilot) == [["Messages in", "70/s"]]

    asyncio.run(main())


def test_more_of_a_burden_is_a_warning_and_more_of_anything_else_is_none() -> None:
    columns = [Column(key=key, title=key, kind=Kind.COUNT, burden=key == "lag") for key in ("lag", "rate")]
    slots = [Slot(at, column, column.title, 12, 6, column.gap) for at, column in enumerate(columns)]
    colours = {"rose": "red", "fell": "green", "moved": "blue", "same": "white"}
    styles = RowStyles(*(Style(color=colours.get(name)) for name in RowStyles._fields))
    texts = Texts(str, str)

    def drawn(now: tuple[int, int]) -> list[tuple[str, str]]:
        before = {"a": Row(key="a", cells=(10, 10))}
        said = grid_lines.said(Row(key="a", cells=now), Look(Health.OK, False, False, ""), slots, texts, before)
        strip = grid_lines.drawn(said, slots, styles, 40)
        return [(part.text.strip(), part.style.color.name) for part in strip if part.style and part.style.color]

    assert drawn((17, 13)) == [("+7", "red"), ("+3", "blue")]
    assert drawn((3, 7)) == [("-7", "green"), ("-3", "blue")]
    assert drawn((10, 10)) == [("=", "white"), ("=", "white")]


def telling(monkeypatch: pytest.MonkeyPatch, answers: list[Section]) -> None:
    """The screen of a broker has one part, which is told these, one after the other; the last again and again."""

    async def told() -> Section:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    monkeypatch.setattr(BrokerScreen, "parts", lambda _: (Part("producers", "Producers", told),))


def named(*names: str, failures: tuple[Failure, ...] = ()) -> Section:
    section = table_of(_NAMES, [Row(key=name, cells=(name,)) for name in names], "nobody is there")
    return msgspec.structs.replace(section, failures=failures)


@pytest.mark.parametrize(
    ("now", "seen"),
    [
        (named("stays", "comes"), [["stays", ""], ["comes", "new"], ["goes", "gone"]]),
        (named("stays", "goes"), [["stays"], ["goes"]]),
        (named(), [["stays", "gone"], ["goes", "gone"]]),
        (named("comes", failures=(Failure("broker-b", "no answer", "start it"),)), [["comes", "new"]]),
    ],
    ids=["come and gone", "as it was", "all gone", "a part of it"],
)
def test_what_a_screen_was_told_is_kept_and_shows_what_is_new_and_what_is_gone(
    monkeypatch: pytest.MonkeyPatch, now: Section, seen: list[list[str]]
) -> None:
    telling(monkeypatch, [named("stays", "goes"), now])

    async def main() -> None:
        model = FakeModel(moment(NOW_MS), [moment(NOW_MS - 20 * MINUTE)])
        async with dashboard(model, ":broker/broker-a").run_test(size=(120, 30)) as pilot:
            await settled(pilot)
            model.turn(moment(NOW_MS + 10 * MINUTE))
            await press(pilot, "r", "c")
            assert rows(pilot) == seen
            assert "against 10 minutes ago" in str(detail(pilot).status())
            await press(pilot, "c")
            assert rows(pilot) == [row[:1] for row in seen if row[1:] != ["gone"]]

    asyncio.run(main())


def test_what_was_told_long_before_says_when(monkeypatch: pytest.MonkeyPatch) -> None:
    telling(monkeypatch, [named("a"), named("b")])

    async def main() -> None:
        model = FakeModel(moment(NOW_MS), [moment(NOW_MS - 20 * MINUTE)])
        async with dashboard(model, ":broker/broker-a").run_test(size=(120, 30)) as pilot:
            await settled(pilot)
            later = moment(NOW_MS + 40 * MINUTE)
            later.asked = model.now.asked
            model.turn(later)
            model.turn(moment(NOW_MS + 50 * MINUTE))
            await press(pilot, "r", "c")
            assert rows(pilot) == [["b", "new"], ["a", "gone"]]
            assert f"against {minute_of_day(NOW_MS)}, when it was asked last" in str(detail(pilot).status())

    asyncio.run(main())


def test_the_list_of_clients_shows_who_has_come_and_who_has_gone() -> None:
    def connected(time_ms: int, *names: str, whole: bool = True) -> Moment:
        found = moment(time_ms)
        found.clients = {
            name: ClientSeen(client_id=name, address="10.0.0.9:1", language="JAVA", version="V5_3_3", groups=("g",))
            for name in names
        }
        found.clients_whole = whole
        return found

    async def main() -> None:
        then = connected(NOW_MS - 20 * MINUTE, "stays", "goes")
        model = FakeModel(connected(NOW_MS, "stays", "comes"), [then])
        async with dashboard(model, ":clients", views=VIEWS).run_test(size=(120, 30)) as pilot:
            screen = pilot.app.screen
            assert isinstance(screen, TableScreen)

            def shown() -> dict[str, str]:
                return {row.cells[0]: row.cells[1] for row in screen.grid.rows}  # type: ignore[misc]

            await press(pilot, "c")
            assert shown() == {"stays": "", "comes": "new", "goes": "gone"}
            assert "against 10 minutes ago" in str(screen.status())
            model.now = connected(NOW_MS, "stays", "comes", whole=False)
            look(pilot, model)
            await settled(pilot)
            assert shown() == {"stays": "", "comes": "new"}, "not all groups have been asked yet"
            then.clients_whole = False
            look(pilot, model)
            await settled(pilot)
            assert shown() == {"stays": "consumer", "comes": "consumer"}
            assert "who has come and gone is not known" in said(pilot, "#note")

    asyncio.run(main())


def test_the_overview_compares_brokers_and_groups() -> None:
    async def main() -> None:
        model = FakeModel(with_rate(NOW_MS, 70.0), [with_rate(NOW_MS - 20 * MINUTE, 50.0)])
        async with dashboard(model).run_test(size=(120, 40)) as pilot:
            screen = pilot.app.screen
            assert isinstance(screen, OverviewScreen)
            await press(pilot, "c")
            drawn = ["".join(s.text for s in screen.query_one("#brokers Grid", Grid).render_line(y)) for y in (1, 2)]
            assert any("70/s" in line and "+20/s" in line for line in drawn), drawn
            assert "against 10 minutes ago" in str(screen.status())
            await press(pilot, "c")
            assert "10 minutes ago" not in str(screen.status())

    asyncio.run(main())


def test_a_list_without_figures_says_that_there_are_none_to_compare() -> None:
    async def main() -> None:
        model = FakeModel(moment(), [moment(NOW_MS - 20 * MINUTE)])
        async with dashboard(model, ":events", views=VIEWS).run_test(size=(120, 30)) as pilot:
            await press(pilot, "c")
            assert "there are no figures here to compare" in said(pilot, "#note")
            assert "10 minutes ago" not in str(pilot.app.screen.status())  # type: ignore[attr-defined]
            await press(pilot, "c")
            assert "compare" not in said(pilot, "#note")

    asyncio.run(main())


def look(pilot: Pilot[None], model: FakeModel) -> None:
    """Draw what the model has now."""
    model.grown()
    assert isinstance(pilot.app, Dashboard)
    pilot.app.look()


@pytest.mark.parametrize(("address", "where"), [(":overview", "#brokers Line"), (":groups", "#note")])
def test_it_is_not_said_to_be_compared_where_no_row_was_there_then(address: str, where: str) -> None:
    async def main() -> None:
        then = moment(NOW_MS - 20 * MINUTE, groups=3, brokers=1)
        model = FakeModel(moment(groups=3, brokers=1), [then])
        async with dashboard(model, address, views=VIEWS).run_test(size=(80, 40)) as pilot:
            await press(pilot, "c")
            screen = pilot.app.screen
            assert isinstance(screen, DashboardScreen)
            assert "against 10 minutes ago" in str(screen.status())
            then.brokers, then.groups = {}, {}
            look(pilot, model)
            await press(pilot)
            samples = time_of_day(then.time_ms)
            assert f"nothing of this is known of 10 minutes ago; samples since {samples}" in said(pilot, where)
            assert "10 minutes ago" not in str(screen.status())
            model.past.remove(then)
            look(pilot, model)
            await press(pilot)
            assert "nothing is known of 10 minutes ago: nothing was recorded yet" in said(pilot, where)
            model.busy = True
            look(pilot, model)
            await press(pilot)
            assert "reading what was 10 minutes ago …" in said(pilot, where)
            await press(pilot, "c")
            assert "10 minutes ago" not in said(pilot, where) + str(screen.status())

    asyncio.run(main())


def test_an_answer_that_comes_when_the_dashboard_has_ended_is_drawn_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BrokerScreen, "parts", half_kept)

    async def main() -> None:
        app = dashboard(FakeModel(with_rate(NOW_MS, 70.0)), ":broker/broker-a")
        async with app.run_test() as pilot:
            await press(pilot)
            screen = pilot.app.screen
            assert isinstance(screen, BrokerScreen)
            late = Part("statistics", "Statistics", lambda: asyncio.sleep(0, table_of(_NAMES, [])))
            await screen.query(Grid).remove()  # while it ends its widgets go before their screen
            with monkeypatch.context() as ending:
                ending.setattr(Dashboard, "is_running", property(lambda _: False))
                await screen._ask(late, screen._round)
            assert screen._sections["statistics"].table == table_of(_NAMES, []).table
            with pytest.raises(NoMatches):
                screen.draw_if_seen()  # which nobody calls then

    asyncio.run(main())


def test_the_overview_has_the_age_of_the_oldest_figures_of_brokers_beside_what_it_compares_with() -> None:
    async def main() -> None:
        seen = moment(brokers=3)
        late = seen.brokers["10.0.0.1:10911"]
        seen.brokers[late.address] = msgspec.structs.replace(
            late, answered_ms=NOW_MS - 3 * MINUTE, failing_since=NOW_MS - 3 * MINUTE
        )
        model = FakeModel(seen)
        async with dashboard(model, ":overview").run_test(size=(120, 30)) as pilot:
            await press(pilot)
            screen = pilot.app.screen
            assert isinstance(screen, OverviewScreen)
            assert "~ figures are from 3m before" in str(screen.status()), "another is silent for 1m"
            await press(pilot, "c")
            assert "~ figures are from 3m before" in str(screen.status())
            assert "nothing is known of 10 minutes ago: nothing was recorded yet" in said(pilot, "#brokers Line")
            model.turn(moment(brokers=1))
            await press(pilot)
            assert "figures are from" not in str(screen.status()), "all answer"

    asyncio.run(main())
