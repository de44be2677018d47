"""Looking up, scanning and sending messages, against a broker that answers by functions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.messages.message_results import ScanRequest, tag_filter, view
from rocketmq_ops.client.admin.messages.message_send import SendRequest
from rocketmq_ops.client.errors import BrokerError, NotFoundError
from rocketmq_ops.common.addresses import pack_host
from rocketmq_ops.common.errors import AllFailedError, CorruptDataError, RocketMQError
from rocketmq_ops.common.message import Message, MessageExt, string_to_properties
from rocketmq_ops.common.message_codec import decode_message, encode_batch, encode_message_id, encode_record
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeCluster

T = TypeVar("T")


def message(offset: int, tag: str = "A", key: str = "k", body: bytes = b"x", topic: str = "T") -> MessageExt:
    """A stored message whose commitlog offset is 1000 times its queue offset."""
    bare = MessageExt(
        topic=topic, queue_id=0, queue_offset=offset, commit_log_offset=offset * 1000, store_size=0, body=body,
        body_crc=0, flag=0, sys_flag=0, born_timestamp=1, born_host=("10.9.0.1", 5), store_timestamp=100 + offset,
        store_host=("10.1.0.1", 10911), reconsume_times=0, prepared_transaction_offset=0,
        properties={"TAGS": tag, "KEYS": key, "UNIQ_KEY": f"U{offset}"}, offset_msg_id="",
    )  # fmt: skip
    return decode_message(encode_record(bare))


@pytest.fixture
def cluster() -> FakeCluster:
    """Topic T with one queue of 100 messages, every third tagged B."""
    made = FakeCluster()
    broker = made["broker-a"]
    broker.add_topic("T", 1)
    stored = [message(offset, "B" if offset % 3 == 0 else "A", f"k{offset} all") for offset in range(100)]
    broker.ends = {("T", 0): len(stored)}

    def pull(c: RemotingCommand) -> RemotingCommand:
        begin, count = int(c.ext_fields["queueOffset"]), int(c.ext_fields["maxMsgNums"])
        found = stored[begin : begin + count]
        told = {"nextBeginOffset": str(begin + len(found)), "minOffset": "0", "maxOffset": str(len(stored))}
        code = ResponseCode.SUCCESS if found else ResponseCode.PULL_NOT_FOUND
        body = b"".join(encode_record(m) for m in found)
        return c.reply(code, ext_fields={"suggestWhichBrokerId": "0", **told}, body=body)

    def query(c: RemotingCommand) -> RemotingCommand:
        """As an index of hashes: every message is a candidate."""
        told = {"indexLastUpdateTimestamp": "1", "indexLastUpdatePhyoffset": "1"}
        return c.reply(ext_fields=told, body=b"".join(encode_record(m) for m in stored[:20]))

    def by_offset(c: RemotingCommand) -> RemotingCommand:
        found = [m for m in stored if m.commit_log_offset == int(c.ext_fields["offset"])]
        if not found:
            return c.reply(ResponseCode.SYSTEM_ERROR, "can not find message by the offset")
        return c.reply(body=encode_record(found[0]))

    made.transport.on(broker.address, Code.PULL_MESSAGE, pull)
    made.transport.on(broker.address, Code.QUERY_MESSAGE, query)
    made.transport.on(broker.address, Code.VIEW_MESSAGE_BY_ID, by_offset)
    return made


def run(cluster: FakeCluster, call: Callable[[MQAdmin], Awaitable[T]]) -> T:
    async def session() -> T:
        async with MQAdmin(cluster.name_servers, transport=cluster.transport) as admin:
            return await call(admin)

    return asyncio.run(session())


def test_a_scan_stops_at_its_limit_and_says_so(cluster: FakeCluster) -> None:
    report = run(cluster, lambda admin: admin.messages.scan(ScanRequest(topic="T", limit=40), view))
    assert [m.queue_offset for m in report.messages] == list(range(40))
    assert report.truncated
    assert cluster.transport.codes().count(Code.PULL_MESSAGE) == 2
    whole = run(cluster, lambda admin: admin.messages.scan(ScanRequest(topic="T", limit=100), view))
    assert (len(whole.messages), whole.truncated) == (100, False)


def test_a_scan_takes_tags_exactly_and_offsets_as_bounds(cluster: FakeCluster) -> None:
    wanted = ScanRequest(topic="T", limit=1000, expression="B || C", begin_offset=10, end_timestamp=149)
    report = run(cluster, lambda admin: admin.messages.scan(wanted, view))
    assert [m.queue_offset for m in report.messages] == list(range(12, 50, 3))
    assert (report.queues[0].begin_offset, report.queues[0].end_offset) == (10, 50)


def test_a_scan_moves_no_offset(cluster: FakeCluster) -> None:
    run(cluster, lambda admin: admin.messages.scan(ScanRequest(topic="T", limit=5), view))
    assert Code.UPDATE_CONSUMER_OFFSET not in cluster.transport.codes()
    pulls = [c.ext_fields for _, c in cluster.transport.sent if c.code == Code.PULL_MESSAGE]
    assert {(p["sysFlag"], p["suspendTimeoutMillis"]) for p in pulls} == {("4", "0")}


def test_the_message_at_an_offset(cluster: FakeCluster) -> None:
    found = run(cluster, lambda admin: admin.messages.at("T", "broker-a", 0, 42))
    assert (found.queue_offset, found.broker_name) == (42, "broker-a")
    with pytest.raises(NotFoundError) as caught:
        run(cluster, lambda admin: admin.messages.at("T", "broker-a", 0, 100))
    assert caught.value.next_step == "its offsets are 0 to 99"


def test_a_query_by_key_drops_what_only_shares_the_hash(cluster: FakeCluster) -> None:
    found, failures = run(cluster, lambda admin: admin.messages.query("T", "k7"))
    assert ([m.queue_offset for m in found], failures) == ([7], [])
    every, _ = run(cluster, lambda admin: admin.messages.query("T", "all"))
    assert len(every) == 20
    unique = run(cluster, lambda admin: admin.messages.by_unique_key("T", "U3"))
    assert [m.queue_offset for m in unique] == [3]


def test_an_offset_id_is_looked_up_at_its_broker(cluster: FakeCluster) -> None:
    msg_id = encode_message_id(pack_host("10.1.0.1", 10911), 5000)
    assert run(cluster, lambda admin: admin.messages.by_id("T", msg_id)).queue_offset == 5
    assert Code.QUERY_MESSAGE not in cluster.transport.codes()


def test_an_offset_id_is_looked_up_at_a_broker_that_is_registered_by_name(cluster: FakeCluster) -> None:
    broker = cluster["broker-a"]
    view = cluster.transport.handlers[(broker.address, Code.VIEW_MESSAGE_BY_ID)]
    broker.address = "localhost:10911"
    cluster.transport.on(broker.address, Code.VIEW_MESSAGE_BY_ID, view)
    msg_id = encode_message_id(pack_host("127.0.0.1", 10911), 5000)
    assert run(cluster, lambda admin: admin.messages.by_id("T", msg_id)).queue_offset == 5


def test_a_unique_key_that_looks_like_an_offset_id_connects_nowhere_else(cluster: FakeCluster) -> None:
    msg_id = encode_message_id(pack_host("203.0.113.9", 1234), 5)
    with pytest.raises(NotFoundError, match="no message"):
        run(cluster, lambda admin: admin.messages.by_id("T", msg_id))
    assert {address for address, _ in cluster.transport.sent} == {cluster.namesrv, "10.1.0.1:10911"}


def test_not_found_on_some_brokers_is_not_not_found() -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for broker in cluster.brokers.values():
        broker.add_topic("T", 1)
    cluster.transport.on(
        cluster["broker-a"].address, Code.QUERY_MESSAGE, lambda c: c.reply(ResponseCode.QUERY_NOT_FOUND, "none")
    )
    cluster.stop(cluster["broker-b"].address)
    with pytest.raises(AllFailedError, match="cannot connect"):
        run(cluster, lambda admin: admin.messages.by_unique_key("T", "U"))


def test_a_body_that_is_no_text_is_told_in_base64() -> None:
    plain = view(message(1, body="订单".encode()))
    assert (plain.body, plain.body_base64, plain.body_length) == ("订单", None, 6)
    assert view(message(1, body="订单".encode("gbk")), charset="gbk").body == "订单"
    binary = view(message(1, body=b"\xff\x00"))
    assert (binary.body, binary.body_base64) == (None, "/wA=")
    hidden = view(message(1), with_body=False)
    assert (hidden.body, hidden.body_base64) == (None, None)
    assert msgspec.json.decode(msgspec.json.encode(plain))["bodyLength"] == 6


def test_tag_expressions() -> None:
    one = message(1, "A")
    assert tag_filter("*")(one)
    assert tag_filter("")(one)
    assert tag_filter("B||A")(one)
    assert not tag_filter("B || AA")(one)


def accept(c: RemotingCommand) -> RemotingCommand:
    return c.reply(ext_fields={"msgId": "ID", "queueId": c.ext_fields["e"], "queueOffset": "7", "MSG_REGION": "R"})


def test_sending_goes_to_the_queue_that_was_named() -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for broker in cluster.brokers.values():
        broker.add_topic("T", 4)
        cluster.transport.on(broker.address, Code.SEND_MESSAGE_V2, accept)
    wanted = SendRequest(topic="T", body=b"hi", keys="k", tags="A", broker_name="broker-b", queue_id=3)
    sent = run(cluster, lambda admin: admin.messages.send(wanted))
    assert (sent.broker_name, sent.queue_id, sent.queue_offset, sent.send_status) == ("broker-b", 3, 7, "SEND_OK")
    (fields,) = [c.ext_fields for _, c in cluster.transport.sent if c.code == Code.SEND_MESSAGE_V2]
    assert (fields["b"], fields["e"], fields["n"], fields["m"]) == ("T", "3", "broker-b", "false")
    properties = string_to_properties(fields["i"])
    assert properties == {"KEYS": "k", "TAGS": "A", "UNIQ_KEY": sent.msg_id, "WAIT": "true"}


def test_sending_tries_another_broker() -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for broker in cluster.brokers.values():
        broker.add_topic("T", 4)
    cluster.stop(cluster["broker-a"].address)
    cluster.transport.on(cluster["broker-b"].address, Code.SEND_MESSAGE_V2, accept)
    for _ in range(5):
        sent = run(cluster, lambda admin: admin.messages.send(SendRequest(topic="T", body=b"hi")))
        assert sent.broker_name == "broker-b"


def test_sending_to_an_unknown_topic_uses_the_template() -> None:
    cluster = FakeCluster()
    cluster["broker-a"].add_topic("TBW102", 8, perm=7)
    cluster.transport.on(cluster["broker-a"].address, Code.SEND_MESSAGE_V2, accept)
    sent = run(cluster, lambda admin: admin.messages.send(SendRequest(topic="New", body=b"hi")))
    assert sent.queue_id < 4
    (fields,) = [c.ext_fields for _, c in cluster.transport.sent if c.code == Code.SEND_MESSAGE_V2]
    assert (fields["b"], fields["c"], fields["d"]) == ("New", "TBW102", "4")


def test_sending_to_a_read_only_topic_says_so() -> None:
    cluster = FakeCluster()
    cluster["broker-a"].add_topic("T", 4, perm=4)
    with pytest.raises(NotFoundError, match="no writable queue"):
        run(cluster, lambda admin: admin.messages.send(SendRequest(topic="T", body=b"hi")))


@pytest.mark.parametrize("line", ["sendMessage -t T -p hi", "checkMsgSendRT -t T -a 2"])
def test_sending_while_all_masters_are_away_says_so(cli: Cli, line: str) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"), ("broker-c", "C1"))
    for broker, perm in zip(cluster.brokers.values(), (6, 6, 4), strict=True):
        broker.add_topic("T", 4, perm=perm)
    cluster.headless = set(cluster.brokers)
    ran = cli(cluster.transport, *line.split(), "-n", cluster.namesrv)
    assert ran.code == ExitCode.CANNOT_CONNECT
    assert "no master of broker-a, broker-b is registered: messages for topic 'T' cannot be sent" in ran.err
    assert "start the master; if it is lost, make its slave the master" in ran.err
    assert "`mqadmin promote -b 10.1.0.1:10911`" in ran.err
    cluster.headless = {"broker-a"}
    cluster.transport.on(cluster["broker-b"].address, Code.SEND_MESSAGE_V2, accept)
    assert cli(cluster.transport, *line.split(), "-n", cluster.namesrv).code == 0


def test_a_refused_send_keeps_the_brokers_reason() -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    broker.add_topic("T", 4)
    cluster.transport.on(
        broker.address, Code.SEND_MESSAGE_V2, lambda c: c.reply(ResponseCode.MESSAGE_ILLEGAL, "the message is illegal")
    )
    with pytest.raises(BrokerError, match="illegal") as caught:
        run(cluster, lambda admin: admin.messages.send(SendRequest(topic="T", body=b"hi")))
    assert caught.value.code == ResponseCode.MESSAGE_ILLEGAL


@pytest.mark.parametrize(("code", "asked"), [(ResponseCode.MESSAGE_ILLEGAL, 1), (ResponseCode.SYSTEM_BUSY, 2)])
def test_another_broker_is_asked_only_where_it_may_answer_differently(code: ResponseCode, asked: int) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for broker in cluster.brokers.values():
        broker.add_topic("T", 4)
        cluster.transport.on(broker.address, Code.SEND_MESSAGE_V2, lambda c: c.reply(code, "no"))
    with pytest.raises(RocketMQError):
        run(cluster, lambda admin: admin.messages.send(SendRequest(topic="T", body=b"hi")))
    assert cluster.transport.codes().count(Code.SEND_MESSAGE_V2) == asked


def test_a_trace_has_apaches_fields() -> None:
    cluster = FakeCluster()
    cluster["broker-a"].add_topic("T", 1)
    cluster["broker-a"].add_topic("RMQ_SYS_TRACE_TOPIC", 1)
    cluster.transport.on(cluster["broker-a"].address, Code.SEND_MESSAGE_V2, accept)
    wanted = SendRequest(topic="T", body=b"hello", keys="k")

    async def both(admin: MQAdmin) -> str:
        sent = await admin.messages.send(wanted)
        await admin.messages.send_trace(wanted, sent)
        return sent.msg_id

    msg_id = run(cluster, both)
    trace = [c for _, c in cluster.transport.sent if c.code == Code.SEND_MESSAGE_V2][1]
    assert trace.ext_fields["b"] == "RMQ_SYS_TRACE_TOPIC"
    fields = trace.body_bytes.decode().removesuffix("\x02").split("\x01")
    assert (fields[0], fields[2], fields[4], fields[5], fields[7]) == ("Pub", "R", "T", msg_id, "k")
    assert fields[8:10] == ["10.1.0.1:10911", "5"]
    assert fields[11:] == ["0", "ID", "true"]


@pytest.mark.parametrize(
    ("remark", "error", "said"),
    [("77@T is not exist!", NotFoundError, "has no queue 77 of topic 'T'"), ("disk gone", BrokerError, "disk gone")],
)
def test_a_consumequeue_that_is_not_there_is_not_found(
    cluster: FakeCluster, remark: str, error: type[Exception], said: str
) -> None:
    def answer(c: RemotingCommand) -> RemotingCommand:
        return c.reply(ResponseCode.SYSTEM_ERROR, remark)

    cluster.transport.on(cluster["broker-a"].address, Code.QUERY_CONSUME_QUEUE, answer)
    with pytest.raises(error, match=said):
        run(cluster, lambda admin: admin.messages.consume_queue("T", 77, 0, 10, None, None))


class Queue:
    """Queue 0 of T as a broker serves it: records by offset, None where the commitlog has nothing for a unit."""

    def __init__(self, cluster: FakeCluster, records: list[bytes | None]) -> None:
        self.records, self.low = records, 0
        broker = cluster["broker-a"]
        broker.ends = {("T", 0): len(records)}
        cluster.transport.on(broker.address, Code.PULL_MESSAGE, self.pull)

    def pull(self, c: RemotingCommand) -> RemotingCommand:
        begin, count = int(c.ext_fields["queueOffset"]), int(c.ext_fields["maxMsgNums"])
        following, body = begin, b""
        for record in self.records[begin : begin + count]:
            following += 1
            body += record or b""
        end = str(len(self.records))
        told = {"nextBeginOffset": str(following), "minOffset": str(self.low), "maxOffset": end}
        code, remark = (ResponseCode.SUCCESS, "FOUND") if body else (ResponseCode.PULL_RETRY_IMMEDIATELY, "REMOVING")
        if remark == "REMOVING":
            remark = "MESSAGE_WAS_REMOVING" if following > begin else "NO_MATCHED_LOGIC_QUEUE"
        return c.reply(code, remark, ext_fields={"suggestWhichBrokerId": "0", **told}, body=body)


def damaged(count: int = 100) -> list[bytes | None]:
    """Offsets 20 to 24 zeroed, 40 to 42 not in the commitlog, 60 with a body that is not compressed though it says so."""
    records: list[bytes | None] = [encode_record(message(offset)) for offset in range(count)]
    records[20:25] = [bytes(len(records[20] or b""))] * 5
    records[40:43] = [None] * 3
    records[60] = encode_record(msgspec.structs.replace(message(60, body=b"plain"), sys_flag=1))
    return records


def test_a_scan_goes_on_behind_damage_and_says_what_it_left_out(cluster: FakeCluster) -> None:
    Queue(cluster, damaged())
    report = run(cluster, lambda admin: admin.messages.scan(ScanRequest(topic="T", limit=1000), view))
    assert [m.queue_offset for m in report.messages] == [*range(20), *range(25, 40), *range(43, 100)]
    assert [(s.begin_offset, s.end_offset) for s in report.queues[0].skipped] == [(20, 25), (40, 43)]
    assert len(report.failures) == 2
    (bad,) = [m for m in report.messages if m.body_error is not None]
    assert (bad.queue_offset, bad.body, bad.body_base64) == (60, None, "cGxhaW4=")
    assert "zlib" in (bad.body_error or "")


def test_damage_behind_the_limit_or_outside_the_range_is_not_told(cluster: FakeCluster) -> None:
    Queue(cluster, damaged())
    report = run(cluster, lambda admin: admin.messages.scan(ScanRequest(topic="T", limit=10), view))
    assert (len(report.messages), report.failures) == (10, [])
    wanted = ScanRequest(topic="T", limit=1000, begin_offset=43)
    assert run(cluster, lambda admin: admin.messages.scan(wanted, view)).failures == []


def test_what_expired_meanwhile_is_no_damage(cluster: FakeCluster) -> None:
    queue = Queue(cluster, damaged())
    queue.low = 50
    report = run(cluster, lambda admin: admin.messages.scan(ScanRequest(topic="T", limit=1000), view))
    assert report.failures == []


def test_the_gaps_of_a_compacted_topic_are_no_damage(cluster: FakeCluster) -> None:
    queue = Queue(cluster, [encode_record(message(offset)) for offset in range(100)])
    queue.records[10:15] = [b""] * 5
    scan = ScanRequest(topic="T", limit=1000)
    assert len(run(cluster, lambda admin: admin.messages.scan(scan, view)).failures) == 1
    cluster["broker-a"].topics["T"]["attributes"] = {"cleanup.policy": "COMPACTION"}
    report = run(cluster, lambda admin: admin.messages.scan(scan, view))
    assert (len(report.messages), report.failures, report.queues[0].skipped) == (95, [], [])


def test_a_queue_that_gives_nothing_before_its_end_is_not_complete(cluster: FakeCluster) -> None:
    queue = Queue(cluster, damaged(80))
    cluster["broker-a"].ends = {("T", 0): 100}
    pull = queue.pull

    def stuck(c: RemotingCommand) -> RemotingCommand:
        answer = pull(c)
        answer.ext_fields["maxOffset"] = "100"
        return answer

    cluster.transport.on(cluster["broker-a"].address, Code.PULL_MESSAGE, stuck)
    report = run(cluster, lambda admin: admin.messages.scan(ScanRequest(topic="T", limit=1000), view))
    assert [(s.begin_offset, s.end_offset) for s in report.queues[0].skipped][-1] == (80, 100)


@pytest.mark.parametrize("command", [("printMsg", "-t", "T"), ("consumeMessage", "-t", "T", "-c", "1000")])
def test_commands_that_read_on_behind_damage_are_partial(
    cli: Cli, cluster: FakeCluster, command: tuple[str, ...]
) -> None:
    Queue(cluster, damaged())
    ran = cli(cluster.transport, command[0], "-n", cluster.namesrv, *command[1:])
    assert ran.code == 5
    assert ran.out.count("BODY: ") == 92
    assert "BODY: (undecodable, 5 bytes: the zlib body cannot be decompressed" in ran.out
    assert "broker-a queue 0: 5 offsets from 20 to 24 cannot be read and are left out" in ran.err
    ran = cli(cluster.transport, command[0], "-n", cluster.namesrv, *command[1:], "--output", "json")
    assert (ran.code, ran.json["status"]) == (5, "partial")


@pytest.mark.parametrize(
    ("limit", "damage"), [(20, []), (21, [(20, 25)]), (34, [(20, 25)]), (36, [(20, 25), (40, 43)])]
)
def test_what_was_passed_over_before_the_limit_is_told(
    cluster: FakeCluster, limit: int, damage: list[tuple[int, int]]
) -> None:
    Queue(cluster, damaged())
    report = run(cluster, lambda admin: admin.messages.scan(ScanRequest(topic="T", limit=limit), view))
    assert (len(report.messages), report.truncated) == (limit, True)
    assert [(s.begin_offset, s.end_offset) for s in report.queues[0].skipped] == damage
    assert len(report.failures) == len(damage)


def test_the_message_at_a_damaged_offset(cluster: FakeCluster) -> None:
    Queue(cluster, damaged())
    for offset, said in ((22, "is not a message"), (41, "MESSAGE_WAS_REMOVING")):
        with pytest.raises(CorruptDataError, match=said):
            run(cluster, lambda admin, at=offset: admin.messages.at("T", "broker-a", 0, at))  # type: ignore[misc]
    assert run(cluster, lambda admin: admin.messages.at("T", "broker-a", 0, 60)).body == b"plain"


def test_a_batch_is_read_item_by_item(cluster: FakeCluster) -> None:
    """In a topic with batch consumequeues one record holds several offsets; a pull into its middle gives all of it."""
    batches = {}
    for first in (0, 5, 10):
        inner = [Message("T", b"%d" % i, properties={"UNIQ_KEY": f"I{i}"}) for i in range(first, first + 5)]
        batches[first] = encode_record(msgspec.structs.replace(message(first, body=encode_batch(inner)), sys_flag=0xC0))

    def pull(c: RemotingCommand) -> RemotingCommand:
        first = int(c.ext_fields["queueOffset"]) // 5 * 5
        told = {"nextBeginOffset": str(min(first + 5, 15)), "minOffset": "0", "maxOffset": "15"}
        code = ResponseCode.SUCCESS if first in batches else ResponseCode.PULL_NOT_FOUND
        return c.reply(code, ext_fields={"suggestWhichBrokerId": "0", **told}, body=batches.get(first, b""))

    cluster["broker-a"].ends = {("T", 0): 15}
    cluster.transport.on(cluster["broker-a"].address, Code.PULL_MESSAGE, pull)
    report = run(cluster, lambda admin: admin.messages.scan(ScanRequest(topic="T", limit=100, begin_offset=7), view))
    assert [(m.queue_offset, m.body) for m in report.messages] == [(i, str(i)) for i in range(7, 15)]
    assert report.failures == []
    found = run(cluster, lambda admin: admin.messages.at("T", "broker-a", 0, 8))
    assert (found.queue_offset, found.msg_id) == (8, "I8")


@pytest.mark.parametrize("hint", ["first", "nearest", "last", "-1", "exact"])
def test_a_time_window_holds_what_lies_in_it(cluster: FakeCluster, hint: str) -> None:
    """Whatever a broker's search answers: messages of several to a millisecond, both ends counted, nothing behind."""
    times = [100, 100, 100, 105, 105, 107, 110, 110, 110, 110]
    stored = [msgspec.structs.replace(message(i), store_timestamp=time) for i, time in enumerate(times)]
    Queue(cluster, [encode_record(m) for m in stored])

    def search(c: RemotingCommand) -> RemotingCommand:
        wanted = int(c.ext_fields["timestamp"])
        nearest = min(range(len(times)), key=lambda i: abs(times[i] - wanted))
        exact = sum(time < wanted for time in times)
        found = {"first": 0, "nearest": nearest, "last": len(times) - 1, "-1": -1, "exact": exact}[hint]
        return c.reply(ext_fields={"offset": str(found)})

    cluster.transport.on(cluster["broker-a"].address, Code.SEARCH_OFFSET_BY_TIMESTAMP, search)
    for begin in range(98, 113):
        for end in range(begin, 113):
            wanted = ScanRequest(topic="T", limit=100, begin_timestamp=begin, end_timestamp=end)
            report = run(cluster, lambda admin, w=wanted: admin.messages.scan(w, view))  # type: ignore[misc]
            expected = [i for i, time in enumerate(times) if begin <= time <= end]
            assert [m.queue_offset for m in report.messages] == expected, (begin, end)
            assert report.failures == []


def test_a_query_by_key_holds_the_times_it_is_given(cluster: FakeCluster) -> None:
    """The index knows seconds: the broker is asked from one second before, and the messages' own times decide."""
    found, _ = run(cluster, lambda admin: admin.messages.query("T", "all", begin=2103, end=2105))
    assert found == []
    found, _ = run(cluster, lambda admin: admin.messages.query("T", "all", begin=103, end=105))
    assert [m.store_timestamp for m in found] == [103, 104, 105]
    asked = [c.ext_fields["beginTimestamp"] for _, c in cluster.transport.sent if c.code == Code.QUERY_MESSAGE]
    assert asked == ["1103", "0"]


def test_an_id_of_another_topic_or_cluster_is_not_found(cluster: FakeCluster) -> None:
    msg_id = encode_message_id(pack_host("10.1.0.1", 10911), 5000)
    with pytest.raises(NotFoundError, match="is of topic 'T', not of 'U'"):
        run(cluster, lambda admin: admin.messages.by_id("U", msg_id))
    assert run(cluster, lambda admin: admin.messages.by_id("T", msg_id, "C1")).queue_offset == 5
    with pytest.raises(NotFoundError, match="in cluster 'C1', not in 'C2'"):
        run(cluster, lambda admin: admin.messages.by_id("T", msg_id, "C2"))
    # A delayed message waits in another topic than it was sent to.
    waiting = message(5, topic="SCHEDULE_TOPIC_XXXX")
    waiting.properties["REAL_TOPIC"] = "T"
    answer = encode_record(waiting)
    cluster.transport.on(cluster["broker-a"].address, Code.VIEW_MESSAGE_BY_ID, lambda c: c.reply(body=answer))
    assert run(cluster, lambda admin: admin.messages.by_id("T", msg_id)).topic == "SCHEDULE_TOPIC_XXXX"
