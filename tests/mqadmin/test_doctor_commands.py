"""`doctor` and `config lint` as a user runs them: what they ask, find and print, and how they end."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import Figure, Run
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.remoting.codes import RequestCode as Code
from tests.golden_data import unpack_store
from tests.mqadmin.conftest import Cli, Ran
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.json_schema import problems, schema_of
from tests.mqadmin.test_consumer_status import online, running

#: What changes something on a server.
CHANGES = {
    Code.UPDATE_AND_CREATE_TOPIC, Code.UPDATE_BROKER_CONFIG, Code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
    Code.UPDATE_CONSUMER_OFFSET, Code.INVOKE_BROKER_TO_RESET_OFFSET, Code.SEND_MESSAGE, Code.PULL_MESSAGE,
}  # fmt: skip


@pytest.fixture
def cluster() -> FakeCluster:
    made = FakeCluster(("broker-a", "C"), ("broker-b", "C"), name_servers=2)
    for broker in made.brokers.values():
        broker.config |= {"brokerClusterName": "C", "brokerPermission": "6"}
        broker.add_topic("T")
        broker.add_topic("%RETRY%G", 1)
        broker.put_group({"groupName": "G", "consumeEnable": True})
        broker.ends |= {("T", 0): 10, ("T", 1): 10}
        broker.committed |= {("G", "T", 0): 10, ("G", "T", 1): 10}
    return made


def doctor(cli: Cli, cluster: FakeCluster, *words: str) -> tuple[Ran, list[dict[str, Any]]]:
    ran = cli(cluster.transport, "doctor", "-n", cluster.namesrv, "--output", "json", *words)
    document = json.loads(ran.out)
    assert problems(document, schema_of("doctor")) == []
    return ran, document["data"]["findings"]


def ids(findings: list[dict[str, Any]], *severities: str) -> list[str]:
    return [finding["id"] for finding in findings if finding["severity"] in severities]


def test_a_healthy_cluster_is_asked_and_not_changed(cli: Cli, cluster: FakeCluster) -> None:
    ran, findings = doctor(cli, cluster)
    assert (ran.code, findings, ran.err) == (ExitCode.OK, [], "")
    assert not CHANGES & set(cluster.transport.codes())
    asked = [(address, command.code) for address, command in cluster.transport.sent]
    once = (Code.GET_BROKER_CONFIG, Code.GET_BROKER_RUNTIME_INFO, Code.GET_ALL_TOPIC_CONFIG)
    assert all(asked.count((b.address, code)) == 1 for b in cluster.brokers.values() for code in once)


def test_a_subject_asks_only_for_what_its_rules_need(cli: Cli, cluster: FakeCluster) -> None:
    doctor(cli, cluster, "disk")
    expected = {Code.GET_BROKER_CLUSTER_INFO, Code.GET_BROKER_RUNTIME_INFO, Code.GET_BROKER_CONFIG}
    assert set(cluster.transport.codes()) == expected


def test_a_name_server_that_is_gone(cli: Cli, cluster: FakeCluster) -> None:
    cluster.stop(cluster.name_servers[1])
    ran, findings = doctor(cli, cluster, "net")
    assert ran.code == ExitCode.STORE_CRITICAL
    assert ids(findings, "critical") == ["net.name-server-down"]
    assert findings[0]["target"] == cluster.name_servers[1]
    assert "net.two-masters" in ids(findings, "unknown"), "the one that is gone may list others"


def test_a_broker_that_is_gone_leaves_the_rest_unknown(cli: Cli, cluster: FakeCluster) -> None:
    cluster.stop(cluster["broker-b"].address)
    ran, findings = doctor(cli, cluster)
    assert ran.code == ExitCode.STORE_CRITICAL
    assert ids(findings, "critical") == ["net.broker-unreachable"]
    assert {"disk.refuses-sends", "topics.on-one-broker", "clients.idle"} <= set(ids(findings, "unknown"))
    assert cluster["broker-b"].address in ran.err

    ran, findings = doctor(cli, cluster, "disk")
    assert ran.code == ExitCode.PARTIAL and set(ids(findings)) == set()


def test_faults_are_found_where_they_are(cli: Cli, cluster: FakeCluster) -> None:
    first, second = cluster.brokers.values()
    first.topics["T"]["writeQueueNums"] = 3
    first.ends["T", 2] = 7
    first.committed["G", "T", 0] = 15
    second.config["brokerPermission"] = "4"
    second.put_group({"groupName": "G", "consumeEnable": False})
    ran, findings = doctor(cli, cluster)
    found = {finding["id"]: finding for finding in findings}
    assert ran.code == ExitCode.STORE_CRITICAL
    assert "queues 2 to 2 are not read, 7 messages lie there" in found["topics.write-more-than-read"]["evidence"]
    assert found["topics.write-more-than-read"]["remedy"] == f"`mqadmin updateTopic -b {first.address} -t T -r 3`"
    assert "the offset is 15, the queue ends at 10" in found["groups.offset-beyond-end"]["evidence"]
    assert found["busy.not-writable"]["target"] == f"broker-b ({second.address})"
    assert {"topics.settings-differ", "groups.consuming-off", "config.differs-in-cluster"} <= found.keys()
    severities = [finding["severity"] for finding in findings]
    assert severities == sorted(severities, key=["critical", "warning", "unknown", "info"].index)


def test_two_clients_under_one_id(cli: Cli, cluster: FakeCluster) -> None:
    for broker in cluster.brokers.values():
        broker.consumers["G"] = online("c1", "c1")
        broker.running["c1"] = running()
    ran, findings = doctor(cli, cluster, "clients")
    assert (ran.code, ids(findings, "critical")) == (ExitCode.STORE_CRITICAL, ["clients.shared-id"])


def test_a_client_that_does_not_answer_is_unknown(cli: Cli, cluster: FakeCluster) -> None:
    for broker in cluster.brokers.values():
        broker.consumers["G"] = online("c1")
    ran, findings = doctor(cli, cluster, "clients")
    assert ran.code == ExitCode.PARTIAL
    assert set(ids(findings, "unknown")) == {finding["id"] for finding in findings} != set()


def test_a_file_is_compared_with_the_running_brokers(cli: Cli, cluster: FakeCluster, tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text("brokerName=broker-a\nbrokerPermission=2\n")
    ran, findings = doctor(cli, cluster, "config", "--config", str(path))
    assert (ran.code, ids(findings, "warning")) == (ExitCode.STORE_WARNING, ["config.differs-from-file"])
    assert "brokerPermission is '6'" in findings[0]["evidence"]


def test_an_upgrade(cli: Cli, cluster: FakeCluster) -> None:
    for broker in cluster.brokers.values():
        broker.put_group({"groupName": "L" * 130})
    _, findings = doctor(cli, cluster, "upgrade", "--to", "5.5")
    assert ids(findings, "critical") == ["upgrade.group-name-too-long"]
    assert doctor(cli, cluster, "upgrade")[1] == []


def test_a_table_for_people(cli: Cli, cluster: FakeCluster) -> None:
    cluster.stop(cluster["broker-b"].address)
    ran = cli(cluster.transport, "doctor", "all", "-n", cluster.namesrv)
    assert "CRITICAL" in ran.out and "to do:" in ran.out
    unknown = [line for line in ran.out.splitlines() if line.startswith("UNKNOWN")]
    assert 0 < len(unknown) < 15, "rules that lack the same facts are one line"
    assert "more rules" in unknown[0]


def test_a_store_alone(cli: Cli, tmp_path: Path) -> None:
    root = unpack_store("5.3.3-clean", tmp_path)
    (root / "abort").touch()
    ran = cli(None, "doctor", "--store", str(root), "--output", "csv")
    assert "store.unclean" in ran.out
    assert cli(None, "doctor", "store", "--store", str(tmp_path / "gone")).code == ExitCode.NOT_FOUND


@pytest.mark.parametrize(
    "words",
    [
        ("store",),
        ("disk", "--store", "/x"),
        ("--store", "/x", "--to", "5.3"),
        ("--store", "/x", "--host"),
        ("dsk",),
        ("--to", "4.9"),
    ],
)
def test_what_does_not_go_together(cli: Cli, cluster: FakeCluster, words: tuple[str, ...]) -> None:
    ran = cli(cluster.transport, "doctor", "-n", cluster.namesrv, *words)
    assert ran.code == ExitCode.USAGE
    assert cluster.transport.sent == []


def test_a_file_with_faults(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "broker.conf"
    path.write_text("brokerName=a\nfileReservedTime=4M\nfooBar=1\n")
    ran = cli(None, "config", "lint", str(path), "--output", "json")
    document = json.loads(ran.out)
    assert problems(document, schema_of("config lint")) == []
    assert [(f["id"], f["line"]) for f in document["data"]["findings"]] == [
        ("lint.bad-number", 2), ("lint.unknown-key", 3),
    ]  # fmt: skip
    assert ran.code == ExitCode.STORE_CRITICAL
    text = cli(None, "config", "lint", str(path))
    assert f"{path}:2" in text.out and "1 critical, 1 warning" in text.out


def test_a_sound_file_and_one_that_is_gone(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "broker.conf"
    path.write_text("brokerName=a\nsendMessageThreadPoolNums=64\n")
    ran = cli(None, "config", "lint", str(path))
    assert (ran.code, ran.out.splitlines()[-1]) == (ExitCode.OK, "no findings")
    ours = cli(None, "config", "lint", str(path), "--for", "ours", "--server", "broker")
    assert ours.code == ExitCode.OK and "lint.kept-here" in ours.out
    gone = cli(None, "config", "lint", str(tmp_path / "gone"))
    assert gone.code == ExitCode.NOT_FOUND and "no such file" in gone.err


def test_a_bundle_is_examined_as_the_cluster_is(cli: Cli, cluster: FakeCluster, tmp_path: Path) -> None:
    cluster["broker-a"].topics["T"]["writeQueueNums"] = 3
    cluster["broker-b"].config["brokerPermission"] = "4"
    cluster["broker-b"].config["accessKeyOfNobody"] = "hunter2"
    live = doctor(cli, cluster)[1]
    path, folder = tmp_path / "b", tmp_path / "logs"
    folder.mkdir()
    (folder / "broker.log").write_text("password=hunter2\n")
    words = (str(path), "--apart", "0", "--logs", str(folder), "-n", cluster.namesrv)
    made = cli(cluster.transport, "bundle", *words, "--output", "json")
    document = json.loads(made.out)
    assert made.code == ExitCode.OK and problems(document, schema_of("bundle")) == []
    assert document["data"]["removed"] == [
        "configs/10.1.0.2:10911/accessKeyOfNobody", f"{folder}/broker.log: values in 1 lines",
    ]  # fmt: skip
    assert "hunter2" not in path.read_text()
    assert not CHANGES & set(cluster.transport.codes())

    from_bundle = cli(None, "doctor", "--from", str(path), "--output", "json")
    found = json.loads(from_bundle.out)["data"]["findings"]
    assert found == live and ids(found, "critical")
    assert cli(cluster.transport, "bundle", *words).code == ExitCode.FAILED, "it is there already"
    whole = cli(cluster.transport, "bundle", str(tmp_path / "c"), *words[1:], "--with-secrets")
    assert whole.code == ExitCode.OK and "hunter2" in (tmp_path / "c").read_text()


def test_a_bundle_of_a_broker_that_is_gone(cli: Cli, cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.stop(cluster["broker-b"].address)
    path = tmp_path / "b"
    ran = cli(cluster.transport, "bundle", str(path), "--apart", "0", "-n", cluster.namesrv)
    assert ran.code == ExitCode.PARTIAL and "10.1.0.2:10911" in ran.err
    examined = cli(None, "doctor", "net", "--from", str(path))
    assert examined.code == ExitCode.STORE_CRITICAL and "net.broker-unreachable" in examined.out
    assert cli(None, "doctor", "--from", str(tmp_path / "gone")).code == ExitCode.NOT_FOUND
    assert cli(None, "doctor", "--from", str(path), "--host").code == ExitCode.USAGE


def test_this_machine_is_looked_at_where_it_is_a_brokers(cli: Cli, cluster: FakeCluster) -> None:
    ran, findings = doctor(cli, cluster, "os", "--host")
    assert {finding["id"] for finding in findings} <= {"os.setting"}
    assert "3 rules" in cli(cluster.transport, "doctor", "os", "--host", "-n", cluster.namesrv).out
    assert ran.code in (ExitCode.OK, ExitCode.PARTIAL, ExitCode.STORE_WARNING)


def test_what_moves_is_read_twice(cli: Cli, cluster: FakeCluster, tmp_path: Path) -> None:
    once = cli(cluster.transport, "doctor", "groups", "-n", cluster.namesrv).out
    twice = cli(cluster.transport, "doctor", "groups", "--apart", "1", "-n", cluster.namesrv).out
    rules = [int(re.findall(r"(\d+) rules", out)[0]) for out in (once, twice)]
    assert rules[1] == rules[0] + 2
    path = tmp_path / "b"
    made = cli(cluster.transport, "bundle", str(path), "--apart", "1", "-n", cluster.namesrv)
    assert made.code == ExitCode.OK
    assert f"{rules[1]} rules" in cli(None, "doctor", "groups", "--from", str(path)).out
    assert cli(None, "doctor", "--from", str(path), "--apart", "1").code == ExitCode.USAGE
    assert cli(None, "doctor", "--from", str(path), "--history", "x").code == ExitCode.USAGE


def test_what_the_prober_saw_of_hosts(cli: Cli, cluster: FakeCluster, tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with History.open(path) as history:
        for minutes in range(4):
            saw = Figure("host.io_pressure_percent", "broker-a", 50.0)
            history.append(Run(time_ms=now_ms() - (4 - minutes) * 60_000, figures=[saw]))
    words = ("doctor", "os", "--history", str(path), "-n", cluster.namesrv, "--output", "json")
    found = json.loads(cli(cluster.transport, *words).out)["data"]["findings"]
    assert ("os.host-under-pressure", "broker-a") in {(each["id"], each["target"]) for each in found}
    gone = ("doctor", "os", "--history", str(tmp_path / "gone"), "-n", cluster.namesrv)
    ran = cli(cluster.transport, *gone)
    assert ran.code == ExitCode.PARTIAL and "there is no history yet" in ran.err
