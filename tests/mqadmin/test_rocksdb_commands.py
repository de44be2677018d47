"""Commands about brokers that keep data in RocksDB: from their files, and by asking them."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.fastjson import dumps
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.rocksdb_folders import rocksdb_config

VERSIONS = ("5.3.3", "5.5.0")
OWN = ["RG1", "RG2", "RG3"]


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")}


# From files


@pytest.mark.parametrize("version", VERSIONS)
def test_topics_and_groups_are_read_and_nothing_is_written(cli: Cli, version: str) -> None:
    folder = rocksdb_config(version)
    before = files_of(folder)
    found: dict[str, Any] = {}
    for kind in ("topics", "subscriptionGroups"):
        ran = cli(None, "exportMetadataInRocksDB", "-p", str(folder), "-t", kind, "--output", "json")
        assert (ran.code, ran.json["status"]) == (0, "ok")
        found[kind] = ran.json["data"]
        assert found[kind]["config"]["dataVersion"]["counter"] == 3
    topics = found["topics"]["config"]["topicConfigTable"]
    assert {name: topics[name]["readQueueNums"] for name in ("RT1", "RT2", "RT3", "TBW102")} == {
        "RT1": 2, "RT2": 2, "RT3": 2, "TBW102": 8,
    }  # fmt: skip
    assert found["topics"]["count"] == len(topics)
    groups = found["subscriptionGroups"]["config"]["subscriptionGroupTable"]
    assert [groups[name]["retryMaxTimes"] for name in OWN] == [1, 2, 3]
    assert files_of(folder) == before


@pytest.mark.parametrize("version", VERSIONS)
def test_offsets_are_as_in_the_json_file(cli: Cli, version: str) -> None:
    line = ("rocksDBConfigToJson", "-p", str(rocksdb_config(version)), "-t", "consumerOffsets")
    ran = cli(None, *line, "--output", "json")
    assert (ran.code, ran.json["data"]["config"]) == (0, {"offsetTable": {"RT1@RG1": {"0": 1, "1": 0}}})
    assert json.loads(cli(None, *line).out) == ran.json["data"]["config"]
    assert cli(None, *line, "-j", "false").out == '1, Key: RT1@RG1, Value: {"offsetTable":{"0":1,"1":0}}\n'


def test_the_plain_form_has_a_line_an_entry(cli: Cli) -> None:
    folder = str(rocksdb_config("5.5.0"))
    lines = cli(None, "exportMetadataInRocksDB", "-p", folder, "-t", "SUBSCRIPTIONGROUPS").out.splitlines()
    assert lines[0].startswith("1, Key: CID_")
    assert len(lines) == 11
    document = json.loads(cli(None, "exportMetadataInRocksDB", "-p", folder, "-t", "topics", "-j", "true").out)
    assert list(document) == ["dataVersion", "topicConfigTable"]


def test_an_export_goes_to_a_file_with_a_backup(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "groups.json"
    target.write_text("old")
    line = ("rocksDBConfigToJson", "-p", str(rocksdb_config("5.3.3")), "-t", "subscriptionGroups", "-e", str(target))
    planned = cli(None, *line, "--plan", "--output", "json")
    assert (planned.code, planned.json["status"], target.read_text()) == (0, "planned", "old")
    ran = cli(None, *line, "--output", "json")
    assert (ran.code, ran.json["data"]["exportFile"], ran.json["data"]["count"]) == (0, str(target), 11)
    assert set(OWN) < set(json.loads(target.read_text())["subscriptionGroupTable"])
    assert (tmp_path / "groups.json.bak").read_text() == "old"


def test_what_is_no_rocksdb(cli: Cli, tmp_path: Path) -> None:
    ran = cli(None, "exportMetadataInRocksDB", "-p", str(tmp_path), "-t", "topics")
    assert ran.code == ExitCode.NOT_FOUND
    assert "storeType=defaultRocksDB" in ran.err
    damaged = tmp_path / "config"
    shutil.copytree(rocksdb_config("5.5.0"), damaged)
    for path in (damaged / "topics").glob("MANIFEST-*"):
        os.truncate(path, 40)
    ran = cli(None, "exportMetadataInRocksDB", "-p", str(damaged), "-t", "topics")
    assert ran.code == ExitCode.FAILED
    assert "cannot be read as RocksDB" in ran.err


def test_without_the_reader_the_message_says_both_ways(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rocksdict", None)
    ran = cli(None, "exportMetadataInRocksDB", "-p", str(rocksdb_config("5.5.0")), "-t", "topics")
    assert ran.code == ExitCode.FAILED
    assert "pip install 'rocketmq-ops[rocksdb]'" in ran.err
    assert "mqadmin rocksDBConfigToJson -b HOST:PORT -t topics" in ran.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "give -b or -c, or -p"),
        (["-p", "/nowhere"], "-p needs one -t"),
        (["-p", "/nowhere", "-t", "topics;consumerOffsets"], "-p needs one -t"),
        (["-b", "10.1.0.1:10911", "-t", "nothing"], "'nothing' is not one of"),
    ],
)
def test_options_that_do_not_go_together(cli: Cli, options: list[str], told: str) -> None:
    ran = cli(None, "rocksDBConfigToJson", *options, "-n", "10.0.0.1:9876")
    assert ran.code == ExitCode.USAGE
    assert told in ran.err


# By asking brokers


class Brokers:
    """Three brokers: a keeps its configuration and pop records in RocksDB, b in files, and c does not export."""

    def __init__(self, cli: Cli) -> None:
        self._cli = cli
        self.cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"), ("broker-c", "C2"))
        self.a, self.b, self.c = (self.cluster[f"broker-{x}"] for x in "abc")
        rocksdb = {"storeType": "defaultRocksDB", "popConsumerKVServiceInit": "true", "storePathRootDir": "/s"}
        self.a.config.update(rocksdb)
        self.b.config.update({"storeType": "default", "popConsumerKVServiceInit": "false", "storePathRootDir": "/s"})
        self.c.config.update({**rocksdb, "configManagerVersion": "v2"})
        for broker in (self.a, self.b, self.c):
            for code in (Code.EXPORT_ROCKSDB_CONFIG_TO_JSON, Code.POP_ROLLBACK):
                self.cluster.transport.on(broker.address, code, lambda c: c.reply(remark="export done."))

    def __call__(self, *arguments: str) -> Any:
        return self._cli(self.cluster.transport, *arguments, "-n", self.cluster.namesrv, "--output", "json")

    def asked(self, code: Code) -> list[tuple[str, Any]]:
        return [(address, command) for address, command in self.cluster.transport.sent if command.code == code]


@pytest.fixture
def brokers(cli: Cli) -> Brokers:
    return Brokers(cli)


def test_only_brokers_with_something_to_export_are_asked(brokers: Brokers) -> None:
    ran = brokers("rocksDBConfigToJson", "-c", "C1", "-t", "topics;consumerOffsets")
    assert (ran.code, ran.json["status"]) == (0, "ok")
    assert [(b["brokerName"], b["state"]) for b in ran.json["data"]["brokers"]] == [
        ("broker-a", "done"), ("broker-b", "nothing"),
    ]  # fmt: skip
    assert ran.json["data"]["brokers"][0]["detail"] == "/s/config/topics.json, /s/config/consumerOffset.json"
    ((address, command),) = brokers.asked(Code.EXPORT_ROCKSDB_CONFIG_TO_JSON)
    assert (address, command.ext_fields["configType"]) == (brokers.a.address, "topics;consumerOffsets;")
    other = brokers("rocksDBConfigToJson", "-c", "C2")
    assert (other.code, other.json["status"]) == (0, "unchanged")
    assert "configManagerVersion=v2" in other.json["data"]["brokers"][0]["detail"]


def test_a_plan_of_an_export_asks_nothing_of_brokers(brokers: Brokers) -> None:
    for line in (("rocksDBConfigToJson", "-b", brokers.a.address), ("exportPopRecord", "-c", "C1")):
        planned = brokers(*line, "--plan")
        assert (planned.code, planned.json["status"]) == (0, "planned")
    dry = brokers("exportPopRecord", "-c", "C1", "-d", "true")
    assert (dry.code, dry.json["data"]["planned"]) == (0, True)
    assert brokers.asked(Code.EXPORT_ROCKSDB_CONFIG_TO_JSON) == brokers.asked(Code.POP_ROLLBACK) == []


def test_pop_records_are_exported_unless_it_is_a_dry_run(brokers: Brokers) -> None:
    ran = brokers("exportPopRecord", "-c", "C1", "-d", "false")
    assert [(b["brokerName"], b["state"]) for b in ran.json["data"]["brokers"]] == [
        ("broker-a", "done"), ("broker-b", "nothing"),
    ]  # fmt: skip
    assert [address for address, _ in brokers.asked(Code.POP_ROLLBACK)] == [brokers.a.address]
    brokers.cluster.stop(brokers.b.address)
    ran = brokers("exportPopRecord", "-c", "C1")
    assert (ran.code, ran.json["status"]) == (ExitCode.PARTIAL, "partial")


@pytest.mark.parametrize(
    ("status", "state", "code"),
    [
        (0, "ok", ExitCode.OK),
        (1, "not_ok", ExitCode.DIFFERENT),
        (2, "in_progress", ExitCode.OK),
        (3, "error", ExitCode.PARTIAL),
        (9, "unknown", ExitCode.PARTIAL),
    ],
)
def test_the_check_of_queues(brokers: Brokers, status: int, state: str, code: ExitCode) -> None:
    answer = dumps({"checkStatus": status, "checkResult": "RESULT"})
    for broker in (brokers.a, brokers.b):
        brokers.cluster.transport.on(
            broker.address, Code.CHECK_ROCKSDB_CQ_WRITE_PROGRESS, lambda c: c.reply(body=answer)
        )
    line = ("checkRocksdbCqWriteProgress", "-c", "C1", "-t", "T", "-cf", "1700000000000")
    ran = brokers(*line)
    assert (ran.code, [b["state"] for b in ran.json["data"]["brokers"]]) == (code, [state, state])
    asked = brokers.asked(Code.CHECK_ROCKSDB_CQ_WRITE_PROGRESS)
    assert [(c.ext_fields["topic"], c.ext_fields["checkStoreTime"]) for _, c in asked] == [("T", "1700000000000")] * 2
    assert "read its result in the broker's log" in ran.err if state == "in_progress" else True


def test_name_servers_by_their_other_name(brokers: Brokers, cli: Cli) -> None:
    brokers.cluster.transport.on(
        brokers.c.address,
        Code.CHECK_ROCKSDB_CQ_WRITE_PROGRESS,
        lambda c: c.reply(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, " request type 354 not supported"),
    )
    for name in ("--nameserverAddr", "-nameserverAddr", "-namesrvAddr", "-n"):
        ran = cli(brokers.cluster.transport, "checkRocksdbCqWriteProgress", "-c", "C2", name, brokers.cluster.namesrv)
        assert ran.code == ExitCode.UNSUPPORTED
        assert "the check of RocksDB's consume queues" in ran.err
