"""What stays of what a part was told before, and what does not."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from rocketmq_ops.client.admin.groups.consumer_status import ClientStatus, ConsumerStatusReport, Problem, RunningInfo
from rocketmq_ops.client.admin.groups.group import BrokerGroupConfig, GroupConfigs
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.asked import Asked, told
from rocketmq_ops.tui.model.details import group, group_clients, last
from rocketmq_ops.tui.model.details.broker import config_section
from rocketmq_ops.tui.model.details.detail import ABSENT, Asking, Part, Section, also, side_by_side, table_of
from rocketmq_ops.tui.model.details.last import Last, with_last
from rocketmq_ops.tui.model.moment import BrokerSeen, Moment
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, Value
from tests.tui.fakes import MINUTE, NOW_MS, FakeModel
from tests.tui.model.details import made_up

A, B = "10.0.0.1:10911", "10.0.0.2:10911"
STUCK = "blocked java@1 orders broker-a:0"


def client(name: str, *brokers: str, said: RunningInfo | None = None, port: int = 5000) -> ClientStatus:
    return ClientStatus(
        client_id=name, client_addr=f"10.1.0.1:{port}", language="JAVA", version="V5_3_3", brokers=list(brokers),
        info=said,
    )  # fmt: skip


def report(*clients: ClientStatus, stuck: str = "", silent: str = "") -> ConsumerStatusReport:
    """What they say; `stuck`: a client with a stuck queue, `silent`: a broker that did not tell which it has."""
    problems = [Problem("blocked", "has 7 messages", stuck, "orders", "broker-a", 0)] if stuck else []
    failures = [
        Failure(f"client {each.client_id} ({each.client_addr})", "no answer within 3000 ms", "")
        for each in clients
        if each.info is None
    ]
    failures += [Failure(silent, "connection refused", "")] if silent else []
    return ConsumerStatusReport(
        made_up.GROUP, "CONSUME_PASSIVELY", "CLUSTERING", list(clients), None, None, problems, failures
    )


async def nothing() -> Section:
    return Section()


PART = Part("part", "Part", nothing)


def shown(*sections: Section, kept: bool = False) -> Section:
    """What is shown after these answers, one a minute; `kept`: each by another screen, by what was kept."""
    before: Last | None = None
    for number, section in enumerate(sections):
        now_ms = NOW_MS + number * MINUTE
        found = with_last(section, PART, Moment(time_ms=now_ms), before)
        if kept:
            texts = Asked()
            texts.put("part", found, now_ms)
            known = told(texts.texts, "part")
            assert known is not None
            before = Last(known.section, known.asked_ms)
        else:
            before = Last(found, now_ms)
    return found


def keys(section: Section) -> list[str]:
    assert section.table is not None
    return [row.key for row in section.table.rows]


def clients_of(*reports: ConsumerStatusReport, kept: bool = False) -> Section:
    return shown(*(group_clients.client_section(made_up.GROUP, each) for each in reports), kept=kept)


def problems_of(*reports: ConsumerStatusReport) -> Section:
    return shown(*(group_clients.problem_section(made_up.GROUP, each) for each in reports))


def answers() -> RunningInfo:
    return made_up.info("*")


def test_a_problem_of_a_client_that_has_left_does_not_stay_as_another_client_never_answers() -> None:
    """Those in Go and Node do not."""
    stuck = report(client("go@1", A, B), client("java@1", A, B, said=answers()), stuck="java@1")
    assert keys(problems_of(stuck)) == [STUCK]
    found = problems_of(stuck, report(client("go@1", A, B), client("java@2", A, B, said=answers())))
    assert (keys(found), found.health) == ([], Health.UNKNOWN)


def test_a_problem_stays_while_its_client_is_there_and_does_not_answer() -> None:
    stuck = report(client("java@1", A, said=answers()), stuck="java@1")
    found = problems_of(stuck, report(client("java@1", A)))
    assert found.table is not None
    assert [(row.key, row.stale_since, row.health) for row in found.table.rows] == [(STUCK, NOW_MS, Health.CRITICAL)]
    assert keys(problems_of(stuck, report(client("java@1", A, said=answers()), client("go@1", A)))) == []


@pytest.mark.parametrize(("on", "stays"), [((B,), True), ((A, B), False)], ids=["there alone", "beside another"])
def test_who_was_on_a_silent_broker_alone_may_be_there_still(on: tuple[str, ...], stays: bool) -> None:
    other = client("java@2", A, said=answers())
    before = report(client("java@1", *on, said=answers()), other, stuck="java@1")
    after = report(other, silent=B)
    assert keys(problems_of(before, after)) == ([STUCK] if stays else [])
    for kept in (False, True):
        found = clients_of(before, after, kept=kept)
        assert ("java@1 10.1.0.1:5000" in keys(found)) is stays
        assert len(keys(found)) == 1 + stays


@pytest.mark.parametrize("kept", [False, True], ids=["one screen", "opened anew"])
def test_clients_that_are_started_again_leave_no_rows_while_a_broker_is_silent(kept: bool) -> None:
    reports = [report(client(f"java@{number}", A, said=answers()), silent=B) for number in range(50)]
    assert keys(clients_of(*reports, kept=kept)) == ["java@49 10.1.0.1:5000"]


def test_a_client_has_one_row_whichever_broker_tells_of_it() -> None:
    """Each sees an address of its own; that of the first is shown."""
    both, one = client("java@1", A, B, said=answers()), client("java@1", B, said=answers(), port=5001)
    assert keys(clients_of(report(both), report(one, silent=A))) == ["java@1 10.1.0.1:5001"]


def test_subscriptions_of_clients_that_have_left_do_not_stay() -> None:
    def subscriptions_of(*reports: ConsumerStatusReport) -> Section:
        return shown(*map(group_clients.subscription_section, reports))

    before = report(client("java@1", A, said=answers()))
    found = subscriptions_of(before, report(client("go@1", A)))
    assert (keys(found), found.health) == ([], Health.UNKNOWN)
    assert found.table is not None and found.table.note
    found = subscriptions_of(before, report(client("java@1", A)))
    assert found.table is not None
    assert [(row.cells[2:], row.stale_since) for row in found.table.rows] == [(("*",), NOW_MS)]


def test_rows_that_stay_are_bounded_those_that_were_told_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last, "MOST_LEFT", 3)
    columns = (Column(key="a", title="A"),)

    def section(number: int) -> Section:
        row = Row(key=str(number), cells=(number,))
        made = table_of(columns, [row])
        return Section(table=made.table, failures=(Failure(A, "refused", ""),), lacks=lambda _: Health.UNKNOWN)

    assert set(keys(shown(*map(section, range(9))))) == {"8", "7", "6", "5"}


def test_what_a_broker_told_of_a_groups_settings_stands_beside_a_silent_one_of_its_name() -> None:
    async def configs(name: str) -> GroupConfigs:
        return GroupConfigs(
            name,
            [BrokerGroupConfig("C1", "broker-a", A, {"retryMaxTimes": 16}),
             BrokerGroupConfig("C2", "broker-a", "10.0.0.3:10911", {"retryMaxTimes": 7})],
            [], [], [Failure(B, "connection refused", "")],
        )  # fmt: skip

    seen = BrokerSeen(address=B, cluster="C3", broker_name="broker-a", broker_id=0)
    admin: object = SimpleNamespace(groups=SimpleNamespace(configs=configs))
    model = FakeModel(Moment(time_ms=NOW_MS, brokers={B: seen}))
    parts = group.parts(Asking(admin=admin, model=model, address=Address("group", "G")))  # type: ignore[arg-type]
    section = asyncio.run(next(part for part in parts if part.key == "settings").ask())  # type: ignore[arg-type]
    assert section.table is not None
    assert [row.cells for row in section.table.rows] == [("retryMaxTimes", "between them", 16, 7)]


def beside(a: dict[str, Value] | None, b: dict[str, Value] | None, *, turned: bool = False) -> Section:
    sources = {"b": b, "a": a} if turned else {"a": a, "b": b}
    failures = [Failure(name, "connection refused", "") for name, values in sources.items() if values is None]
    return also(side_by_side("Setting", sources, expected={"x": "1"}, expected_title="Default"), failures)


def cells(section: Section) -> dict[str, tuple[tuple[Value, ...], Health, int | None]]:
    assert section.table is not None
    assert [column.key for column in section.table.columns] == ["name", "differs", "of a", "of b", "expected"]
    return {row.key: (row.cells[1:4], row.health, row.stale_since) for row in section.table.rows}


@pytest.mark.parametrize("kept", [False, True], ids=["one screen", "opened anew"])
def test_the_column_of_who_is_silent_stays_as_it_was_told_beside_what_the_others_say_now(kept: bool) -> None:
    told = beside({"x": "1", "y": "2", "z": "3"}, {"x": "1", "y": "2", "w": "4"})
    silent = beside({"x": "1", "y": "7", "new": "5"}, None, turned=True)
    for times in (1, 2):
        found = shown(told, *[silent] * times, kept=kept)
        assert cells(found) == {
            "x": (("", "1", "1"), Health.UNKNOWN, NOW_MS),
            "y": (("between them", "7", "2"), Health.WARNING, NOW_MS),
            "w": (("between them", ABSENT, "4"), Health.WARNING, NOW_MS),
            "new": (("", "5", None), Health.OK, None),
        }
        assert found.health is Health.WARNING
    assert cells(shown(told, silent, told, kept=kept)) == cells(told)


def test_what_differs_as_each_has_its_own_is_no_difference_when_one_falls_silent() -> None:
    own, others = {"brokerName": "a"}, {"brokerName": "b", "flushDiskType": "SYNC_FLUSH"}
    a = {**own, "flushDiskType": "ASYNC_FLUSH"}
    section = shown(config_section({"a": a, "b": others}, "5.3"), config_section({"a": a, "b": None}, "5.3"))
    assert cells(section) == {
        "flushDiskType": (("between them", "ASYNC_FLUSH", "SYNC_FLUSH"), Health.WARNING, NOW_MS),
        "brokerName": (("its own", "a", "b"), Health.UNKNOWN, NOW_MS),
    }
    counts = [fact.value for fact in section.facts if fact.kind is Kind.COUNT]
    assert counts == [1, 0], "what is shown is counted"
