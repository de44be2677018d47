"""`--query`: what it yields in each form, and what a wrong one says."""

from __future__ import annotations

import csv
import io
import subprocess
import sys

import pytest
import yaml

from rocketmq_ops.mqadmin import registry
from tests.mqadmin.conftest import Cli, Ran
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.test_declarations import built


def ask(cli: Cli, query: str, *more: str) -> Ran:
    cluster = FakeCluster(("broker-a", "C"), ("broker-b", "C"))
    for name in ("broker-a", "broker-b"):
        cluster[name].add_topic("T", 4 if name == "broker-a" else 8)
    return cli(cluster.transport, "topicRoute", "-t", "T", "-n", cluster.namesrv, "--query", query, *more)


def test_json_without_a_form(cli: Cli) -> None:
    assert ask(cli, "brokers[?readQueueNums > `4`].brokerName").json == ["broker-b"]
    assert ask(cli, "topic").json == "T"
    assert ask(cli, "nothing", "--output", "json").json is None


def test_keys_that_are_numbers_are_texts(cli: Cli) -> None:
    assert ":" in ask(cli, 'brokers[0].brokerAddrs."0"').json


def test_yaml(cli: Cli) -> None:
    assert yaml.safe_load(ask(cli, "brokers[].readQueueNums", "--output", "yaml").out) == [4, 8]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("brokers[].{b: brokerName, n: readQueueNums}", [["b", "n"], ["broker-a", "4"], ["broker-b", "8"]]),
        ("brokers[].brokerName", [["value"], ["broker-a"], ["broker-b"]]),
        ("brokers[].[brokerName, perm]", [["value"], ['["broker-a",6]'], ['["broker-b",6]']]),
        ("length(brokers)", [["value"], ["2"]]),
        ("nothing", [["value"]]),
    ],
)
def test_csv(cli: Cli, query: str, rows: list[list[str]]) -> None:
    assert list(csv.reader(io.StringIO(ask(cli, query, "--output", "csv").out))) == rows


@pytest.mark.parametrize(
    "query", ["brokers[].brokerName", "brokers[].{b: brokerName}", "brokers", "brokers[].[brokerName, perm]"]
)
def test_names(cli: Cli, query: str) -> None:
    assert ask(cli, query, "--output", "name").out == "broker-a\nbroker-b\n"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("brokers[?a=`1`]", "invalid query: unexpected '=' at character 11:\n  brokers[?a=`1`]\n            ^\n"),
        ("brokers[", "invalid query: it ends too early at character 9:\n  brokers[\n          ^\n"),
        ('"订单".]', "invalid query: unexpected ']' at character 6:\n  \"订单\".]\n         ^\n"),
    ],
)
def test_a_broken_query_is_pointed_at(cli: Cli, query: str, said: str) -> None:
    ran = ask(cli, query)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "  next: see `mqadmin topicRoute --help`" in ran.err


@pytest.mark.parametrize("query", ["sort(topic)", "no_such_function(@)"])
def test_a_query_that_does_not_fit_the_result(cli: Cli, query: str) -> None:
    ran = ask(cli, query)
    assert (ran.code, ran.out) == (2, "")
    assert "the query cannot be applied to the result: " in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("form", ["wide", "java"])
def test_forms_that_only_whole_results_have(cli: Cli, form: str) -> None:
    ran = ask(cli, "topic", "--output", form)
    assert (ran.code, ran.out) == (2, "")
    assert f"--query yields no {form}" in ran.err


def test_a_failure_is_the_failure(cli: Cli) -> None:
    cluster = FakeCluster()
    line = ["topicRoute", "-t", "Absent", "-n", cluster.namesrv, "--query", "topic", "--output", "json"]
    ran = cli(cluster.transport, *line)
    assert (ran.code, ran.json["status"]) == (4, "failed")


def test_commands_that_stream_do_not_have_it() -> None:
    without = {
        entry.name
        for entry in registry.ENTRIES
        if not any("--query" in parameter.opts for parameter in built(entry).params)
    }
    assert without == {"store dump", "store diff", "store sql", "dev", "startMonitoring", "tui"}


def test_the_library_is_loaded_for_queries_alone() -> None:
    probe = """
import sys
from rocketmq_ops.mqadmin.main import run
run(["topicRoute", "-t", "T", "-n", "127.0.0.1:9"])
print([name for name in sys.modules if "jmespath" in name or "render.query" in name])
"""
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
