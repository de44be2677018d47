"""Words of ours in cells are translated in tables for people, by declaration of their column; names never are."""

from __future__ import annotations

import typing
from collections.abc import Iterator

import pytest

from rocketmq_ops.client.admin.brokers.rocksdb import CheckState, ExportState
from rocketmq_ops.client.admin.changes import Action, State
from rocketmq_ops.client.admin.offsets.offset import ResetState
from rocketmq_ops.client.admin.offsets.offset_clone import CloneState
from rocketmq_ops.mqadmin import lang
from rocketmq_ops.mqadmin.journal.entries import Progress
from rocketmq_ops.mqadmin.render.outcome import Outcome, Status, Table
from rocketmq_ops.mqadmin.render.output import Rows, table_text
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.lang import tables
from tests.mqadmin.lang.slips import is_chinese
from tests.mqadmin.lang.test_texts import CATALOGUE, entries

#: Columns that hold one of a closed set of words.
STATES = {"#state", "state", "bak_state", "#status", "#result", "#severity", "#role", "#event", "#answered", "method"}
#: Columns of such a name that hold something else: what a server wrote.
WRITTEN_BY_OTHERS = {
    ("mqadmin/commands/queue/check_rocksdb_cq_write_progress.py", "#Result"),
}


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    lang.begin([], {})


def test_columns_of_states_declare_that_their_words_are_ours() -> None:
    made = {
        (table.place.split(":")[0], heading): heading in table.ours
        for table in tables.tables()
        for heading in table.headings
        if heading.lower() in STATES
    }
    assert {where for where, ours in made.items() if not ours} == WRITTEN_BY_OTHERS


def test_what_is_declared_is_a_column() -> None:
    added = tables.added_headings()
    for table in tables.tables():
        assert {heading for heading in table.ours if heading not in added} <= set(table.headings), table.place


@pytest.mark.parametrize("kind", [Action, State, ResetState, CloneState, CheckState, ExportState, Progress, Status])
def test_every_word_of_a_state_has_chinese(kind: object) -> None:
    known = {key: text for path in CATALOGUE.glob("*.json") for key, text in entries(path.stem).items()}
    for word in typing.get_args(kind):
        assert is_chinese(known[word]), word


def test_a_name_is_no_word() -> None:
    lang.begin(["--lang", "zh"], {})
    table = Table(["#Topic", "#State"], [["ok", "ok"], ["unknown", "unknown"], ["done", "done"]], ours=["#State"])
    assert table_text(Outcome(data=Rows(""), blocks=[table])) == (
        "#Topic   #状态\nok       正常\nunknown  未知\ndone     完成\n"
    )


@pytest.fixture
def cluster() -> FakeCluster:
    """A cluster whose topics and groups have names that are words of ours."""
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    for topic in ("ok", "unknown"):
        broker.add_topic(topic)
    return cluster


def test_a_topic_whose_name_is_a_word_of_ours(cli: Cli, cluster: FakeCluster) -> None:
    told = cli(cluster.transport, "topicList", "-n", cluster.namesrv, "--lang", "zh")
    assert {"ok", "unknown"} <= set(told.out.split())
    planned = cli(
        cluster.transport, "deleteTopic", "-t", "ok", "-c", "C1", "-n", cluster.namesrv, "--plan", "--lang", "zh"
    )
    assert "上删除 Topic ok\n" in planned.out and " -> （无）\n" in planned.out
    assert "正常" not in planned.out


@pytest.mark.parametrize("form", ["json", "yaml", "csv", "name"])
def test_words_in_documents_are_english(cli: Cli, cluster: FakeCluster, form: str) -> None:
    line = ("deleteTopic", "-t", "ok", "-c", "C1", "-n", cluster.namesrv, "--plan", "--output", form)
    chinese, english = (cli(cluster.transport, *line, "--lang", language) for language in ("zh", "en"))
    assert (chinese.code, chinese.out) == (english.code, english.out)
    assert not is_chinese(chinese.out)


def test_a_query_is_answered_in_english(cli: Cli, cluster: FakeCluster) -> None:
    line = ("deleteTopic", "-t", "ok", "-c", "C1", "-n", cluster.namesrv, "--plan", "--query", "changes[].state")
    assert cli(cluster.transport, *line, "--lang", "zh").out == cli(cluster.transport, *line).out
