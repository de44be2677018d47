"""SQL over stores against the same counts by hand; what must not pass; what is pruned gives the same answer."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.store.inspect.reading.blocks import Broken
from rocketmq_ops.store.inspect.reading.selection import Selection
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.view.sql import Database, QueryError, selection_of
from rocketmq_ops.store.inspect.view.sql_tables import MESSAGE_COLUMNS
from rocketmq_ops.store.inspect.view.sql_text import understand
from tests.golden_data import unpack_store
from tests.store.inspect.views import dumped


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_store("5.3.3-clean", tmp_path_factory.mktemp("sql"))


@pytest.fixture(scope="module")
def messages(root: Path) -> list[dict[str, Any]]:
    return dumped(root, body="utf-8")


def ask(root: Path, sql: str) -> list[tuple[Any, ...]]:
    broken: list[Broken] = []
    with Database(StoreDirectory(root), broken.append) as database:
        rows = list(database.ask(sql).rows)
    assert broken == []
    return rows


def test_counts_by_tag_minute_and_producer(root: Path, messages: list[dict[str, Any]]) -> None:
    tags = Counter(m["properties"].get("TAGS") for m in messages)
    assert dict(ask(root, "select tags, count(*) from messages group by tags")) == tags
    hosts = Counter(m["bornHost"][1:].rpartition(":")[0] for m in messages)
    assert len(hosts) == 2
    assert dict(ask(root, "select producer, count(*) from messages group by 1")) == hosts
    minutes = Counter(m["storeTimestamp"] // 60_000 for m in messages)
    by_minute = ask(root, "select min(storeTimestamp) / 60000, count(*), minute from messages group by minute")
    assert {m: n for m, n, _ in by_minute} == minutes
    assert all(len(text) == len("2026-11-21 07:36") for *_, text in by_minute)


def test_every_column_of_messages(root: Path, messages: list[dict[str, Any]]) -> None:
    import json

    names = [name for name in MESSAGE_COLUMNS if name in messages[0] and name != "properties"]
    rows = ask(
        root, f"select {', '.join(names)}, properties, tags, keys, uniqueKey from messages order by commitLogOffset"
    )
    assert len(rows) == len(messages)
    for row, message in zip(rows, messages, strict=True):
        assert list(row[: len(names)]) == [message.get(name) for name in names]
        properties = message["properties"]
        assert json.loads(row[-4]) == properties
        assert row[-3:] == tuple(properties.get(name) for name in ("TAGS", "KEYS", "UNIQ_KEY"))


def test_joins_of_all_tables(root: Path, messages: list[dict[str, Any]]) -> None:
    joined = "select count(*) from messages m join units u using (topic, queueId, queueOffset, commitLogOffset)"
    assert ask(root, joined) == [(len(messages),)]
    assert ask(root, "select sum(maxOffset - minOffset) from queues") == [(len(messages),)]
    orphans = "select count(*) from index_entries where commitLogOffset not in (select commitLogOffset from messages)"
    assert ask(root, orphans) == [(0,)]
    assert ask(root, "select count(*) > 500 from index_entries") == [(1,)]


QUERIES = [
    "select commitLogOffset from messages where topic = 'GoldOrders' and queueId = 1 and storeSize > 290",
    "select commitLogOffset from messages where commitLogOffset between 1000 and 90000 and tags in ('TagA', 'TagB')",
    "select tags t, count(*) from messages where t = 'TagA' group by t",
    "select count(*) from messages where topic = 'GoldOrders' or topic = 'GoldTx'",
    "select count(*) from messages where not (topic = 'GoldOrders' and queueId = 1)",
    "select count(*) from messages where messages.queueOffset >= 10 and messages.queueOffset < 20 -- and topic = 'x'",
    "select count(*) from messages where \"topic\" = 'GoldOrders' /* or */ and body like '%order%'",
    "select topic, count(*) n from messages where queueId = 0 group by topic having n > 3 order by n desc, topic limit 3",
    "select count(*) from messages where properties->>'amount' > '5' and storeTimestamp > 0",
    "select count(*) from messages where case when queueId = 1 and topic = 'GoldOrders' and 1 then 0 else 1 end",
    "select count(*) from messages where queueId = 1 is not null",
    "select count(*) from messages where topic = 'it''s'",
]


@pytest.mark.parametrize("query", QUERIES)
def test_pruned_queries_give_what_unpruned_ones_give(root: Path, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pruned = ask(root, query)
    monkeypatch.setattr("rocketmq_ops.store.inspect.view.sql.understand", lambda sql, table: understand("", table))
    assert ask(root, query) == pruned
    assert pruned


def test_constant_conditions_narrow_what_is_read() -> None:
    query = understand(
        "select * from messages where topic = 'T' and queueId = 3 and commitLogOffset >= 100 and commitLogOffset < 200 "
        "and storeTimestamp between 5 and 9 and queueOffset > 7",
        "messages",
    )
    assert selection_of(query, "messages") == Selection(
        topic="T", queue_id=3, begin_offset=100, end_offset=200, begin_time=5, end_time=9, begin_queue_offset=8
    )
    assert understand("select topic from messages limit 5", "messages").stop_after == 5
    assert understand("select count(*) from messages limit 5", "messages").stop_after is None
    assert understand("select topic from messages order by 1 limit 5", "messages").stop_after is None


def test_a_limit_ends_the_reading(root: Path) -> None:
    with Database(StoreDirectory(root), lambda _: None) as database:
        answer = database.ask("select commitLogOffset from messages limit 3")
        assert len(list(answer.rows)) == 3


@pytest.mark.parametrize(
    ("query", "cause", "hint"),
    [
        ("select tagz from messages", "unknown column tagz", "tags"),
        ("select m.storetime from messages m", "unknown column m.storetime", "storeTimestamp"),
        ("select * from mesages", "unknown table mesages", "messages"),
        ("selec 1", "syntax error", "--help"),
        ("select count(*) from messages; select 1", "one statement", ""),
        ("", "no columns", "SELECT"),
    ],
)
def test_errors_name_what_is_near(root: Path, query: str, cause: str, hint: str) -> None:
    with pytest.raises(QueryError, match=cause) as caught:
        ask(root, query)
    assert hint in caught.value.next_step


@pytest.mark.parametrize(
    "query",
    [
        "attach database '/tmp/absent.db' as other",
        "delete from messages",
        "update messages set topic = 'x'",
        "insert into messages (topic) values ('x')",
        "create table x (y)",
        "drop table messages",
        "pragma temp_store",
        "vacuum into '/tmp/absent.db'",
        "begin",
        "select load_extension('x')",
    ],
)
def test_nothing_but_reading_passes(root: Path, query: str) -> None:
    with pytest.raises(QueryError):
        ask(root, query)
    assert not Path("/tmp/absent.db").exists()
