"""The metrics page of broker and name server."""

import asyncio
import json
import sys
import urllib.request
from pathlib import Path

import pytest

from rocketmq_ops.common.config import ConfigError
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.namesrv.controller import NamesrvController
from rocketmq_ops.remoting.bodies import SubscriptionGroupConfig
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.metrics_page import labels_of
from rocketmq_ops.remoting.observed_channel import ObservedChannel
from tests.broker.support import Session, consumer, new_broker, producer, run, until
from tests.broker.test_held_pulls import SMALL_BUFFERS, slow_reader, wake_undrained
from tests.broker.test_transactions import COMMIT, ROLLBACK, end, prepare

prometheus_client = pytest.importorskip("prometheus_client")

ON = {"metricsExporterType": "PROM", "metricsPromExporterPort": 0}
BROKER = {"node_type": "broker", "cluster": "DefaultCluster", "node_id": "broker-a"}


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return str(answer.read().decode())


async def samples(page) -> dict[str, list[tuple[dict[str, str], float]]]:
    """What Prometheus' own parser makes of the page, by name."""
    from prometheus_client.parser import text_string_to_metric_families

    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(await asyncio.to_thread(read, page.url)):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


async def used(session: Session) -> None:
    for _ in range(5):
        await session.send("T")
    await session.heartbeat(client_id="c", consumer_data_set=[consumer("g", "T")], producer_data_set=[producer("p")])
    assert (await session.pull("T", "g", maxMsgNums="3")).code == 0
    session.broker.offsets.commit("g", "T", 0, 1)


def test_names_and_labels_are_apaches(tmp_path):
    async def body(session):
        await used(session)
        broker = session.broker
        first = broker.store.store_time("T", 0, 1)
        broker.consumers.table["g"].consume_type = "CONSUME_PASSIVELY"
        found = await samples(broker.metrics)
        topic, group = {"topic": "T", "is_system": "false"}, {"consumer_group": "g", "topic": "T", "is_system": "false"}
        zone = BROKER | {"zone": "a"}
        size = float(broker.stats.topics["T"].put_size)
        typed = zone | topic | {"message_type": "normal"}
        assert found["rocketmq_messages_in_total"] == [(typed, 5.0)]
        assert found["rocketmq_throughput_in_total"] == [(typed, size)]
        assert found["rocketmq_message_size_sum"] == [(typed, size)]
        assert found["rocketmq_message_size_count"] == [(typed, 5.0)]
        below = {labels["le"]: value for labels, value in found["rocketmq_message_size_bucket"]}
        bounds = ("1024.0", "4096.0", "524288.0", "1048576.0", "2097152.0", "4194304.0", "+Inf")
        assert below == dict.fromkeys(bounds, 5.0)
        assert found["rocketmq_messages_out_total"] == [(zone | group, 3.0)]
        lag = zone | group | {"is_retry": "false"}
        assert found["rocketmq_consumer_lag_messages"] == [(lag, 4.0)]
        assert found["rocketmq_consumer_inflight_messages"] == [(lag, 2.0)]
        assert found["rocketmq_consumer_ready_messages"] == [(lag, 2.0)]
        assert found["rocketmq_consumer_lag_latency_milliseconds"][0][1] >= 0
        assert first > 0
        client = {"protocol_type": "remoting", "language": "python", "version": "v5_3_3"}
        assert found["rocketmq_producer_connections"] == [(zone | client, 1.0)]
        mode = {"consume_mode": "push", "consumer_group": "g", "is_system": "false"}
        assert found["rocketmq_consumer_connections"] == [(zone | client | mode, 1.0)]
        assert found["rocketmq_broker_permission"] == [(zone, 6.0)]
        assert found["rocketmq_topic_number"] == [(zone, float(len(broker.topics.table)))]
        storage = zone | {"storage_type": "local", "storage_medium": "disk"}
        assert found["rocketmq_storage_size_bytes"][0][0] == storage
        assert found["rocketmq_storage_flush_behind_bytes"][0][1] >= 0
        assert found["rocketmq_storage_message_reserve_time_milliseconds"][0][1] >= 0
        assert found["rocketmq_ops_connections"][0][1] == 1

    run(tmp_path, body, metricsLabel="zone:a,wrong,x:y:z", **ON)


def test_messages_by_their_type(tmp_path):
    """As Apache's: by the properties of the send, under the topic that it is stored in; delays again when over."""

    async def body(session):
        await session.send("T")
        for properties in ({"__SHARDINGKEY": "k"}, {"__SHARDINGKEY": "k"}, {"DELAY": "1"}):
            assert (await session.send("T", properties=properties)).code == 0
        await prepare(session, b"half")
        await until(lambda: ("T", "delay") in session.broker.meters.incoming)
        found = await samples(session.broker.metrics)
        assert {(s["topic"], s["message_type"], s["is_system"]): n for s, n in found["rocketmq_messages_in_total"]} == {
            ("T", "normal", "false"): 1.0,
            ("T", "fifo", "false"): 2.0,
            ("SCHEDULE_TOPIC_XXXX", "delay", "true"): 1.0,
            ("T", "delay", "false"): 1.0,
            ("RMQ_SYS_TRANS_HALF_TOPIC", "transaction", "true"): 1.0,
        }

    run(tmp_path, body, **ON)


def test_answers_are_timed_by_code(tmp_path):
    """Also those that need no decoding, those that are held, and requests that there are not."""

    async def body(session):
        for _ in range(4):
            await session.send("T")
        pull = asyncio.create_task(session.pull("T", "g", offset=4, sysFlag="6"))
        await until(lambda: len(session.broker.held_pulls) == 1)
        await session.send("T")
        assert (await pull).code == 0
        for code in (99_998, 99_999):
            assert (await session.ask(code)).code == 3
        found = await samples(session.broker.metrics)
        counts = {
            (s["request_code"], s["response_code"], s["is_long_polling"]): n
            for s, n in found["rocketmq_rpc_latency_milliseconds_count"]
        }
        assert counts[("send_message_v2", "success", "false")] == 5.0
        assert counts[("pull_message", "success", "true")] == 1.0
        assert counts[("-1", "request_code_not_supported", "false")] == 2.0
        infinite = [s for s, _ in found["rocketmq_rpc_latency_milliseconds_bucket"] if s["le"] == "+Inf"]
        assert {(s["protocol_type"], s["result"]) for s in infinite} == {("remoting", "success")}

    run(tmp_path, body, **ON)


@pytest.mark.parametrize("settings", [{"flushDiskType": "SYNC_FLUSH"}, {"brokerRole": "SYNC_MASTER"}], ids=str)
def test_sends_that_wait_are_counted_with_the_code_of_their_answer(tmp_path: Path, settings: dict[str, str]) -> None:
    """When they are answered: a slave that is not there is none of the successes."""

    async def body(session: Session) -> None:
        codes = [(await session.send("T")).code for _ in range(4)]
        assert set(codes) == {11 if "brokerRole" in settings else 0}, "SLAVE_NOT_AVAILABLE"
        counted = {key: sum(found.counts) for key, found in session.broker.meters.rpc.items() if key[0] == 310}
        assert counted == {(310, codes[0], False): 4}
        (channel,) = session.broker.server.channels
        assert isinstance(channel, ObservedChannel) and not channel._awaited

    run(tmp_path, body, **settings, **ON)


async def make(session: Session, *topics: str) -> list[int]:
    """What is answered to whoever makes these topics."""
    fields = {"defaultTopic": "TBW102", "readQueueNums": "1", "writeQueueNums": "1", "perm": "6", "order": "false"}
    fields |= {"topicFilterType": "SINGLE_TAG", "topicSysFlag": "0"}
    return [(await session.ask(RequestCode.UPDATE_AND_CREATE_TOPIC, fields | {"topic": one})).code for one in topics]


def test_topics_and_groups_that_are_made_are_timed(tmp_path):
    """By success, refused ones too; topics also by whether they are the system's."""

    async def body(session):
        assert await make(session, "Made", "Other", "no good", "TBW102") == [0, 0, 29, 29]
        group = SubscriptionGroupConfig(group_name="made").encode()
        answer = await session.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, group)
        assert answer.code == 0
        found = await samples(session.broker.metrics)
        topics = found["rocketmq_topic_create_execution_time_milliseconds_count"]
        assert {(s["invocation_status"], s["is_system"]): n for s, n in topics} == {
            ("success", "false"): 2.0,
            ("failure", "false"): 1.0,
            ("failure", "true"): 1.0,
        }
        made = BROKER | {"invocation_status": "success"}
        assert found["rocketmq_consumer_group_create_execution_time_milliseconds_count"] == [(made, 1.0)]
        bounds = {s["le"] for s, _ in found["rocketmq_consumer_group_create_execution_time_milliseconds_bucket"]}
        assert bounds == {"10.0", "100.0", "1000.0", "3000.0", "5000.0", "+Inf"}

    run(tmp_path, body, **ON)


def test_half_messages_that_wait_are_counted_and_known_after_a_restart(tmp_path):
    def half(found):
        return {s["topic"]: n for s, n in found.get("rocketmq_half_messages", ())}

    async def first(session):
        fields = [await prepare(session, b"%d" % number) for number in range(4)]
        assert half(await samples(session.broker.metrics)) == {"Tx": 4.0}
        for one, how in zip(fields[:3], (COMMIT, COMMIT, ROLLBACK), strict=True):
            for _ in range(2):  # the second word counts for nothing
                await end(session, one, how)
        assert half(await samples(session.broker.metrics)) == {"Tx": 1.0}

    async def second(session):
        assert half(await samples(session.broker.metrics)) == {"Tx": 1.0}
        session.broker.config.transactionCheckMax = 0
        now = session.broker.clock()
        session.broker.clock = lambda: now + 10_000
        for _ in range(2):  # asked about once
            session.broker.transactions.check()
        assert half(await samples(session.broker.metrics)) == {"Tx": 0.0}, "given up"

    async def wrong(session):
        session.broker.transactions.metrics.add("Tx", 7)  # as after a kill
        session.broker.transactions.check()
        assert half(await samples(session.broker.metrics)) == {"Tx": 0.0}

    async def anew(session):
        assert half(await samples(session.broker.metrics)) == {}

    for body in (first, second, wrong):
        run(tmp_path, body, **ON)
    assert json.loads((tmp_path / "config" / "transactionMetrics").read_text())["transactionCount"]["Tx"]["count"] == 0
    for name in ("transactionMetrics", "transactionMetrics.bak"):
        (tmp_path / "config" / name).write_text("rubbish")
    run(tmp_path, anew, **ON)


def test_timers(tmp_path):
    async def body(session):
        broker, page = session.broker, session.broker.metrics
        for seconds in (50, 55, 200, 7000):
            await session.send("T", properties={"TIMER_DELAY_SEC": str(seconds)}, g=str(broker.clock()))
        before = await samples(page)
        storage = BROKER | {"storage_type": "local", "storage_medium": "disk"}
        broker.timers.run(broker.clock())
        waiting = await samples(page)
        # The service may have been at it before the page was read.
        assert before["rocketmq_timer_enqueue_lag"][0][0] == storage
        assert before["rocketmq_timer_enqueue_lag"][0][1] + before["rocketmq_timer_dequeue_lag"][0][1] == 4.0
        assert waiting["rocketmq_timer_enqueue_lag"] == [(storage, 0.0)]
        assert waiting["rocketmq_timer_enqueue_latency_milliseconds"] == [(storage, 0.0)]
        assert waiting["rocketmq_timer_dequeue_latency_milliseconds"][0][1] >= 0
        topic = storage | {"topic": "T"}
        assert waiting["rocketmq_timer_enqueue_total"] == [(topic, 4.0)]
        assert waiting["rocketmq_timing_messages"] == [(topic, 4.0)]
        below = {s["le"]: n for s, n in waiting["rocketmq_delay_message_latency_seconds_bucket"]}
        assert (below["60.0"], below["600.0"], below["43200.0"], below["+Inf"]) == (2.0, 3.0, 4.0, 4.0)
        at = {s["timer_bound_s"]: n for s, n in waiting["rocketmq_timer_message_snapshot"]}
        assert list(map(int, at)) == [5, 60, 300, 900, 3600, 14400, 28800, 86400]
        assert (at["60"], at["300"], at["14400"]) == (2.0, 1.0, 1.0)
        broker.timers.run(broker.clock() + 70_000)
        after = await samples(page)
        assert after["rocketmq_timer_dequeue_total"] == [(topic, 2.0)]
        assert after["rocketmq_timer_dequeue_lag"] == [(storage, 2.0)]

    run(tmp_path, body, **ON)


def test_without_the_page_nothing_is_measured(tmp_path):
    async def body(session):
        await used(session)
        assert session.broker.meters is None and session.broker.server.new_channel is Channel

    run(tmp_path, body)


def test_a_group_that_is_through_has_no_lag_and_no_latency(tmp_path):
    async def body(session):
        await used(session)
        session.broker.offsets.commit("g", "T", 0, 5)
        found = await samples(session.broker.metrics)
        for name in ("messages", "latency_milliseconds"):
            assert [value for _, value in found[f"rocketmq_consumer_lag_{name}"]] == [0.0]

    run(tmp_path, body, **ON)


def test_retries_and_dead_letters_are_no_messages_of_users(tmp_path):
    async def body(session):
        await used(session)
        record = {"offset": "0", "group": "g", "delayLevel": "-1", "originTopic": "T", "originMsgId": "x"}
        assert (await session.ask(RequestCode.CONSUMER_SEND_MSG_BACK, record)).code == 0
        found = await samples(session.broker.metrics)
        assert [labels["topic"] for labels, _ in found["rocketmq_messages_in_total"]] == ["T"]
        ((labels, value),) = found["rocketmq_send_to_dlq_messages_total"]
        assert (labels["consumer_group"], labels["topic"], value) == ("g", "T", 1.0)

    run(tmp_path, body, **ON)


def test_transactions_by_how_they_ended(tmp_path):
    async def body(session):
        ends = [await prepare(session, name) for name in (b"1", b"2", b"3")]
        for fields, decision in zip(ends, (COMMIT, COMMIT, ROLLBACK), strict=True):
            assert (await end(session, fields, decision)).code == 0
        found = await samples(session.broker.metrics)
        topic = BROKER | {"topic": "Tx"}
        assert found["rocketmq_commit_messages_total"] == [(topic, 2.0)]
        assert found["rocketmq_finish_message_latency_milliseconds_count"] == [(topic, 2.0)]
        assert found["rocketmq_rollback_messages_total"] == [(topic, 1.0)]

    run(tmp_path, body, **ON)


def test_the_page_is_on_loopback_and_off_by_default(tmp_path):
    async def body(session):
        assert session.broker.metrics is None

    run(tmp_path / "off", body)

    async def on(session):
        assert session.broker.metrics.url.startswith("http://127.0.0.1:")

    run(tmp_path / "on", on, **ON)


def test_without_the_package_the_start_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    async def main():
        broker = new_broker(tmp_path, **ON)
        with pytest.raises(ConfigError, match="prometheus-client") as caught:
            await broker.start()
        assert "rocketmq-ops[metrics]" in caught.value.next_step

    asyncio.run(main())


def test_pulls_that_wait_are_counted_by_what_they_wait_for(tmp_path):
    async def body(session):
        async def waiting() -> list[float]:
            found = await samples(session.broker.metrics)
            return [found[f"rocketmq_ops_{what}_pulls"][0][1] for what in ("held", "woken")]

        async with slow_reader(session) as slow:
            assert await waiting() == [40, 0]
            await wake_undrained(session, slow)
            held, woken = await waiting()
            assert held == 0 and 30 < woken < 40
            slow.go_on()
            for _ in range(40):
                await slow.answer()
            assert await waiting() == [0, 0]

    run(tmp_path, body, **ON, **SMALL_BUFFERS)


def test_other_exporters_are_named_as_without_effect(tmp_path, caplog):
    async def body(session):
        assert "metricsExporterType=OTLP_GRPC has no effect" in caplog.text

    run(tmp_path, body, metricsExporterType="OTLP_GRPC")


def test_labels_that_are_none_are_left_out():
    assert labels_of("a:1,b,c:2:3,-x:1,d:4") == {"a": "1", "d": "4"}


def test_the_name_server_has_a_page_too(tmp_path):
    async def main():
        config = NamesrvConfig(kvConfigPath=str(tmp_path / "kv.json"), **ON)
        namesrv = NamesrvController(config, NettyServerConfig(bindAddress="127.0.0.1"))
        await namesrv.start()
        try:
            found = await samples(namesrv.metrics)
            assert found["rocketmq_namesrv_topics"] == [({"node_type": "namesrv"}, 0.0)]
            assert found["rocketmq_namesrv_uptime_milliseconds"][0][1] >= 0
        finally:
            await namesrv.stop()

    asyncio.run(main())


#: What Apache's page has too, but not with the clients that it was recorded with.
SEEN_WITH_OTHER_CLIENTS = {"rocketmq_send_to_dlq_messages_total", "rocketmq_consumer_connections"}
#: Labels that are Apache's alone: of its metrics library.
LABELS_NOT_HERE = {"otel_scope_name"}


def keys_by_name(lines: str) -> dict[str, set[str]]:
    """Name of each sample -> its labels."""
    found = {}
    for line in lines.splitlines():
        name, brace, rest = line.partition("{")
        if brace and not line.startswith("#"):
            found[name] = {pair.partition("=")[0] for pair in rest.partition("}")[0].split(",")}
    return found


GOLDEN = Path(__file__).parents[1] / "golden" / "metrics"


def keys_of_apaches(name: str) -> dict[str, set[str]]:
    """The same of a recorded page, without what its library alone has."""
    return {name: keys - LABELS_NOT_HERE for name, keys in keys_by_name((GOLDEN / name).read_text()).items()}


def test_the_page_of_apaches_broker_has_the_same_names_and_labels(tmp_path):
    theirs = keys_of_apaches("apache-5.3.3.prom")

    async def body(session):
        await used(session)
        ours = keys_by_name(await asyncio.to_thread(read, session.broker.metrics.url))
        assert {name: ours.get(name) for name in theirs} == theirs
        own = {name for name in ours if name not in theirs}
        assert {name for name in own if not name.startswith("rocketmq_ops_")} <= SEEN_WITH_OTHER_CLIENTS

    run(tmp_path, body, metricsLabel="zone:a", **ON)


def test_what_apaches_page_has_of_timers_transactions_and_what_is_made(tmp_path):
    theirs = keys_of_apaches("apache-5.3.3-of-timers-and-transactions.prom")

    async def body(session):
        broker = session.broker
        await make(session, "T", "TBW102")
        await session.ask(
            RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, SubscriptionGroupConfig(group_name="made").encode()
        )
        for number, how in enumerate((COMMIT, ROLLBACK, None)):
            fields = await prepare(session, b"%d" % number)
            if how is not None:
                await end(session, fields, how)
        for seconds in (2, 100):
            await session.send("T", properties={"TIMER_DELAY_SEC": str(seconds)}, g=str(broker.clock()))
        broker.timers.run(broker.clock())
        broker.timers.run(broker.clock() + 10_000)
        ours = keys_by_name(await asyncio.to_thread(read, broker.metrics.url))
        assert {name: ours.get(name) for name in theirs} == theirs

    run(tmp_path, body, metricsLabel="zone:a", **ON)
