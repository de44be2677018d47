"""SEND_MESSAGE in its three forms: what is stored, what is answered, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.common.message_codec import decode_message, decode_message_id, decode_messages
from rocketmq_ops.remoting.bodies import TopicConfig
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.store.inner_message import PutMessageResult, PutStatus
from tests.broker.support import Session, batch_item, bodies, run, send_fields

R = ResponseCode


def stored(session: Session, topic: str, queue_id: int = 0, offset: int = 0):  # type: ignore[no-untyped-def]
    """The stored message of a queue."""
    result = session.broker.store.get_message("t", topic, queue_id, offset, 1)
    return decode_message(result.views[0])


def test_first_send_creates_the_topic_and_later_ones_take_the_short_way(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        for i in range(3):
            answer = await session.send("T", b"m%d" % i, 1, {"TAGS": "a", "KEYS": "k"}, h="7", j="2")
            assert answer.code == R.SUCCESS and answer.remark is None
            fields = answer.ext_fields
            assert set(fields) == {"msgId", "queueId", "queueOffset", "transactionId", "MSG_REGION", "TRACE_ON"}
            assert (fields["queueId"], fields["queueOffset"], fields["transactionId"]) == ("1", str(i), "0A0B0C0D")
            assert (fields["MSG_REGION"], fields["TRACE_ON"]) == ("DefaultRegion", "true")
            assert decode_message_id(fields["msgId"])[:2] == ("127.0.0.1", session.broker.server_config.listenPort)
        assert session.broker.topics.table["T"].write_queue_nums == 4
        first, later = stored(session, "T", 1, 0), stored(session, "T", 1, 2)
        assert later.properties == first.properties == {
            "UNIQ_KEY": "0A0B0C0D", "WAIT": "true", "TAGS": "a", "KEYS": "k",
            "MSG_REGION": "DefaultRegion", "TRACE_ON": "true", "CLUSTER": "DefaultCluster",
        }  # fmt: skip
        assert (later.body, later.flag, later.reconsume_times, later.born_timestamp) == (b"m2", 7, 2, 1795246590674)
        assert later.born_host[0] == "127.0.0.1"
        counters = session.broker.stats.topic_counters("T")
        assert (counters.put_nums, counters.put_times) == (3, 3)
        assert counters.put_size == first.store_size * 3

    run(tmp_path, body)


def test_forms_of_the_header(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        v1 = {
            "producerGroup": "p", "topic": "V1", "defaultTopic": "TBW102", "defaultTopicQueueNums": "2",
            "queueId": "-1", "sysFlag": "0", "bornTimestamp": "1", "flag": "0", "properties": "A\x01b\x02",
        }  # fmt: skip
        answer = await session.ask(RequestCode.SEND_MESSAGE, v1, b"x")
        assert answer.code == 0
        queue_id = int(answer.ext_fields["queueId"])
        assert 0 <= queue_id < 2
        unique = answer.ext_fields["transactionId"]
        assert len(unique) == 32 and stored(session, "V1", queue_id).properties["UNIQ_KEY"] == unique
        binary = RemotingCommand.request(RequestCode.SEND_MESSAGE_V2, ext_fields=send_fields("V1"), body=b"y")
        binary.serialize_type = 1
        assert (await session.client.invoke(session.address, binary)).ext_fields["transactionId"] == "0A0B0C0D"
        without_end = send_fields("V1", 1) | {"i": "UNIQ_KEY\x01K"}
        for _ in range(2):
            assert (await session.ask(RequestCode.SEND_MESSAGE_V2, without_end, b"z")).code == 0
        last = session.broker.store.max_offset("V1", 1) - 1
        assert stored(session, "V1", 1, last).properties["MSG_REGION"] == "DefaultRegion"

    run(tmp_path, body)


def test_broker_properties_replace_those_of_a_message(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        old = {"MSG_REGION": "other", "TRACE_ON": "false", "CLUSTER": "c2", "POP_CK": "x", "own": "1"}
        for _ in range(2):
            assert (await session.send("T", properties=old)).code == 0
        properties = stored(session, "T", 0, 1).properties
        assert properties["MSG_REGION"] == "DefaultRegion" and properties["TRACE_ON"] == "true"
        assert properties["CLUSTER"] == "DefaultCluster" and properties["own"] == "1" and "POP_CK" not in properties

    run(tmp_path, body)


def test_unusual_unique_key_is_quoted(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        for _ in range(2):
            answer = await session.send("T", properties={"UNIQ_KEY": 'a"b\\é'})
            assert answer.ext_fields["transactionId"] == 'a"b\\é'

    run(tmp_path, body)


def test_batch(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        items = b"".join(batch_item(b"b%d" % i, {"TAGS": "t", "KEYS": f"k{i}"}) for i in range(3))
        answer = await session.ask(RequestCode.SEND_BATCH_MESSAGE, send_fields("B", 2, m="true"), items)
        assert answer.code == 0 and answer.ext_fields["queueOffset"] == "0"
        assert len(answer.ext_fields["msgId"].split(",")) == 3
        pulled = await session.pull("B", queue_id=2)
        assert bodies(pulled) == [b"b0", b"b1", b"b2"]
        assert stored(session, "B", 2, 1).properties["CLUSTER"] == "DefaultCluster"
        assert session.broker.stats.topic_counters("B").put_nums == 3
        refused = await session.ask(RequestCode.SEND_BATCH_MESSAGE, send_fields("%RETRY%g", m="true"), items)
        assert refused.code == R.MESSAGE_ILLEGAL
        broken = await session.ask(RequestCode.SEND_BATCH_MESSAGE, send_fields("B", 2, m="true"), items[:-3])
        assert broken.code == R.MESSAGE_ILLEGAL

    run(tmp_path, body)


def test_oneway_is_stored_without_an_answer(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        for _ in range(2):
            command = RemotingCommand.request(RequestCode.SEND_MESSAGE_V2, ext_fields=send_fields("O"), body=b"x")
            await session.client.invoke_oneway(session.address, command)
        assert (await session.send("O")).ext_fields["queueOffset"] == "2"

    run(tmp_path, body)


@pytest.mark.parametrize(
    ("topic", "more", "code", "remark"),
    [
        ("SCHEDULE_TOPIC_XXXX", {}, R.NO_PERMISSION, "Sending message to topic[SCHEDULE_TOPIC_XXXX] is forbidden."),
        ("a b", {}, R.INVALID_PARAMETER, "illegal characters"),
        ("x" * 128, {}, R.INVALID_PARAMETER, "longer than topic max length"),
        ("New", {"c": "NoSuchDefault"}, R.TOPIC_NOT_EXIST, "topic[New] not exist, apply first please!"),
        (
            "T",
            {"e": "4"},
            R.INVALID_PARAMETER,
            "request queueId[4] is illegal, TopicConfig [topicName=T, readQueueNums=4",
        ),
        (
            "T",
            {"i": "UNIQ_KEY\x01k\x02TIMER_DELAY_SEC\x01259201\x02"},
            R.MESSAGE_ILLEGAL,
            "timer message illegal, the delay time should not be bigger than the max delay 259200000ms",
        ),
        ("T", {"i": "UNIQ_KEY\x01k\x02DELAY\x01soon\x02"}, R.MESSAGE_ILLEGAL, "the message is illegal"),
        ("T", {"i": "UNIQ_KEY\x01k\x02INNER_NUM\x013\x02"}, R.MESSAGE_ILLEGAL, "the message is illegal"),
        (
            "T",
            {"i": f"UNIQ_KEY\x01k\x02big\x01{'v' * 33000}\x02"},
            R.MESSAGE_ILLEGAL,
            "msg properties length limit 32KB",
        ),
        (
            "T",
            {"i": "UNIQ_KEY\x01k\x02TRAN_MSG\x01true\x02DELAY\x011\x02PGROUP\x01p\x02"},
            R.MESSAGE_ILLEGAL,
            "cannot have a delay level",
        ),
    ],
)
def test_refusals(tmp_path: Path, topic: str, more: dict[str, str], code: int, remark: str) -> None:
    async def body(session: Session) -> None:
        assert (await session.send("T")).code == 0
        before = session.broker.store.max_phy_offset
        answer = await session.send(topic, **more)
        assert answer.code == code and remark in (answer.remark or ""), answer
        assert answer.ext_fields["MSG_REGION"] == "DefaultRegion"
        assert session.broker.store.max_phy_offset == before

    run(tmp_path, body)


def test_flags_that_would_hide_a_message_are_refused(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.send("T")
        for flag in ("4", "12", "128"):
            assert (await session.send("T", f=flag)).code == R.MESSAGE_ILLEGAL
        assert (await session.send("T", f="8")).code == R.SUCCESS
        assert session.broker.store.max_offset("T", 0) == 2

    run(tmp_path, body)


def test_body_limits(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        assert (await session.send("T", b"x" * 131072)).code == 0
        too_big = await session.send("T", b"x" * 131073)
        assert too_big.code == R.MESSAGE_ILLEGAL and "msg body length limit 131072B" in (too_big.remark or "")
        assert (await session.send("T", b"")).code == R.MESSAGE_ILLEGAL

    run(tmp_path, body)


def test_permissions_and_configuration_count_at_once(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        assert (await session.send("T")).code == 0
        broker.config.regionId = "R2"
        broker.configuration_changed()
        assert (await session.send("T")).ext_fields["MSG_REGION"] == "R2"
        assert stored(session, "T", 0, 1).properties["MSG_REGION"] == "R2"
        broker.topics.table["T"] = TopicConfig(topic_name="T", read_queue_nums=1, write_queue_nums=1)
        assert (await session.send("T", queue_id=1)).code == R.INVALID_PARAMETER
        broker.topics.table["T"] = TopicConfig(topic_name="T", read_queue_nums=1, write_queue_nums=1, order=True)
        broker.config.brokerPermission = 4
        broker.configuration_changed()
        refused = await session.send("T")
        assert refused.code == R.NO_PERMISSION and "sending message is forbidden" in (refused.remark or "")

    run(tmp_path, body)


def test_unsupported_queue_type_is_refused(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        session.broker.topics.table["Q"] = TopicConfig(
            topic_name="Q", read_queue_nums=1, write_queue_nums=1, attributes={"queue.type": "BatchCQ"}
        )
        answer = await session.send("Q")
        assert answer.code == R.NO_PERMISSION and "BatchCQ" in (answer.remark or "")
        session.broker.topics.table["C"] = TopicConfig(
            topic_name="C", read_queue_nums=1, write_queue_nums=1, attributes={"cleanup.policy": "COMPACTION"}
        )
        assert (await session.send("C")).remark == "Required message key is missing"
        assert (await session.send("C", properties={"KEYS": "k"})).code == 0

    run(tmp_path, body)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (PutStatus.SERVICE_NOT_AVAILABLE, R.SERVICE_NOT_AVAILABLE),
        (PutStatus.DISK_FULL, R.SERVICE_NOT_AVAILABLE),
        (PutStatus.CREATE_MAPPED_FILE_FAILED, R.SYSTEM_ERROR),
        (PutStatus.OS_PAGE_CACHE_BUSY, R.SYSTEM_BUSY),
    ],
)
def test_store_failures_are_told(tmp_path: Path, status: PutStatus, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "rocketmq_ops.store.log.appender.Appender.put_message", lambda self, message: PutMessageResult(status)
    )

    async def body(session: Session) -> None:
        for _ in range(2):
            answer = await session.send("T")
            assert answer.code == code and answer.remark

    run(tmp_path, body)


def test_sync_flush_answers_after_the_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(session: Session) -> None:
        store = session.broker.store
        for _ in range(3):
            answer = await session.send("T")
            assert answer.code == 0
            assert store.flushed_where >= store.max_phy_offset
        calls: list[int] = []
        monkeypatch.setattr(store, "when_flushed", lambda end, callback: (calls.append(end), callback(False)))
        answer = await session.send("T")
        assert answer.code == R.FLUSH_DISK_TIMEOUT and answer.ext_fields["queueOffset"] == "3"
        assert calls == [store.max_phy_offset]
        assert (await session.send("T", properties={"WAIT": "false"})).code == 0
        assert len(calls) == 1

    run(tmp_path, body, flushDiskType="SYNC_FLUSH")


def test_retry_beyond_its_limit_goes_to_the_dead_letter_topic(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker: BrokerController = session.broker
        assert (await session.send("%RETRY%g", j="3", l="16")).code == 0
        assert broker.store.max_offset("%RETRY%g", 0) == 1
        assert (await session.send("%RETRY%g", j="17", l="16")).code == 0
        assert broker.store.max_offset("%DLQ%g", 0) == 1
        broker.locks.try_lock_batch("g", [("T", "broker-a", 0)], "c")
        assert (await session.send("%RETRY%g", j="1", l="16")).code == 0
        assert broker.store.max_offset("%DLQ%g", 0) == 2

    run(tmp_path, body)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"i": "DELAY\x011\x02"}, 13), ({"i": "DELAY\x01x\x02"}, 13), ({"i": "INNER_NUM\x012\x02"}, 13), ({"f": "4"}, 13),
        ({"f": "8"}, 13), ({"f": "12"}, 13), ({"b": "%RETRY%g"}, 13), ({"i": "TIMER_DELAY_SEC\x01x\x02"}, 13),
    ],
)  # fmt: skip
def test_batches_that_apache_refuses(tmp_path: Path, more: dict[str, str], code: int) -> None:
    """Nothing of them is stored, in whatever topic."""

    async def body(session: Session) -> None:
        await session.send("T")
        before = session.broker.store.max_phy_offset
        items = batch_item(b"1", {}) + batch_item(b"2", {})
        answer = await session.ask(RequestCode.SEND_BATCH_MESSAGE, send_fields("T", m="true", **more), items)
        assert answer.code == code
        assert session.broker.store.max_phy_offset == before

    run(tmp_path, body)


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("A\x01\x02", {}), ("\x01v\x02", {}), ("INNER_NUM\x01\x02", {}), ("DELAY\x01\x02", {}),
        ("UNIQ_KEY\x01AB\x02A\x01\x02", {"UNIQ_KEY": "AB"}), ("UNIQ_KEY\x01AB\x02TAGS\x01a\x02TAGS\x01\x02", {"TAGS": "a"}),
        ("KEYS\x01\x02KEYS\x01k\x02", {"KEYS": "k"}), ("UNIQ_KEY\x01\x02KEYS\x01a\tb c\x02", {"KEYS": "a\tb c"}),
    ],
)  # fmt: skip
def test_properties_without_name_or_value_do_not_count(
    tmp_path: Path, batch: bool, sent: str, read: dict[str, str]
) -> None:
    """They are stored as sent; tags, keys and the message's own properties are those that Apache reads."""

    async def body(session: Session) -> None:
        code = RequestCode.SEND_BATCH_MESSAGE if batch else RequestCode.SEND_MESSAGE_V2
        content = batch_item(b"hello", {}) if batch else b"hello"
        for _ in range(2):  # the second one may take the short way
            answer = await session.ask(code, send_fields("T", i=sent, m=str(batch).lower()), content)
            assert answer.code == 0
        record = bytes(session.broker.store.message_at(0) or b"")
        assert all(piece in record for piece in sent.encode().split(b"\x02"))
        pulled = await session.pull("T", subscription=read.get("TAGS", "*"))
        messages = list(decode_messages(pulled.body_bytes))
        assert [message.body for message in messages] == [b"hello", b"hello"]
        assert all(message.properties[name] == value for message in messages for name, value in read.items())
        assert not any(name in message.properties for message in messages for name in ("A", "", "INNER_NUM", "DELAY"))
        for key in (read.get("KEYS") or "").split(" "):
            if key:
                assert len(session.broker.store.query_message("T", key, 9, 0, 1 << 62).views) == 2

    run(tmp_path, body)
