"""SQL92 subscriptions: pulls by them, what is refused and how, their table and its file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rocketmq_ops.broker.subscription.consumer_filter_manager import ConsumerFilterManager, expression_of
from rocketmq_ops.broker.subscription.subscription_filter import (
    ExpressionFilter,
    RetryExpressionFilter,
    filter_of_expression,
)
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.filter.parser import parse
from rocketmq_ops.common.message import string_to_properties
from rocketmq_ops.common.message_codec import decode_messages, encode_record
from rocketmq_ops.remoting.bodies import SubscriptionData
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.store.inner_message import InnerMessage, PutStatus
from tests.broker.support import Session, batch_item, bodies, consumer, new_broker, run, sweep_all, until
from tests.broker.test_pull import hold
from tests.common.test_message_codec import message_with
from tests.store.store_helpers import BORN_V4, open_store

R = ResponseCode
ON = {"enablePropertyFilter": True}
DAY = 86_400_000

#: As Apache's broker 5.3.3 wrote it.
FILE = """{
	"filterDataByTopic":{
		"GoldOrders":{
			"groupFilterData":{
				"Gold_sql":{
					"bloomFilterData":{
						"bitNum":112,
						"bitPos":[12,26,78]
					},
					"bornTime":1795246745664,
					"clientVersion":1795246745934,
					"consumerGroup":"Gold_sql",
					"dead":true,
					"deadTime":1795246759832,
					"expression":"region = '华东' AND amount BETWEEN 100 AND 900",
					"expressionType":"SQL92",
					"topic":"GoldOrders"
				}
			},
			"topic":"GoldOrders"
		}
	}
}"""


def sql(text: str, version: int = 1, topic: str = "T") -> SubscriptionData:
    return SubscriptionData(topic=topic, sub_string=text, expression_type="SQL92", sub_version=version)


async def announce(session: Session, text: str, version: int = 1, *, topic: str = "T", client: str = "c") -> None:
    beat = consumer("g", topic, version=version, sub_string=text, expression_type="SQL92")
    await session.heartbeat(client_id=client, consumer_data_set=[beat])


def test_pulls_by_the_expression_that_they_carry(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        for number in range(6):
            await session.send("T", b"%d" % number, properties={"n": str(number), "TAGS": "ab"[number % 2]})
        await session.send("T", b"none")

        async def pulled(text: str) -> list[bytes]:
            return bodies(await session.pull("T", subscription=text, expressionType="SQL92"))

        assert await pulled("n BETWEEN 2 AND 4") == [b"2", b"3", b"4"]
        assert await pulled("TAGS = 'a' AND n > 0") == [b"2", b"4"]
        assert await pulled("n IS NULL") == [b"none"]
        nothing = await session.pull("T", subscription="n > 100", expressionType="SQL92")
        assert (nothing.code, nothing.remark) == (R.PULL_RETRY_IMMEDIATELY, "NO_MATCHED_MESSAGE")
        assert nothing.ext_fields["nextBeginOffset"] == "7"
        noted = session.broker.consumers.find_subscription("g", "T")
        assert noted is not None and (noted.expression_type, noted.sub_string) == ("SQL92", "n > 100")
        for wrong, why in (("", "at its end"), ("n >", "at its end"), ("n = 'a", "at ''a'"), ("*", "at '*'")):
            refused = await session.pull("T", subscription=wrong, expressionType="SQL92")
            assert refused.code == R.SUBSCRIPTION_PARSE_FAILED
            assert refused.remark.startswith(
                "parse the consumer's subscription failed: invalid SQL92 expression " + why
            )
        refused = await session.pull("T", subscription="n > 1", expressionType="XPATH")
        assert refused.code == R.SUBSCRIPTION_PARSE_FAILED and "unknown type of expression 'XPATH'" in refused.remark

    run(tmp_path, body, **ON)


def test_pulls_by_the_expression_of_the_heartbeat(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        for number in range(4):
            await session.send("T", b"%d" % number, properties={"n": str(number)})

        async def pulled(version: int = 1) -> Any:
            return await session.pull("T", sysFlag="0", subVersion=str(version))

        await announce(session, "n > 1")
        assert bodies(await pulled()) == [b"2", b"3"]
        assert (await pulled(2)).code == R.SUBSCRIPTION_NOT_LATEST
        await announce(session, "n > 2", 2)
        assert bodies(await pulled(2)) == [b"3"]
        await announce(session, "n > 0", 1)  # an older one changes nothing
        assert bodies(await pulled(2)) == [b"3"]
        await announce(session, "n > 2", 3)
        session.broker.filters.get("T", "g").data.client_version = 2  # type: ignore[union-attr]
        old = await pulled(3)
        assert (old.code, old.remark) == (R.FILTER_DATA_NOT_LATEST, "the consumer's consumer filter data not latest")
        await announce(session, "n >", 4)
        wrong = await pulled(4)
        assert (wrong.code, wrong.remark) == (
            R.FILTER_DATA_NOT_EXIST,
            "The broker's consumer filter data is not exist!Your expression may be wrong!",
        )
        await announce(session, "n > 2", 5)
        assert bodies(await pulled(5)) == [b"3"]
        shown = json.loads(session.broker.filters.text_of("T", "g"))
        assert (shown["expression"], shown["dead"], shown["clientVersion"]) == ("n > 2", False, 5)
        fields = {"topic": "T", "queueId": "0", "index": "0", "count": "1", "consumerGroup": "g"}
        looked = json.loads((await session.ask(RequestCode.QUERY_CONSUME_QUEUE, fields)).body_bytes)
        assert json.loads(looked["filterData"]) == shown
        session.broker.config.enablePropertyFilter = False
        off = await pulled(5)
        assert (off.code, off.remark) == (
            R.SYSTEM_ERROR,
            "The broker does not support consumer to filter message by SQL92",
        )

    run(tmp_path, body, **ON)


@pytest.mark.parametrize("sent", ["plain", "batch"])
def test_held_pulls_wake_for_what_they_want(tmp_path: Path, sent: str) -> None:
    async def body(session: Session) -> None:
        await session.send("T", b"first")
        held = await hold(session, "T", 1, subscription="KEYS CONTAINS 'k' AND n = 7", expressionType="SQL92")

        async def send(text: bytes, **properties: str) -> None:
            if sent == "plain":
                await session.send("T", text, properties=properties)
            else:
                more = {"m": "true"}
                await session.send("T", batch_item(text, {"UNIQ_KEY": text.decode(), **properties}), **more)

        await send(b"other", n="6", KEYS="k1")
        await send(b"no number", n="x", KEYS="k1")
        assert len(session.broker.held_pulls) == 1
        await send(b"wanted", n="7", KEYS="k2")
        answer = await held
        assert (answer.code, bodies(answer), answer.ext_fields["nextBeginOffset"]) == (0, [b"wanted"], "4")

    run(tmp_path, body, **ON)


def test_a_held_pull_is_answered_in_time_though_nothing_is_wanted(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.send("T", b"first")
        held = await hold(session, "T", 1, subscription="n = 7", expressionType="SQL92")
        await session.send("T", b"other")
        held_pulls = session.broker.held_pulls
        sweep_all(held_pulls)
        assert len(held_pulls) == 1
        now = held_pulls.clock()
        held_pulls.clock = lambda: now + 6_000
        sweep_all(held_pulls)
        answer = await held
        assert (answer.remark, answer.ext_fields["nextBeginOffset"]) == ("NO_MATCHED_MESSAGE", "2")

    run(tmp_path, body, **ON)


@pytest.mark.parametrize("supported", [True, False])
def test_retries_are_filtered_by_the_expression_of_their_topic(tmp_path: Path, supported: bool) -> None:
    async def body(session: Session) -> None:
        retry = "%RETRY%g"
        subscriptions = [sql("n > 1"), sql("other IS NULL", topic=retry)]
        beat = consumer("g", "T")
        beat.subscription_data_set = subscriptions
        await session.heartbeat(client_id="c", consumer_data_set=[beat])
        for number in range(4):
            properties = {"n": str(number), "RETRY_TOPIC": "T" if number != 3 else "Unknown"}
            await session.send(retry, b"%d" % number, properties=properties)
        answer = await session.pull(retry, sysFlag="0", subVersion="1")
        assert bodies(answer) == ([b"2", b"3"] if supported else [b"0", b"1", b"2", b"3"])

    run(tmp_path, body, **ON, filterSupportRetry=supported)


#: Stored properties with names that are ends of others, without values, and with what is no UTF-8.
PIECES = b"a\x01b\x02", b"a\x01\x02", b"a\x01", b"a", b"b", b"7", b"\x01", b"\x02", b"\xff", "\u8ba2".encode()
STORED = st.lists(st.sampled_from(PIECES), max_size=10).map(b"".join)


@example([b"a\x01b\x02a\x01\x02", b"a\x01b", b"ba\x01b\x02"])
@given(st.lists(STORED, min_size=1, max_size=4))
def test_a_filter_finds_what_the_whole_parse_finds(several: list[bytes]) -> None:
    """In all of one buffer; what it keeps of one message holds for the next one."""
    bare = encode_record(message_with({}))
    records = [bare[:-2] + len(stored).to_bytes(2, "big") + stored for stored in several]
    buffer = memoryview(b"".join(records))
    for text in ("a = 'b'", "a = 7", "a IS NULL", "a <> '\u8ba2'", "ba IN ('7', '')", "a = b"):
        expression = parse(text)
        asked, start = ExpressionFilter(expression), 0
        for stored, record in zip(several, records, strict=True):
            wanted = expression.matches(string_to_properties(str(stored, "utf-8", "replace")))
            assert asked.matches_record(buffer, start, start + len(record)) is wanted, (text, stored)
            start += len(record)


@pytest.mark.parametrize("record", [b"", b"\0" * 100, bytes.fromhex("00000064daa320a7") + b"\xff" * 92])
def test_a_damaged_record_is_let_through(tmp_path: Path, record: bytes) -> None:
    """Consumers pass over it alone and say so; a filter that failed on it would hold them up for ever."""
    filters = new_broker(tmp_path).filters
    filters.register("g", [sql("n > 1")])
    entry = filters.get("T", "g")
    assert entry is not None and entry.expression_filter is not None
    place = memoryview(record), 0, len(record)
    assert entry.expression_filter.matches_record(*place)
    assert RetryExpressionFilter(filters, "g").matches_record(*place)


#: Stored properties of a message each: more values than are kept, and what is read in ways of its own.
TEXTS = [f"UNIQ_KEY\x01{n}\x02n\x01{n % 300}\x02" for n in range(700)] + [
    "",
    "m\x017\x02",
    "n\x01\x02",
    "n\x017",
    "n\x017\x02n\x018\x02",
    "n\x018\x02n\x017\x02n\x01\x02",
    "mn\x017\x02",
    "n\x01x\x02",
    "n\x01" + "7" * 200 + "\x02",
    "n\x01" + "7" * 200 + "\x02m\x017\x02",
]


@pytest.mark.parametrize(
    "text", ["n = 7", "n > 150 AND n IS NOT NULL", "n IS NULL", "n = 7 OR m = 7", "NOT (n <> 'x')"]
)
def test_all_messages_of_a_queue_are_filtered_by_what_they_have(text: str, tmp_path: Path) -> None:
    """Some of them several times, and over the ends of commitlog files."""
    expression = expression_of(text, "SQL92")
    store = open_store(tmp_path, mappedFileSizeCommitLog=16_384)
    for properties in TEXTS:
        put = InnerMessage("T", 0, b"x" * 50, {}, properties.encode(), BORN_V4, 1)
        assert store.put_message(put).status is PutStatus.PUT_OK
    wanted = [n for n, one in enumerate(TEXTS) if expression.matches(string_to_properties(one))]
    assert wanted and len(wanted) < len(TEXTS)
    for _ in range(2):
        found, offset = [], 0
        while offset < len(TEXTS):
            result = store.get_message("g", "T", 0, offset, 32, filter_of_expression(expression))
            found += [one.queue_offset for view in result.views for one in decode_messages(view)]
            assert result.next_begin_offset > offset
            offset = result.next_begin_offset
        assert found == wanted
    store.close()


def test_the_check_of_a_client_s_configuration(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        async def check(text: str, kind: str = "SQL92") -> tuple[int, str | None]:
            subscription = {"topic": "T", "expressionType": kind, "subString": text}
            data = json.dumps({"clientId": "c", "group": "g", "subscriptionData": subscription}).encode()
            answer = await session.ask(RequestCode.CHECK_CLIENT_CONFIG, {}, data)
            return answer.code, answer.remark

        assert await check("a > 5") == (0, None)
        assert await check("a >", "TAG") == (0, None)
        assert await check("a > 'x'") == (
            R.SUBSCRIPTION_PARSE_FAILED,
            "invalid SQL92 expression at '> 'x'' (character 3): texts are compared by = and <> alone",
        )
        assert await check("a", "CLASS") == (
            R.SUBSCRIPTION_PARSE_FAILED,
            "unknown type of expression 'CLASS', expected TAG or SQL92",
        )

    run(tmp_path, body, **ON)


def test_the_file_of_apache_is_read_and_written_again(tmp_path: Path) -> None:
    path = tmp_path / "config" / "consumerFilter.json"
    path.parent.mkdir()
    path.write_text(FILE, "utf-8")
    filters = new_broker(tmp_path).filters
    filters._clock = lambda: 1795246800000
    assert filters.load()
    entry = filters.get("GoldOrders", "Gold_sql")
    assert entry is not None and entry.data.is_dead and entry.expression_filter is not None
    assert filters.encode(pretty=True).decode() == FILE
    filters.persist()
    assert path.read_text("utf-8") == FILE
    # The same version makes it alive again; a newer one too, with the expression that it brings.
    text = entry.data.expression or ""
    filters.register("Gold_sql", [sql(text, 1795246745934, "GoldOrders")])
    assert not entry.data.is_dead
    filters.unregister("Gold_sql")
    assert entry.data.is_dead
    filters.register("Gold_sql", [sql(text, 1795246745935, "GoldOrders")])
    assert filters.get("GoldOrders", "Gold_sql") is entry and not entry.data.is_dead
    filters.register("Gold_sql", [sql("a = 1", 1795246745936, "GoldOrders")])
    assert filters.get("GoldOrders", "Gold_sql") is not entry


def manager(tmp_path: Path, content: dict[str, Any] | None = None, **settings: Any) -> ConsumerFilterManager:
    """The filters of a broker whose file has this content; their clock shows 1,000,000 ms."""
    if content is not None:
        (tmp_path / "config").mkdir(exist_ok=True)
        (tmp_path / "config" / "consumerFilter.json").write_text(json.dumps({"filterDataByTopic": content}))
    filters = new_broker(tmp_path, **settings).filters
    filters._clock = lambda: 1_000_000
    return filters


def entry_of(**more: Any) -> dict[str, Any]:
    data = {"bloomFilterData": {"bitNum": 112, "bitPos": [1, 2, 3]}, "expression": "a = 1", "expressionType": "SQL92"}
    return {"T": {"topic": "T", "groupFilterData": {"g": data | {"consumerGroup": "g", "topic": "T"} | more}}}


@pytest.mark.parametrize(("born", "died"), [(5, 970_000), (990_000, 990_000)])
def test_who_was_alive_is_dead_at_the_start(tmp_path: Path, born: int, died: int) -> None:
    filters = manager(tmp_path, entry_of(bornTime=born, deadTime=0))
    assert filters.load()
    found = filters.get("T", "g")
    assert found is not None and (found.data.dead_time, found.data.is_dead) == (died, True)


def test_a_file_with_other_bits_is_forgotten(tmp_path: Path) -> None:
    filters = manager(tmp_path, entry_of(bloomFilterData={"bitNum": 64, "bitPos": [1, 2, 3]}))
    assert filters.load() and not filters.table
    assert manager(tmp_path, entry_of(), expectConsumerNumUseFilter=100).load()
    assert not manager(tmp_path, entry_of(), maxErrorRateOfBloomFilter=1).table


def test_an_expression_of_the_file_that_is_none_is_no_filter(tmp_path: Path) -> None:
    """A group that subscribes with it as before is refused, as one that comes with it anew, and gets no message."""
    filters = manager(tmp_path, entry_of(expression="n >", clientVersion=1))
    assert filters.load() and json.loads(filters.text_of("T", "g"))["expression"] == "n >"

    async def body(session: Session) -> None:
        for number in range(4):
            await session.send("T", b"%d" % number, properties={"n": str(number)})
        await announce(session, "n >", 2)
        assert json.loads(session.broker.filters.text_of("T", "g"))["clientVersion"] == 2
        assert (await session.pull("T", sysFlag="0", subVersion="2")).code == R.FILTER_DATA_NOT_EXIST
        await announce(session, "n > 2", 3)
        assert bodies(await session.pull("T", sysFlag="0", subVersion="3")) == [b"3"]

    run(tmp_path, body, **ON)


@pytest.mark.parametrize(
    "content", ['{"filterDataByTopic": [1]}', '{"filterDataByTopic": {"T": {"groupFilterData": 5}}}']
)
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    filters = manager(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "consumerFilter.json").write_text(content)
    with pytest.raises(CorruptDataError, match=r"consumerFilter\.json"):
        filters.load()


def test_the_dead_are_forgotten_in_the_end(tmp_path: Path) -> None:
    filters = manager(tmp_path)
    filters.register("g", [sql("a = 1"), sql("a = 1", topic="U")])
    filters.register("h", [sql("a = 1")])
    filters.register("g", [sql("a = 1")])
    assert [filters.get(topic, "g").data.is_dead for topic in ("T", "U")] == [False, True]  # type: ignore[union-attr]
    filters._clock = lambda: 1_000_000 + DAY - 1
    filters.clean()
    assert filters.get("U", "g") is not None
    filters._clock = lambda: 1_000_000 + DAY
    filters.clean()
    assert set(filters.table) == {"T"} and set(filters.table["T"]) == {"g", "h"}


def test_a_broker_without_expressions_loads_no_parser() -> None:
    code = (
        "import sys, rocketmq_ops.broker.startup, rocketmq_ops.client.consumer.push_consumer, rocketmq_ops.mqadmin.values;"
        "print([name for name in sys.modules if 'common.filter' in name or name.startswith('lark')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_broker_without_expressions_writes_no_file(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.heartbeat(client_id="c", consumer_data_set=[consumer("g", "T")])
        session.broker._save_filters()
        assert not session.broker.filters.is_dirty

    run(tmp_path, body)
    assert not (tmp_path / "config" / "consumerFilter.json").exists()


def test_the_file_is_written_and_who_goes_is_dead(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await announce(session, "n > 1")
        assert not session.broker.filters.get("T", "g").data.is_dead  # type: ignore[union-attr]
        await session.client.close()
        await until(lambda: session.broker.filters.get("T", "g").data.is_dead)  # type: ignore[union-attr]

    run(tmp_path, body, **ON)
    written = json.loads((tmp_path / "config" / "consumerFilter.json").read_text())
    entry = written["filterDataByTopic"]["T"]["groupFilterData"]["g"]
    assert (entry["expression"], entry["dead"], entry["bloomFilterData"]["bitNum"]) == ("n > 1", True, 112)
