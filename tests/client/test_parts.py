"""The client's parts without a network: allocation, subscriptions, process queues, routes, errors."""

import asyncio
import gc
import json
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rocketmq_ops.client
from rocketmq_ops.client import errors
from rocketmq_ops.client.api.pull import PullStatus
from rocketmq_ops.client.api.session import Session
from rocketmq_ops.client.consumer import consume_stats
from rocketmq_ops.client.consumer.allocate import (
    averagely,
    averagely_by_circle,
    by_config,
    by_machine_room,
    consistent_hash,
    machine_room_nearby,
)
from rocketmq_ops.client.consumer.consume_settings import ConsumeSettings
from rocketmq_ops.client.consumer.consume_stats import ConsumeStats
from rocketmq_ops.client.consumer.offset_store import LocalFileOffsetStore, update
from rocketmq_ops.client.consumer.process_queue import ProcessQueue
from rocketmq_ops.client.consumer.pull_loop import PullLoop
from rocketmq_ops.client.consumer.subscription import build_subscription, matching
from rocketmq_ops.client.queue_api import PullResult
from rocketmq_ops.client.route import RouteTable
from rocketmq_ops.common.message import MessageExt, MessageQueue
from rocketmq_ops.remoting.bodies import BrokerData, QueueData, TopicRouteData
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingSendError
from rocketmq_ops.remoting.response_meanings import MEANINGS

GOLDEN = Path(__file__).parent.parent / "golden" / "rocketmq" / "5.5.0"


def queues(count):
    return [MessageQueue("T", "b", i) for i in range(count)]


def ids(count):
    return [f"client-{i}" for i in range(count)]


def message(offset, tags=None, body=b"x"):
    properties = {} if tags is None else {"TAGS": tags}
    host = ("127.0.0.1", 1)
    return MessageExt("T", 0, offset, offset * 100, 100, body, 0, 0, 0, 0, host, 0, host, 0, 0, properties, "id")


@given(st.integers(0, 40), st.integers(1, 12), st.sampled_from([averagely, averagely_by_circle]))
def test_allocation_shares_every_queue_once(queue_count, client_count, strategy):
    shares = [strategy("G", c, queues(queue_count), ids(client_count)) for c in ids(client_count)]
    assert sorted(q for share in shares for q in share) == queues(queue_count)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_allocation_is_apaches():
    numbers = [[q.queue_id for q in averagely("G", c, queues(8), ids(3))] for c in ids(3)]
    assert numbers == [[0, 1, 2], [3, 4, 5], [6, 7]]
    numbers = [[q.queue_id for q in averagely_by_circle("G", c, queues(5), ids(2))] for c in ids(2)]
    assert numbers == [[0, 2, 4], [1, 3]]
    assert averagely("G", "stranger", queues(4), ids(2)) == []
    assert by_config(queues(2))("G", "c", queues(8), ids(3)) == queues(2)


def broker_room(queue):
    return f"room{len(queue.broker_name)}"


def client_room(client_id):
    return f"room{3 + int(client_id.split('.')[2])}"


STRATEGIES = {
    "averagely": averagely,
    "averagely_by_circle": averagely_by_circle,
    "by_machine_room": by_machine_room(["r1", "r2", ""]),
    "machine_room_nearby": machine_room_nearby(averagely, broker_room, client_room),
    "machine_room_nearby_by_circle": machine_room_nearby(averagely_by_circle, broker_room, client_room),
    "consistent_hash": consistent_hash(),
    "consistent_hash_3": consistent_hash(3),
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_allocation_is_what_javas_client_made_of_the_same(name):
    cases = json.loads((GOLDEN.parent / "5.3.3" / "allocations.json").read_text())
    assert len(cases) == 10
    for case in cases:
        listed = [MessageQueue("Orders", broker, i) for broker, i in case["queues"]]
        assert sorted(listed) == listed and sorted(case["clients"]) == case["clients"]
        for client, expected in zip(case["clients"], case[name], strict=True):
            shares = STRATEGIES[name]("G", client, listed, case["clients"])
            assert [listed.index(queue) for queue in shares] == expected


def test_allocation_leaves_out_strangers_and_says_who_has_no_room():
    for name, strategy in STRATEGIES.items():
        assert strategy("G", "10.0.0.9@1", queues(4), ["10.0.0.1@1"]) == [], name
    assert consistent_hash(0)("G", "a", queues(4), ["a"]) == []
    with pytest.raises(errors.ClientError, match="broker 'b' has no machine room"):
        machine_room_nearby(averagely, lambda _: "", lambda _: "r")("G", "a", queues(4), ["a"])
    with pytest.raises(errors.ClientError, match="client 'a' has no machine room"):
        machine_room_nearby(averagely, lambda _: "r", lambda _: "")("G", "a", queues(4), ["a"])
    with pytest.raises(errors.ClientError, match="invalid number of virtual nodes -1: expected 0 or more"):
        consistent_hash(-1)


def test_what_a_queue_may_hold():
    assert ConsumeSettings().held_limits(7) == (1000, 100 * 1024 * 1024)
    shared = ConsumeSettings(pull_threshold_for_topic=10, pull_threshold_bytes_for_topic=7)
    assert [shared.held_limits(n) for n in (0, 1, 3, 100)] == [(10, 7), (10, 7), (3, 2), (1, 1)]
    with pytest.raises(errors.ClientError, match="invalid pull_threshold_for_topic 0: expected 1 or more"):
        ConsumeSettings(pull_threshold_for_topic=0)


def test_half_an_hour_ago_is_where_a_timestamp_without_a_time_starts(monkeypatch):
    monkeypatch.setattr("rocketmq_ops.client.consumer.consume_settings.now_ms", lambda: 10_000_000)
    assert ConsumeSettings().consume_timestamp_ms == 8_200_000
    assert ConsumeSettings(consume_timestamp_ms=5).consume_timestamp_ms == 5


def test_subscriptions():
    data = build_subscription("T", " TagA||  TagB || TagA")
    assert (data.tags_set, data.code_set) == (["TagA", "TagB"], [2598919, 2598920])
    assert build_subscription("T", None).sub_string == build_subscription("T", "").sub_string == "*"
    assert build_subscription("T", " * ").tags_set == ["*"]  # a tag of that name: blanks are no `*`
    nothing = build_subscription("T", " || ")
    assert (nothing.sub_string, nothing.tags_set, nothing.code_set) == (" || ", [], [])
    assert build_subscription("T", "a > 1", "SQL92").tags_set == []
    with pytest.raises(errors.ClientError, match="no tag"):
        build_subscription("T", "||")
    got = [message(1, "TagA"), message(2, "Other"), message(3)]
    assert matching(got, data) == got[:1]
    assert matching(got, build_subscription("T")) == got


def test_the_offset_to_save_is_the_oldest_not_consumed():
    queue = ProcessQueue(queues(1)[0])
    assert queue.remove([]) is None
    batch = [message(i) for i in range(5)]
    queue.put(batch)
    queue.put(batch[:2])
    assert (len(queue.messages), queue.size, queue.span) == (5, 5, 4)
    assert queue.remove(batch[2:4]) == 0
    assert queue.remove(batch[:1]) == 1
    assert queue.first(2) == [batch[1], batch[4]]
    assert queue.remove([batch[1], batch[4]]) == 5
    assert (queue.size, queue.span) == (0, 0)
    info = queue.info(5)
    assert (info.commit_offset, info.cached_msg_count) == (5, 0)


def test_offsets_only_grow_when_told_so():
    table = {}
    queue = queues(1)[0]
    for offset, increase_only, expected in ((5, True, 5), (3, True, 5), (3, False, 3), (0, False, 0)):
        update(table, queue, offset, increase_only=increase_only)
        assert table[queue] == expected


def test_the_local_offset_file_is_apaches_and_falls_back(tmp_path):
    async def main():
        store = LocalFileOffsetStore(str(tmp_path), "127.0.0.1@DEFAULT", "G")
        await store.load()
        assert await store.read(queues(1)[0]) is None
        for value in (7, 8):
            store.table[queues(1)[0]] = value
            await store.persist(store.table)
        file = tmp_path / "127.0.0.1@DEFAULT" / "G" / "offsets.json"
        assert b'"offsetTable":{' in file.read_bytes() and b'"queueId":0' in file.read_bytes()
        file.write_bytes(b"")
        again = LocalFileOffsetStore(str(tmp_path), "127.0.0.1@DEFAULT", "G")
        await again.load()
        assert await again.read(queues(1)[0]) == 7

    asyncio.run(main())


def route_of(**brokers):
    return TopicRouteData(
        broker_datas=[
            BrokerData(broker_name=name, cluster="c", broker_addrs=addresses)
            for name, (addresses, _, _) in brokers.items()
        ],
        queue_datas=[
            QueueData(broker_name=name, read_queue_nums=count, write_queue_nums=count, perm=perm)
            for name, (_, count, perm) in brokers.items()
        ],
    )


def answering(answer):
    """A session whose only name server answers so."""

    class Transport:
        async def invoke(self, addr, command, timeout_ms=3000):
            return answer()

    return Session(Transport(), ["ns:9876"], timeout_ms=3000)


def test_routes():
    async def main():
        answers = []

        def route(**brokers):
            return RemotingCommand(code=0, flag=1, body=route_of(**brokers).encode())

        table = RouteTable(answering(lambda: answers.pop(0)))
        new = []
        table.on_new_broker = lambda: new.append(1)
        answers.append(route(a=({0: "a:1", 1: "a:2"}, 2, 6), b=({1: "b:2"}, 2, 6), c=({0: "c:1"}, 2, 4)))
        assert await table.refresh("T")
        assert table.publish_queues("T") == [MessageQueue("T", "a", 0), MessageQueue("T", "a", 1)]
        assert {q.broker_name for q in table.subscribe_queues("T")} == {"a", "b", "c"}
        assert table.master("a") == "a:1" and table.master("b") is None
        assert table.subscribe_address("a", 1) == ("a:2", True)
        assert table.subscribe_address("b") == ("b:2", True)
        assert new == [1, 1, 1]
        answers.append(route(c=({0: "c:1"}, 2, 4), b=({1: "b:2"}, 2, 6), a=({0: "a:1", 1: "a:2"}, 2, 6)))
        assert not await table.refresh("T") and len(new) == 3
        answers.append(RemotingCommand(code=17, flag=1, remark="none"))
        assert not await table.refresh("T")
        assert table.publish_queues("T")
        table.forget_broker("a:1")
        assert table.master("a") == "a:1"
        answers.append(route(a=({0: "a:3"}, 1, 6)))
        assert await table.refresh("T") and table.master("a") == "a:3"

    asyncio.run(main())


def test_a_route_that_nobody_waits_for_any_more_fails_without_a_word():
    """A client ends while it looks for routes: its connections are closed under the request."""

    class Transport:
        async def invoke(self, addr, command, timeout_ms=3000):
            asked.set()
            await closed.wait()
            raise RemotingSendError("the connection was lost")

    async def main():
        said = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: said.append(context["message"]))
        table = RouteTable(Session(Transport(), ["ns:9876"], timeout_ms=3000))
        waiting = asyncio.create_task(table.refresh("T"))
        await asked.wait()
        waiting.cancel()
        await asyncio.wait({waiting})
        del waiting  # with the frames that hold what it waited for
        closed.set()
        for _ in range(5):
            await asyncio.sleep(0)
        gc.collect()
        assert said == []

    asked, closed = asyncio.Event(), asyncio.Event()
    asyncio.run(main())


def test_order_topics_follow_their_configuration():
    async def main():
        data = route_of(a=({0: "a:1"}, 8, 6))
        data.order_topic_conf = "a:2;b:1"

        table = RouteTable(answering(lambda: RemotingCommand(code=0, flag=1, body=data.encode())))
        names = [(q.broker_name, q.queue_id) for q in await table.need_publish_queues("T")]
        assert names == [("a", 0), ("a", 1), ("b", 0)]

    asyncio.run(main())


def test_every_response_code_has_its_error():
    defined = set(json.loads((GOLDEN / "response-codes.json").read_text()).values()) - {0}
    assert set(MEANINGS) == defined == set(ResponseCode) - {ResponseCode.SUCCESS}
    assert all(meaning.cause and meaning.next_step for meaning in MEANINGS.values())
    error = errors.error_of(RemotingCommand(code=17, flag=1, remark="no route"), "h:1")
    assert type(error) is errors.BrokerError and error.code == 17 and error.retriable and error.refresh_route
    assert "h:1" in str(error) and "no route" in str(error) and error.next_step
    assert type(errors.error_of(RemotingCommand(code=4711, flag=1))) is errors.BrokerError
    assert str(error) == "h:1 answered: no route (TOPIC_NOT_EXIST, code 17)" and error.cause == "h:1 answered: no route"
    assert str(errors.BrokerError(4711, None)) == "the server answered: no reason given (code 4711)"
    refused = errors.error_of(RemotingCommand(code=int(ResponseCode.MESSAGE_ILLEGAL), flag=1))
    assert not refused.retriable


def test_rates():
    stats = ConsumeStats()
    stats.pulled("T", 30, 0.010)
    stats.consumed("T", 6, 2, 0.004)
    status = stats.status("T")
    assert status.pull_tps == 0.5 and status.consume_ok_tps == 0.1 and status.consume_failed_msgs == 2
    assert status.pull_rt == pytest.approx(10) and status.consume_rt == pytest.approx(4)
    assert stats.status("other").pull_tps == 0


def test_what_failed_is_counted_for_an_hour(monkeypatch):
    """As by Java's clients: a figure that only grows would be an alarm for ever."""
    now = 7200.0
    monkeypatch.setattr(consume_stats.time, "monotonic", lambda: now)
    stats = ConsumeStats()
    stats.consumed("T", 1, 3, 0.004)
    now += 120
    status = stats.status("T")
    assert (status.consume_failed_msgs, status.consume_failed_tps, status.consume_ok_tps) == (3, 0, 0)
    assert status.consume_rt == pytest.approx(4), "of the last hour, where the last minute has no call"
    now += 600
    stats.consumed("T", 0, 1, 0.006)
    assert stats.status("T").consume_failed_msgs == 4 and stats.status("T").consume_rt == pytest.approx(6)
    now += 3000
    assert stats.status("T").consume_failed_msgs == 1
    now += 600
    assert stats.status("T").consume_failed_msgs == 0 and stats.status("T").consume_rt == 0


def test_a_pull_that_found_nothing_has_no_time():
    async def main():
        stats = ConsumeStats()
        consumer = SimpleNamespace(stats=stats, passed_over=lambda queue, offset: None)
        loop = PullLoop(consumer, ProcessQueue(MessageQueue("T", "broker-a", 0)), lambda *_: None)
        for status in (PullStatus.NO_NEW_MSG, PullStatus.NO_MATCHED_MSG):
            await loop._take(PullResult(status=status, next_begin_offset=0, min_offset=0, max_offset=0))
        assert stats.status("T").pull_rt == 0
        await loop._take(PullResult(status=PullStatus.FOUND, next_begin_offset=1, min_offset=0, max_offset=1))
        assert stats.status("T").pull_rt > 0

    asyncio.run(main())


def test_the_package_names_its_parts():
    for name, module in rocketmq_ops.client._MODULE_OF.items():
        part = getattr(rocketmq_ops.client, name)
        assert part is getattr(import_module(f"rocketmq_ops.client.{module}"), name)
        assert isinstance(part, str) or part.__name__
    with pytest.raises(AttributeError):
        _ = rocketmq_ops.client.nothing
