"""Each kind of failure gives its exit code on every command: what is named is missing, forbidden, or not known there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.replay import FakeTransport
from tests.mqadmin.test_every_command import ASKING, LINES, NAMESRV_ONLY, Shell, failed, line_of

pytest_plugins: list[str] = []


class RefusingTransport(FakeTransport):
    """A cluster whose broker answers every request with one code."""

    def __init__(self, broker: str, code: int, remark: str) -> None:
        super().__init__()
        self.broker, self.code, self.remark = broker, code, remark

    async def invoke(self, addr: str, command: RemotingCommand, timeout_ms: int = 3000) -> RemotingCommand:
        answer = await super().invoke(addr, command, timeout_ms)
        return command.reply(self.code, self.remark) if addr == self.broker else answer


@pytest.mark.parametrize("name", sorted(set(ASKING) - NAMESRV_ONLY))
def test_x(name: str, cli: Cli, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cluster = FakeCluster(("broker-a", "DefaultCluster"))
    broker = cluster["broker-a"]
    for topic in ("T", "%RETRY%G", "RMQ_SYS_TRACE_TOPIC", broker.name): broker.add_topic(topic, 1)
    t = RefusingTransport(broker.address, 16, "no permission for x")
    t.handlers = cluster.transport.handlers
    ran = cli(t, *line_of(name, broker.address), "-n", cluster.namesrv, "--output", "json")
    with open('/tmp/e2.out','a') as f: print(name, ran.code, ran.err[:160].replace("\n"," | "), file=f)
