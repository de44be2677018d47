"""The metrics page of broker and name server."""

import asyncio
import sys
import urllib.request
from pathlib import Path

import pytest

from rocketmq_ops.common.config import ConfigError
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.namesrv.controller import NamesrvController
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.metrics_page import labels_of
from tests.broker.support import Session, consumer, new_broker, producer, run, until
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


#: Of Apache's page and not of this one: what only other parts of Apache's broker have.
NOT_HERE = ("rocketmq_timer_", "rocketmq_processor_watermark")
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


def test_the_page_of_apaches_broker_has_the_same_names_and_labels(tmp_path):
    page = Path(__file__).parents[1] / "golden" / "metrics" / "apache-5.3.3.prom"
    theirs = {name: keys - LABELS_NOT_HERE for name, keys in keys_by_name(page.read_text()).items()}
    shared = {name: keys for name, keys in theirs.items() if not name.startswith(NOT_HERE)}

    async def body(session):
        await used(session)
        ours = keys_by_name(await asyncio.to_thread(read, session.broker.metrics.url))
        assert {name: ours.get(name) for name in shared} == shared
        own = {name for name in ours if name not in shared}
        assert {name for name in own if not name.startswith("rocketmq_ops_")} <= SEEN_WITH_OTHER_CLIENTS

    run(tmp_path, body, metricsLabel="zone:a", **ON)
