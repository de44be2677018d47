"""Sends that are stored without decoding their header: they become what decoded ones become, and nothing else does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.broker.processors.send_message import KNOWN_SENDS, SendMessageProcessor
from rocketmq_ops.broker.send.known_sends import KnownSends
from rocketmq_ops.common.java_hash import tags_hash
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.message_codec import decode_message
from rocketmq_ops.remoting import channel as channel_module
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.frame_codec import FrameDecoder
from tests.broker.ha.pairs import SYNC, Pair, stall, until
from tests.broker.support import batch_item, new_broker

KEY = "7F0000010B3A18B4AAC2000000000001"


@pytest.fixture(autouse=True, scope="module")
def _one_turn() -> Iterator[None]:
    """What a connection sends is handled in one turn, however busy the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(channel_module, "TURN_SECONDS", 3_600.0)
        yield


class Wire:
    """A connection of a broker without a socket: frames in, decoded answers out."""

    def __init__(self, broker: BrokerController, port: int = 40000) -> None:
        self._port = port
        self.aborted = False
        self.out: list[bytes] = []
        self.channel = Channel(broker.server, asyncio.get_running_loop(), broker.server.max_frame)
        self.channel.connection_made(self)  # type: ignore[arg-type]

    def get_extra_info(self, name: str) -> Any:
        return ("127.0.0.1", self._port) if name.endswith("name") else None

    def set_write_buffer_limits(self, **_: Any) -> None:
        return

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes) -> None:
        self.out.append(data)

    def abort(self) -> None:
        self.aborted = True
        self.close()

    def close(self) -> None:
        asyncio.get_running_loop().call_soon(self.channel.connection_lost, None)

    def ask(self, frame: bytes, *, pieces: int = 1) -> Any:
        """The answer to one frame that arrives in so many pieces; None without one."""
        step = -(-len(frame) // pieces)
        for at in range(0, len(frame), step):
            self.channel.data_received(frame[at : at + step])
        answers = list(FrameDecoder().feed(b"".join(self.out)))
        self.out.clear()
        return answers[0] if answers else None


def send_frame(
    topic: str = "T", *, opaque: int = 1000, body: bytes = b"hello", keys: str | None = None, key: str = KEY,
    keys_first: bool = False, more: str = "", code: int = 310, **fields: str,
) -> bytes:  # fmt: skip
    """A send as Java's client writes it."""
    named = f"KEYS\x01{keys}\x02" if keys is not None else ""
    unique = f"UNIQ_KEY\x01{key}\x02"
    text = (named + unique if keys_first else unique + "WAIT\x01true\x02" + named) + more
    header = {
        "code": code,
        "extFields": {
            "a": "p", "b": topic, "c": "TBW102", "d": "4", "e": "1", "f": "0", "g": "1795246590674", "h": "0",
            "i": text, "j": "0", "k": "false", "m": "true" if code == 320 else "false", "n": "broker-a",
        } | fields,
        "flag": 0, "language": "JAVA", "opaque": opaque, "serializeTypeCurrentRPC": "JSON", "version": 479,
    }  # fmt: skip
    raw = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    return (4 + len(raw) + len(body)).to_bytes(4, "big") + len(raw).to_bytes(4, "big") + raw + body


def last_stored(broker: BrokerController, topic: str = "T", queue_id: int = 1) -> MessageExt:
    offset = broker.store.max_offset(topic, queue_id) - 1
    return decode_message(broker.store.get_message("t", topic, queue_id, offset, 1).views[0])


def with_broker(root: Path, body: Callable[[BrokerController], None], **settings: Any) -> None:
    """Run a function over a started broker."""

    async def whole() -> None:
        broker = new_broker(root, **settings)
        await broker.start()
        # Answers to sends that create their topic leave when the topic is saved, later than in the call.
        for topic in ("T", "U", "V", "W", "Longer"):
            broker.topics.create_in_send_message(topic, "TBW102", "127.0.0.1:1", 4, 0)
        try:
            body(broker)
        finally:
            await broker.stop()

    asyncio.run(whole())


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Opaques of the sends that were decoded, in order."""
    opaques: list[int] = []
    send = SendMessageProcessor.send

    def counted(self: Any, channel: Any, request: Any, header: Any) -> Any:
        opaques.append(request.opaque)
        return send(self, channel, request, header)

    monkeypatch.setattr(SendMessageProcessor, "send", counted)
    return opaques


#: Many of one length; some that the broker acts on, with escapes, without a separator at the end, and unreadable ones.
OTHER_PROPERTIES = [
    "", "TAGS\x01a\x02", "TAGS\x01b\x02", "TAGS\x01a", "TRACE_ON\x01no\x02", "DELAY\x011\x02", "DELAY\x012\x02",
    "TAGS\x01ab\x02", 'TAGS\x01"\x02', "TAGS\x01\\\x02", "TAGS\x01é\x02", "TAGS\x02a\x02", "TAGS\x01\n\x02", "KEYS\x01a\x02",
]  # fmt: skip
SENDS = st.lists(
    st.fixed_dictionaries(
        {
            "topic": st.sampled_from(["T", "U", "Longer"]),
            "opaque": st.sampled_from([7, 99, 100, 1000, 2_147_483_647]),
            "body": st.sampled_from([b"x", b"hello", b"z" * 3000]),
            "keys": st.sampled_from([None, "k1", "k2", "k1 k2", "", 'a"b', "a\\b", "é", "UNIQ_KEY\x01x"]),
            "keys_first": st.booleans(),
            "key": st.sampled_from([KEY, KEY[::-1], "short", "no-letter" * 3, KEY + "é"]),
            "more": st.sampled_from(OTHER_PROPERTIES),
            "e": st.sampled_from(["0", "1", "3", "77"]),
            "g": st.sampled_from(["1795246590674", "1795246590675", "5"]),
            "h": st.sampled_from(["0", "1"]),
        }
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=25, deadline=None)
@given(SENDS)
def test_a_send_that_is_not_decoded_becomes_what_a_decoded_one_becomes(
    tmp_path_factory: pytest.TempPathFactory, sends: list[dict[str, Any]]
) -> None:
    root = tmp_path_factory.mktemp("known")

    def outcomes(broker: BrokerController, *, remembering: bool) -> list[Any]:
        wire = Wire(broker)
        found: list[Any] = []
        for send in [one for one in sends for _ in range(3)]:
            before = broker.store.max_phy_offset
            answer = wire.ask(send_frame(**send))
            fields = {k: v for k, v in answer.ext_fields.items() if k != "msgId"}
            size = broker.store.max_phy_offset - before
            found.append((answer.code, answer.opaque, fields, size if size < 100_000 else 0))
            if size and "DELAY" not in send["more"]:
                stored = last_stored(broker, send["topic"], int(send["e"]))
                found.append((stored.body, stored.properties, stored.born_timestamp, stored.sys_flag, stored.queue_id))
                if send["keys"]:
                    key = send["keys"].split(" ")[0]
                    found.append(len(broker.store.query_message(send["topic"], key, 32, 0, 1 << 62).views))
            if not remembering:
                wire.channel.raw_request_handler = None
        return found

    results: list[list[Any]] = []
    for remembering in (True, False):
        with_broker(
            root / str(remembering),
            lambda broker, remembering=remembering: results.append(outcomes(broker, remembering=remembering)),  # type: ignore[misc]
        )
    assert results[0] == results[1]


@pytest.mark.parametrize("keys_first", [True, False])
def test_the_third_send_of_a_kind_and_all_later_ones_are_not_decoded(
    keys_first: bool, tmp_path: Path, decoded: list[int]
) -> None:
    def body(broker: BrokerController) -> None:
        wire = Wire(broker)
        for number in range(10):
            key = f"{number:032X}"
            answer = wire.ask(
                send_frame(
                    opaque=100 + number, key=key, keys=f"k{number}", keys_first=keys_first, body=b"b%d" % number
                ),
                pieces=1 + number % 3,
            )
            assert (answer.code, answer.opaque) == (0, 100 + number)
            assert answer.ext_fields["transactionId"] == key
            assert answer.ext_fields["queueOffset"] == str(number)
            stored = last_stored(broker)
            assert (stored.body, stored.properties["KEYS"]) == (b"b%d" % number, f"k{number}")
            assert stored.properties["UNIQ_KEY"] == key
            for wanted in (key, f"k{number}"):
                assert len(broker.store.query_message("T", wanted, 32, 0, 1 << 62).views) == 1
        assert decoded == [100, 101]  # the first creates the topic, the second is remembered
        counters = broker.stats.topic_counters("T")
        assert (counters.put_nums, counters.put_times) == (10, 10)

    with_broker(tmp_path, body)


def test_sends_with_other_properties_are_rarely_decoded(tmp_path: Path, decoded: list[int]) -> None:
    def body(broker: BrokerController) -> None:
        wire = Wire(broker)
        for number in range(200):
            more = f"TAGS\x01{number % 3}\x02mm\x01é{number % 7}\x02"
            answer = wire.ask(send_frame(opaque=100 + number, keys=f"k{number % 10}", more=more))
            assert (answer.code, answer.opaque) == (0, 100 + number)
            stored = last_stored(broker)
            assert stored.properties["TAGS"] == str(number % 3) and stored.properties["mm"] == f"é{number % 7}"
            assert stored.properties["UNIQ_KEY"] == KEY and stored.properties["CLUSTER"] == "DefaultCluster"
            unit = broker.store.consume_queue("T", 1).unit(number)
            assert unit[2] == tags_hash(str(number % 3))
        assert len(decoded) < 15
        for digit in range(10):
            assert len(broker.store.query_message("T", f"k{digit}", 32, 0, 1 << 62).views) == 20
        # As long as those, but it has to wait: another name is one shorter for it.
        assert wire.ask(send_frame(opaque=100, keys="k0", more="DELAY\x011\x02m\x01é1\x02")).code == 0
        assert broker.store.max_offset("T", 1) == 200

    with_broker(tmp_path, body)


@pytest.mark.parametrize(
    ("usual", "other"),
    [
        ("TAGS\x01%06d\x02", "TRACE_ON\x01no\x02"),
        ("TAGS\x01%d\x02", "TAGS\x017777777"),
        ("TAGS\x01%07d", "TAGS\x017\x02"),
    ],
)
def test_other_properties_of_the_same_length_are_stored_as_decoded_ones(
    usual: str, other: str, tmp_path: Path, decoded: list[int]
) -> None:
    def body(broker: BrokerController) -> None:
        wire = Wire(broker)
        for number in range(100):
            assert wire.ask(send_frame(more=usual % (number % 7))).code == 0
        decoded.clear()
        found = []
        for at in (wire, Wire(broker, 40001)):
            before = broker.store.max_phy_offset
            assert at.ask(send_frame(more=other)).code == 0
            found.append((broker.store.max_phy_offset - before, last_stored(broker).properties))
        assert found[0] == found[1]
        assert len(decoded) == (2 if "TRACE_ON" in other else 1)

    with_broker(tmp_path, body)


def varied(wire: Wire, first: int, count: int) -> None:
    """So many sends with a property of one digit or two, opaques from `first` on."""
    for number in range(count):
        answer = wire.ask(send_frame(opaque=first + number % 100, more=f"n\x01{5 + 3 * number % 20}\x02"))
        assert answer.code == 0


def test_what_is_remembered_of_a_length_gives_way_when_opaques_become_longer(
    tmp_path: Path, decoded: list[int]
) -> None:
    def body(broker: BrokerController) -> None:
        wire = Wire(broker)
        varied(wire, 100, 600)
        decoded.clear()
        varied(wire, 1000, 600)  # with one digit as long as those before with two
        assert len(decoded) < 60

    with_broker(tmp_path, body)


def test_sends_with_other_properties_are_remembered_anew_after_a_change(tmp_path: Path, decoded: list[int]) -> None:
    def body(broker: BrokerController) -> None:
        wire = Wire(broker)
        varied(wire, 100, 600)
        broker.config.traceOn = False
        broker.configuration_changed()
        decoded.clear()
        varied(wire, 100, 100)
        assert len(decoded) < 10
        assert last_stored(broker).properties["TRACE_ON"] == "false"

    with_broker(tmp_path, body)


def test_sends_that_leave_the_queue_to_the_broker_are_decoded(tmp_path: Path, decoded: list[int]) -> None:
    def body(broker: BrokerController) -> None:
        wire = Wire(broker)
        for number in range(40):
            answer = wire.ask(send_frame(opaque=100 + number, e="-1"))
            assert answer.code == 0 and 0 <= int(answer.ext_fields["queueId"]) < 4
        assert len(decoded) == 40
        assert sum(broker.store.max_offset("T", queue_id) for queue_id in range(4)) == 40

    with_broker(tmp_path, body)


def test_batches_are_remembered_too(tmp_path: Path, decoded: list[int]) -> None:
    def body(broker: BrokerController) -> None:
        wire = Wire(broker)
        for number in range(5):
            items = b"".join(batch_item(b"%d-%d" % (number, i), {"WAIT": "true"}) for i in range(3))
            answer = wire.ask(send_frame(opaque=100 + number, body=items, code=RequestCode.SEND_BATCH_MESSAGE))
            assert answer.code == 0 and len(answer.ext_fields["msgId"].split(",")) == 3
        assert decoded == [100, 101]
        assert broker.store.max_offset("T", 1) == 15
        assert last_stored(broker).body == b"4-2"
        answer = wire.ask(send_frame(opaque=110, body=b"no batch", code=RequestCode.SEND_BATCH_MESSAGE))
        assert answer.code == ResponseCode.MESSAGE_ILLEGAL
        assert broker.store.max_offset("T", 1) == 15

    with_broker(tmp_path, body)


def test_what_is_remembered_is_void_when_topic_or_configuration_change(tmp_path: Path, decoded: list[int]) -> None:
    def body(broker: BrokerController) -> None:
        wire = Wire(broker)

        def send() -> Any:
            return wire.ask(send_frame())

        for _ in range(3):
            assert send().ext_fields["TRACE_ON"] == "true"
        assert len(decoded) == 2
        broker.config.traceOn = False
        broker.configuration_changed()
        assert send().ext_fields["TRACE_ON"] == "false"
        assert last_stored(broker).properties["TRACE_ON"] == "false"
        broker.topics.delete("T")
        broker.store.delete_topics(["T"])
        broker.config.autoCreateTopicEnable = False
        broker.configuration_changed()
        assert send().code == ResponseCode.TOPIC_NOT_EXIST

    with_broker(tmp_path, body)


def test_a_stopping_broker_refuses_what_it_remembers(tmp_path: Path) -> None:
    def body(broker: BrokerController) -> None:
        wire = Wire(broker)
        for _ in range(3):
            assert wire.ask(send_frame()).code == 0
        broker.server.before_request = lambda _, request: request.reply(ResponseCode.SERVICE_NOT_AVAILABLE, "stopping")
        assert wire.ask(send_frame()).code == ResponseCode.SERVICE_NOT_AVAILABLE

    with_broker(tmp_path, body)


def test_several_sends_in_one_read_are_answered_in_their_order_in_one_write(tmp_path: Path, decoded: list[int]) -> None:
    def body(broker: BrokerController) -> None:
        wire = Wire(broker)
        for _ in range(3):
            assert wire.ask(send_frame()).code == 0
        decoded.clear()
        other = b'{"code":%d,"extFields":{},"flag":0,"opaque":5}' % RequestCode.GET_BROKER_RUNTIME_INFO
        frames = [send_frame(opaque=1000 + number, body=b"%d" % number) for number in range(5)]
        frames.insert(2, (4 + len(other)).to_bytes(4, "big") + len(other).to_bytes(4, "big") + other)
        wire.channel.data_received(b"".join(frames) + frames[0][:50])
        (written,) = wire.out
        answers = [answer for answer in FrameDecoder().feed(written) if not isinstance(answer, bytes)]
        assert [answer.opaque for answer in answers] == [1000, 1001, 5, 1002, 1003, 1004]
        assert {answer.code for answer in answers} == {0}
        wire.out.clear()
        assert wire.ask(frames[0][50:]).opaque == 1000
        assert decoded == []
        assert broker.store.max_offset("T", 1) == 9

    with_broker(tmp_path, body)


def test_a_frame_over_the_limit_is_refused_although_its_kind_is_known(tmp_path: Path) -> None:
    def body(broker: BrokerController) -> None:
        broker.server.max_frame = 4_000
        wire = Wire(broker)
        for _ in range(3):
            assert wire.ask(send_frame()).code == 0
        assert wire.ask(send_frame(body=bytes(4_000))) is None
        assert wire.aborted
        assert broker.store.max_offset("T", 1) == 3

    with_broker(tmp_path, body)


def test_sends_of_one_length_that_differ_elsewhere_are_decoded(tmp_path: Path, decoded: list[int]) -> None:
    def body(broker: BrokerController) -> None:
        wire = Wire(broker)
        for topic in ("T", "U", "V", "W"):
            for _ in range(3):
                assert wire.ask(send_frame(topic)).code == 0
            assert broker.store.max_offset(topic, 1) == 3
        before = len(decoded)
        for _ in range(200):
            for topic in ("T", "U"):
                assert wire.ask(send_frame(topic)).code == 0
        assert [broker.store.max_offset(topic, 1) for topic in ("T", "U")] == [203, 203]
        assert 200 <= len(decoded) - before < 300, "of two kinds that cannot be told apart one stays remembered"

    with_broker(tmp_path, body)


@pytest.mark.parametrize("change", [(b'"version":479}', b'"version":479]'), (b'"flag":0', b'"flag":x')])
def test_a_broken_header_of_a_known_length_closes_the_connection(change: tuple[bytes, bytes], tmp_path: Path) -> None:
    def body(broker: BrokerController) -> None:
        wire = Wire(broker)
        for _ in range(3):
            assert wire.ask(send_frame()).code == 0
        wire.ask(send_frame().replace(*change))
        assert wire.aborted
        assert broker.store.max_offset("T", 1) == 3

    with_broker(tmp_path, body)


def test_separators_that_are_not_escaped_add_no_properties(tmp_path: Path) -> None:
    def body(broker: BrokerController) -> None:
        wire = Wire(broker)
        for _ in range(3):
            assert wire.ask(send_frame(keys="k12345")).code == 0
        wire.ask(send_frame(keys="k12345").replace(b"k12345", b"k\x02A\x01bc"))
        assert wire.aborted
        assert broker.store.max_offset("T", 1) == 3

    with_broker(tmp_path, body)


@pytest.mark.parametrize("fields", [{"z": "x" * 5_000}, {"opaque": "7"}, {"j": "0", "y": '","opaque":1,"'}])
def test_a_header_is_remembered_only_when_its_values_are_surely_found(
    fields: dict[str, str], tmp_path: Path, decoded: list[int]
) -> None:
    def body(broker: BrokerController) -> None:
        wire = Wire(broker)
        wire.ask(send_frame())
        decoded.clear()
        for _ in range(10):
            assert wire.ask(send_frame(**fields)).code == 0
        assert len(decoded) == (1 if "y" in fields else 10), "what is quoted within a value does not confuse it"
        assert broker.store.max_offset("T", 1) == 11

    with_broker(tmp_path, body)


def test_what_is_remembered_of_a_connection_is_bounded(tmp_path: Path) -> None:
    def body(broker: BrokerController) -> None:
        wire = Wire(broker)
        for length in range(300):
            assert wire.ask(send_frame(keys="k" * length)).code == 0
        known = wire.channel.attrs[KNOWN_SENDS]
        assert isinstance(known, KnownSends)
        assert len(known._kinds) <= 64

    with_broker(tmp_path, body)


def sends(count: int, first: int = 1000) -> bytes:
    """Frames of sends to one queue, with the bodies 0, 1, 2 ..."""
    return b"".join(send_frame(opaque=first + number, body=b"%d" % number) for number in range(count))


def answers_of(wire: Wire) -> list[RemotingCommand]:
    """The answers so far."""
    return [answer for answer in FrameDecoder().feed(b"".join(wire.out)) if not isinstance(answer, bytes)]


async def answered(wire: Wire, count: int) -> list[tuple[int, int, str]]:
    """Opaque, code and queue offset of so many answers, once they are there."""
    await until(lambda: len(answers_of(wire)) >= count)
    found = answers_of(wire)
    wire.out.clear()
    return [(answer.opaque, answer.code, answer.ext_fields["queueOffset"]) for answer in found]


async def remembered(broker: BrokerController) -> Wire:
    """A connection whose sends need not be decoded any more; three messages are in the queue."""
    broker.topics.create_in_send_message("T", "TBW102", "127.0.0.1:1", 4, 0)
    wire = Wire(broker)
    for number in range(3):
        wire.channel.data_received(send_frame())
        await until(lambda number=number: wire.out and broker.store.max_offset("T", 1) == number + 1)  # type: ignore[misc]
        wire.out.clear()
    return wire


@pytest.mark.parametrize("flush", ["ASYNC_FLUSH", "SYNC_FLUSH"])
def test_a_send_that_is_not_decoded_is_answered_when_slaves_have_it(
    flush: str, tmp_path: Path, decoded: list[int]
) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, flushDiskType=flush, **SYNC) as pair:
            await pair.start_master()
            slave = await pair.start_slave()
            await until(lambda: pair.master.ha.in_sync() == 1)
            wire = await remembered(pair.master)
            decoded.clear()
            wire.channel.data_received(sends(50))
            assert pair.master.store.commit_log.max_offset > slave.store.max_phy_offset and not wire.out
            assert await answered(wire, 50) == [(1000 + number, 0, str(3 + number)) for number in range(50)]
            assert slave.store.max_offset("T", 1) == 53
            assert decoded == []
            events = pair.master.stats.events.find("TOPIC_PUT_LATENCY", "1@T")
            assert events is not None and events.current()[0] == 53

    asyncio.run(scenario())


def test_why_slaves_do_not_have_a_send_that_is_not_decoded(tmp_path: Path, decoded: list[int]) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, **SYNC) as pair:
            await pair.start_master()
            slave = await pair.start_slave()
            await until(lambda: pair.master.ha.in_sync() == 1)
            wire = await remembered(pair.master)
            decoded.clear()
            pair.master.store_config.slaveTimeout = 100
            go_on = stall(slave)
            wire.channel.data_received(sends(3))
            timeout = ResponseCode.FLUSH_SLAVE_TIMEOUT
            assert await answered(wire, 3) == [(1000, timeout, "3"), (1001, timeout, "4"), (1002, timeout, "5")]
            go_on()
            await slave.stop()
            await until(lambda: pair.master.ha.in_sync() == 0)
            wire.channel.data_received(send_frame())
            assert await answered(wire, 1) == [(1000, ResponseCode.SLAVE_NOT_AVAILABLE, "6")]
            assert decoded == []

    asyncio.run(scenario())


def test_more_sends_than_may_wait_are_refused_although_they_are_known(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, **SYNC) as pair:
            await pair.start_master(sendThreadPoolQueueCapacity=5)
            slave = await pair.start_slave()
            await until(lambda: pair.master.ha.in_sync() == 1)
            wire = await remembered(pair.master)
            go_on = stall(slave)
            wire.channel.data_received(sends(8))
            assert [answer.code for answer in answers_of(wire)] == [ResponseCode.SYSTEM_BUSY] * 3
            assert pair.master.fast_failure.overloaded == 3
            wire.out.clear()
            go_on()
            assert await answered(wire, 5) == [(1000 + number, 0, str(3 + number)) for number in range(5)]

    asyncio.run(scenario())
