"""Every part of every screen on live clusters, ours and Apache's, says what only what happens there can have told it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.interop.apache import Driver, Pair
from tests.interop.dashboard_scene import (
    CHANGED,
    DIFFERING,
    HANGING,
    IN_ORDER,
    LETTERS,
    MESSAGES,
    ORDERS,
    QUEUES,
    REFUSES,
    STEPS,
    TRACED,
    Scene,
)
from tests.interop.ours import OurPair
from tests.tui.flows.driving import at_rest, settled
from textual.pilot import Pilot

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.common.secrets import REMOVED
from rocketmq_ops.common.topics import dlq_topic
from rocketmq_ops.mqadmin.dashboard import Spoken
from rocketmq_ops.tui.app import Dashboard
from rocketmq_ops.tui.context import Context, Options
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details.detail import Section
from rocketmq_ops.tui.model.live import LiveModel
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Table
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.places import catalogue
from rocketmq_ops.tui.screens.detail import DetailScreen
from rocketmq_ops.tui.screens.table import TableScreen

#: A group is said to be stalled when it has been watched for long enough, and an alarm a while later.
LIMIT_SECONDS = 120
NOT_TO_BE_SEEN = "NobodyShallSee77"
#: A broker tells the header to whoever asks for its configuration, also where nothing is exported.
SETTINGS = {"traceTopicEnable": "true", "metricsGrpcExporterHeader": f"authorization:Bearer {NOT_TO_BE_SEEN}"}
Rows = list[dict[str, Any]]
#: What a part has to say: it raises AssertionError.
Check = Callable[["Seen"], None]


class Seen(NamedTuple):
    """What a part shows."""

    section: Section
    scene: Scene

    @property
    def rows(self) -> Rows:
        return rows_of(self.section.table)

    @property
    def facts(self) -> dict[str, Any]:
        return {fact.name: fact.value for fact in self.section.facts}

    def row(self, **cells: Any) -> dict[str, Any]:
        """The one row with these cells."""
        (found,) = (row for row in self.rows if row.items() >= cells.items())
        return found

    def total(self, column: str, **cells: Any) -> Any:
        """The sum of a column over the rows with these cells, each of which is known."""
        return sum(row[column] for row in self.rows if row.items() >= cells.items())


def rows_of(table: Table | None) -> Rows:
    """Rows by the keys of their columns."""
    assert table is not None
    return [dict(zip([column.key for column in table.columns], row.cells, strict=True)) for row in table.rows]


class Visit(NamedTuple):
    """A screen at an address, and what its parts have to say; a list has one part."""

    address: Address
    parts: dict[str, Check]


def holds(what: Callable[[Seen], object]) -> Check:
    """That it is so."""

    def check(seen: Seen) -> None:
        assert what(seen), [seen.facts, seen.section.note, *(seen.rows if seen.section.table is not None else [])]

    return check


def lists(scene: Scene, broker_address: str) -> list[Visit]:
    """The screens that are lists."""
    name = scene.namesrv

    def group(seen: Seen) -> None:
        row = seen.row(group=HANGING)
        assert (row["state"], row["lag"], row["clients"]) == ("stalled", MESSAGES, 1)
        assert seen.row(group=IN_ORDER)["state"] == "ok"
        assert seen.row(group=IN_ORDER)["rate"] > 0

    def topics(seen: Seen) -> None:
        assert seen.row(topic=ORDERS)["write"] == QUEUES
        assert seen.row(topic=STEPS)["in"] > 0

    def clients(seen: Seen) -> None:
        row = seen.row(client=scene.hanging_client, kind="consumer")
        assert (row["groups"], row["language"]) == (HANGING, scene.hanging_language)

    return [
        Visit(Address("groups"), {"": group}),
        Visit(Address("topics"), {"": topics}),
        Visit(Address("brokers"), {"": holds(lambda seen: seen.row(address=broker_address, state="ok")["in"] > 0)}),
        Visit(Address("clients"), {"": clients}),
        Visit(
            Address("nameservers"),
            {"": holds(lambda seen: seen.row(address=name, state="ok", brokers=1)["topics"] > 3)},
        ),
        Visit(Address("alarms"), {"": holds(lambda seen: seen.row(target=HANGING, text="stalled")["since"])}),
        Visit(Address("events"), {"": holds(lambda seen: seen.row(kind="topic", target=CHANGED)["text"])}),
    ]


def of_one_thing(scene: Scene, broker_address: str, record: str) -> list[Visit]:
    """The screens of one thing."""
    java = scene.hanging_language == "JAVA"
    client = scene.hanging_client
    letter = "a letter that nobody takes"

    def queues(seen: Seen) -> None:
        assert seen.total("lag", topic=ORDERS) == MESSAGES
        assert {row["owner"] for row in seen.rows if row["topic"] == ORDERS} == {client}

    def clients(seen: Seen) -> None:
        row = seen.row(client=client)
        assert MESSAGES - QUEUES <= row["cached"] <= MESSAGES
        assert row["language"] == scene.hanging_language

    def held(seen: Seen) -> None:
        assert MESSAGES - QUEUES <= seen.total("cached", topic=ORDERS) <= MESSAGES
        assert seen.facts["In order"] == ("yes" if java else "no")

    def threads(seen: Seen) -> None:
        assert any(scene.threads in line for line in seen.section.lines or ())

    def problems(seen: Seen) -> None:
        assert "subscriptions differ" in {row["kind"] for row in seen.rows}

    def given_up(seen: Seen) -> None:
        assert seen.row(topic=dlq_topic(REFUSES))["messages"] == 1

    def readers(seen: Seen) -> None:
        assert seen.row(group=HANGING)["lag"] == MESSAGES
        assert seen.row(group=TRACED)["lag"] == 0

    def consumed(seen: Seen) -> None:
        assert seen.row(group=HANGING)["state"] == "not consumed yet"
        assert seen.row(group=TRACED)["state"] == "consumed"

    def trace(seen: Seen) -> None:
        assert [(row["what"], row["group"], row["result"]) for row in seen.rows] == [
            ("sent", "shop", "success"),
            ("consumed", TRACED, "success"),
        ]

    def dead_letter(seen: Seen) -> None:
        (row,) = seen.rows
        assert (row["origin"], row["key"], row["body"]) == (LETTERS, "letter-1", letter)

    def journal(seen: Seen) -> None:
        (row,) = (row for row in seen.rows if row["line"].startswith(f"mqadmin updateTopicPerm -t {CHANGED}"))
        assert (row["state"], row["things"]) == ("done", 1)

    def value(name: str) -> Callable[[Seen], Any]:
        return lambda seen: seen.row(name=name)["value"]

    message = Address("message", ORDERS, (("id", scene.order_ids[f"order-{MESSAGES - 1}"]),))

    def configuration(seen: Seen) -> None:
        assert "broker-a" in seen.row(name="brokerName").values()
        told = str(seen.row(name="metricsGrpcExporterHeader"))
        assert "authorization" in told and REMOVED in told

    broker, server = Address("broker", "broker-a"), Address("name-server", scene.namesrv)
    store = str(scene.store)
    return [
        Visit(
            Address("group", HANGING),
            {
                "queues": queues,
                "clients": clients,
                "subscriptions": holds(lambda seen: "*" in seen.section.table.rows[0].cells),  # type: ignore[union-attr]
                "settings": holds(lambda seen: "7" in map(str, seen.row(name="retryMaxTimes").values())),
            },
        ),
        Visit(Address("group", DIFFERING), {"problems": problems}),
        Visit(Address("group", REFUSES), {"given-up": given_up}),
        Visit(
            Address("topic", ORDERS),
            {
                "queues": holds(lambda seen: (len(seen.rows), seen.total("messages")) == (QUEUES, MESSAGES)),
                "groups": readers,
                "route": holds(lambda seen: seen.row(broker="broker-a")["master"] == broker_address),
                "settings": holds(lambda seen: str(QUEUES) in map(str, seen.row(name="writeQueueNums").values())),
            },
        ),
        Visit(
            Address("client", client, (("group", HANGING), ("threads", "1"))),
            {
                "queues": held,
                "subscriptions": holds(lambda seen: seen.row(topic=ORDERS)["expression"] == "*"),
                "settings": holds(lambda seen: seen.rows),
                "threads": threads,
            },
        ),
        Visit(
            Address("messages", ORDERS),
            {"messages": holds(lambda seen: {row["key"] for row in seen.rows} == scene.order_ids.keys())},
        ),
        Visit(
            message,
            {
                "body": holds(lambda seen: f'  "order": {MESSAGES - 1}' in (seen.section.lines or ())),
                "consumed": consumed,
                "trace": trace,
                "properties": holds(lambda seen: value("KEYS")(seen) == f"order-{MESSAGES - 1}"),
            },
        ),
        Visit(
            Address("message", LETTERS, (("broker", "broker-a"), ("queue", "0"), ("offset", "0"))),
            {"consumed": holds(lambda seen: seen.row(group=REFUSES)["state"] == "given up")},
        ),
        Visit(Address("dead-letters", REFUSES), {"letters": dead_letter}),
        Visit(
            broker,
            {
                "figures": holds(lambda seen: value("putTps")(seen)),
                "statistics": holds(lambda seen: seen.rows),
                "configuration": configuration,
                "replication": holds(lambda seen: seen.section.facts or seen.section.note),
                "producers": holds(lambda seen: seen.row(group="stepper")["client"].endswith("stepper")),
            },
        ),
        Visit(
            server,
            {
                "brokers": holds(lambda seen: seen.row(address=broker_address)["here"] == "listed"),
                "configuration": holds(
                    lambda seen: scene.namesrv.rpartition(":")[2] in seen.row(name="listenPort").values()
                ),
            },
        ),
        Visit(
            Address("store", store),
            {
                "findings": holds(
                    lambda seen: not [row for row in seen.rows if row["severity"] in ("error", "critical")]
                ),
                "map": holds(lambda seen: "00000000000000000000" in "\n".join(seen.section.lines or ())),
                "files": holds(lambda seen: any(row["kind"] == "commitlog" and row["used"] for row in seen.rows)),
                "queues": holds(lambda seen: seen.total("messages", topic=ORDERS) == MESSAGES),
                "small": holds(lambda seen: any("topics.json" in row["file"] for row in seen.rows)),
                "records": holds(lambda seen: [row["topic"] for row in seen.rows].count(ORDERS) == MESSAGES),
            },
        ),
        Visit(
            Address("record", store, (("at", record),)),
            {
                "fields": holds(lambda seen: seen.facts["Topic"] == ORDERS),
                "body": holds(lambda seen: '{"order": 0}' in (seen.section.lines or ())),
                "bytes": holds(lambda seen: "da a3 20 a7" in (seen.section.lines or ("",))[0]),
            },
        ),
        Visit(Address("doctor"), {"findings": holds(lambda seen: any(REFUSES in row["target"] for row in seen.rows))}),
        Visit(
            Address("probe"),
            {
                "findings": holds(lambda seen: seen.facts),
                "figures": holds(lambda seen: any("broker-a" in row["target"] for row in seen.rows)),
                "groups": holds(lambda seen: seen.row(group=HANGING)["lag"] == MESSAGES),
                "failures": holds(lambda seen: seen.rows == []),
            },
        ),
        Visit(Address("journal"), {"": journal}),
        Visit(Address("views"), {"": holds(lambda seen: seen.rows == [])}),
    ]


class Tour:
    """The dashboard on a scene."""

    def __init__(self, scene: Scene, pilot: Pilot[None], model: LiveModel) -> None:
        self.scene, self.pilot, self.model = scene, pilot, model
        self.wrong: list[str] = []

    @property
    def app(self) -> Dashboard:
        assert isinstance(self.pilot.app, Dashboard)
        return self.pilot.app

    async def until(self, shown: Callable[[Moment], object]) -> None:
        """Wait for what the model says."""
        changed = asyncio.Event()
        self.model.on_change(changed.set)
        async with asyncio.timeout(LIMIT_SECONDS):
            while not shown(self.model.moment()):
                changed.clear()
                await changed.wait()
        self.app.look()
        await at_rest(self.pilot)

    async def visit(self, visit: Visit) -> set[tuple[str, str]]:
        """Look at a screen; the parts that it has."""
        self.app.go(visit.address)
        await settled(self.pilot)
        screen = self.app.screen
        if isinstance(screen, DetailScreen):
            assert str(screen.address) == str(visit.address)
            assert not screen.waiting
            sections = screen._sections
            failed = {key: section.failures for key, section in sections.items() if section.failures}
            assert failed == {}, visit.address
        else:
            assert isinstance(screen, TableScreen)
            assert screen.table is not None
            sections = {"": Section(table=screen.table)}
        if NOT_TO_BE_SEEN in screen_text(self.pilot) or any(NOT_TO_BE_SEEN in repr(each) for each in sections.values()):
            self.wrong.append(f"{visit.address} shows a password")
        for part, check in visit.parts.items():
            section = sections[part or next(iter(sections))]
            try:
                check(Seen(section, self.scene))
            except Exception as error:
                shown = section.table.rows if section.table is not None else section.lines
                self.wrong.append(f"{visit.address} {part}: {type(error).__name__} {error} {section.note} {shown}")
        return {(visit.address.screen, part) for part in sections}


def screen_text(pilot: Pilot[None]) -> str:
    """All lines of the screen."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def tour(scene: Scene, broker_address: str) -> None:
    """All screens, one after the other; what is changed is seen as an event."""
    async with MQAdmin([scene.namesrv], timeout_ms=10_000) as admin, LiveModel(admin) as model:
        options = Options(address=Address("overview"), follows=False, theme="dark", write=True)
        places = catalogue(VIEWS)
        app = Dashboard(Context(model, Spoken(), places, options, admin=admin, changer=scene.changer()))
        async with app.run_test(size=(200, 50)) as pilot:
            going = Tour(scene, pilot, model)
            await going.until(lambda moment: moment.topics_ms and CHANGED in moment.topics)
            planned = await scene.changer().plan(["updateTopicPerm", "-t", CHANGED, "-b", broker_address, "-p", "4"])
            await scene.changer().make(planned, "yes")
            model.refresh()
            await going.until(lambda moment: any(event.target == CHANGED for event in moment.events))
            await going.until(
                lambda moment: (
                    any(alarm.target == HANGING for alarm in moment.alarms)
                    and any(client.client_id == scene.hanging_client for client in moment.clients.values())
                    and moment.groups[HANGING].members == 1
                    and (moment.topics[STEPS].in_rate or 0) > 0
                )
            )
            text = screen_text(pilot)
            for said in (HANGING, "stalled", "broker-a", "perm: 6 -> 4"):
                assert said in text, said
            assert any(HANGING in line and f" {MESSAGES} " in line for line in text.splitlines())

            await going.visit(Visit(Address("store", str(scene.store)), {}))
            screen = app.screen
            assert isinstance(screen, DetailScreen)
            records = rows_of(screen._sections["records"].table)
            first = next(row["offset"] for row in records if row["topic"] == ORDERS)
            visits = [*lists(scene, broker_address), *of_one_thing(scene, broker_address, str(first))]
            shown: set[tuple[str, str]] = set()
            for each in visits:
                shown |= await going.visit(each)
            assert not going.wrong, "\n".join(going.wrong)
            demanded = {(visit.address.screen, part) for visit in visits for part in visit.parts}
            single = {screen for screen, _ in shown if len([part for at, part in shown if at == screen]) == 1}
            missing = {(at, part) for at, part in shown - demanded if at not in single}
            assert missing == set(), "nothing is demanded of these parts"
            assert {place.name for place in places.places} == {"overview", *(at for at, _ in demanded)}


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("ROCKETMQ_OPS_JOURNAL", raising=False)
    return


def test_every_part_of_every_screen_on_our_pair(tmp_path: Path) -> None:
    pair = OurPair(tmp_path / "ours", settings=SETTINGS)

    async def test() -> None:
        scene = Scene(pair.namesrv_address, pair.store)
        async with scene.begun():
            await tour(scene, pair.broker_address)

    try:
        asyncio.run(test())
    finally:
        pair.kill()


def test_every_part_of_every_screen_on_apaches_pair_with_a_java_consumer_that_hangs(
    tmp_path: Path, drivers: Callable[[str], Driver]
) -> None:
    pair = Pair("5.3.3", tmp_path / "apache", settings=SETTINGS)

    async def test() -> None:
        scene = Scene(pair.namesrv_address, pair.broker.store)
        async with scene.begun(drivers("5.3.3")):
            await tour(scene, pair.broker_address)

    try:
        asyncio.run(test())
    finally:
        pair.kill()
