"""`mqadmin haStatus` of slaves: why one does not replicate is shown where the slave says it."""

from __future__ import annotations

import json

import pytest

from rocketmq_ops.common.fastjson import dumps
from rocketmq_ops.remoting.codes import RequestCode as Code
from tests.mqadmin.conftest import Cli
from tests.mqadmin.replay import FakeTransport

SLAVE = "10.1.0.9:10911"
STATE = {
    "master": False,
    "haClientRuntimeInfo": {"masterAddr": "10.1.0.1:10912", "maxOffset": 700, "lastReadTimestamp": 0},
}
WHY = "the two commitlogs went different ways; move its store away and start it empty"


@pytest.mark.parametrize(
    ("figures", "shown"), [({"haProblem": WHY}, WHY), ({"haProblem": ""}, None), ({}, None)],
    ids=["a problem", "none", "apache's"],
)  # fmt: skip
def test_the_problem_of_a_slave(cli: Cli, figures: dict[str, str], shown: str | None) -> None:
    transport = FakeTransport()
    transport.on(SLAVE, Code.GET_BROKER_HA_STATUS, lambda c: c.reply(body=dumps(STATE)))
    transport.on(SLAVE, Code.GET_BROKER_RUNTIME_INFO, lambda c: c.reply(body=dumps({"table": figures})))
    ran = cli(transport, "haStatus", "-b", SLAVE)
    assert ran.code == 0 and [line for line in ran.out.splitlines() if line.startswith("#Problem")] == (
        [f"#Problem\t{shown}"] if shown else []
    )
    (broker,) = json.loads(cli(transport, "haStatus", "-b", SLAVE, "--output", "json").out)["data"]["brokers"]
    assert broker["problem"] == shown


def test_a_slave_that_does_not_say_its_figures_is_no_failure(cli: Cli) -> None:
    transport = FakeTransport()
    transport.on(SLAVE, Code.GET_BROKER_HA_STATUS, lambda c: c.reply(body=dumps(STATE)))
    transport.on(SLAVE, Code.GET_BROKER_RUNTIME_INFO, lambda c: c.reply(16, "no permission"))
    ran = cli(transport, "haStatus", "-b", SLAVE)
    assert ran.code == 0 and "#CommitLogMaxOffset\t700" in ran.out
