"""The forms `wide` and `name`, of any command and of those that stream."""

from __future__ import annotations

import msgspec
import pytest

from rocketmq_ops.mqadmin import registry
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.output import Rows, csv_columns, name_column, render
from rocketmq_ops.mqadmin.render.streaming import Stream
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.test_declarations import declaration


class Place(msgspec.Struct, rename="camel"):
    """Where a broker is."""

    address: str
    zone: str | None = None


class Item(msgspec.Struct, rename="camel"):
    """A row."""

    broker_name: str | None
    size: int
    place: Place | None = None
    tags: list[str] = []
    config: dict[str, int] = {}


class Result(msgspec.Struct, rename="camel"):
    """A result with rows."""

    items: list[Item]


def text(form: str, *items: Item, name: str = "", wide: tuple[str, ...] = ()) -> str:
    table = Table(["#Broker", "#Size"], [[item.broker_name, item.size] for item in items]).widen(items, *wide)
    return render("c", Outcome(data=Result(list(items)), blocks=[table, "end"]), form, Rows("items", name=name))


def test_wide_has_the_columns_that_a_table_leaves_out() -> None:
    items = [Item("a", 1, Place("h:1"), ["x", "y"], {"k": 5}), Item("b", 20)]
    wide = ("place", "tags", "config")
    assert text("table", *items, wide=wide).splitlines() == [
        "#Broker  #Size",
        "a            1",
        "b           20",
        "end",
    ]
    assert text("wide", *items, wide=wide).splitlines() == [
        '#Broker  #Size  #Place                         #Tags  #Config',
        'a            1  {"address":"h:1","zone":null}  x, y   k=5',
        "b           20  unknown",
        "end",
    ]  # fmt: skip


def test_headings_of_wide_are_the_fields_in_words() -> None:
    assert Table(["#A"], []).widen([], "broker_name", "size").columns == ["#A", "#Broker Name", "#Size"]


def test_a_list_of_headings_that_several_tables_share_is_not_changed() -> None:
    shared = ["#A"]
    Table(shared, []).widen([], "size")
    assert shared == ["#A"]


def test_each_name_comes_once_in_order_and_unknown_ones_not_at_all() -> None:
    items = [Item("b", 1), Item(None, 1), Item("a", 1), Item("b", 2)]
    assert text("name", *items) == "b\na\n"
    assert text("name", *items, name="size") == "1\n2\n"
    assert text("name") == ""


def test_a_name_may_be_a_field_of_a_column() -> None:
    assert text("name", Item("b", 1, Place("h:1")), Item("c", 1), name="place.address") == "h:1\n"


def test_a_name_is_one_line_whatever_it_holds() -> None:
    assert text("name", Item("a\nb\x1b[2J", 1)) == "a\\x0ab\\x1b[2J\n"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["target", "name"], "name"),
        (["topic", "brokerName", "msgId"], "msgId"),
        (["cluster", "brokerName", "address"], "brokerName"),
        (["topic", "groups"], "topic"),
    ],
)
def test_the_column_that_names_a_row(columns: list[str], expected: str) -> None:
    assert name_column(columns) == expected


@pytest.mark.parametrize("entry", registry.ENTRIES, ids=lambda entry: entry.name)
def test_the_names_of_every_command_are_a_column_of_it(entry: registry.Entry) -> None:
    declared = declaration(entry)
    columns = csv_columns(declared.result, declared.rows, declared.csv)
    assert (declared.name or name_column(columns)).split(".")[0] in columns


def test_streams_print_names_too(capsys: pytest.CaptureFixture[str]) -> None:
    stream = Stream("store dump", "name", "messages", ["topic", "msgId"])
    stream.lines(['{"topic":"T","msgId":"1"}\n', '{"topic":"T","msgId":"2"}\n'])
    stream.finish("ok", [], [])
    assert capsys.readouterr().out == "1\n2\n"


def test_names_of_a_cluster(cli: Cli) -> None:
    cluster = FakeCluster(("broker-a", "DefaultCluster"), ("broker-b", "DefaultCluster"))
    for broker in ("broker-a", "broker-b"):
        cluster[broker].add_topic("T")
    line = ["-n", cluster.namesrv, "--output", "name"]
    assert cli(cluster.transport, "topicRoute", "-t", "T", *line).out == "broker-a\nbroker-b\n"
    addresses = [cluster[name].address for name in ("broker-a", "broker-b")]
    assert cli(cluster.transport, "clusterList", *line).out.split() == addresses
