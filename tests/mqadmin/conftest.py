"""Fixtures: the command line run in this process over a transport of the test's choice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.run import Run


class Ran(NamedTuple):
    """Exit code, stdout and stderr of one command line."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No name server and no profile from this machine."""
    monkeypatch.delenv("NAMESRV_ADDR", raising=False)
    for name in (
        "ROCKETMQ_OPS_PROFILE",
        "ROCKETMQ_OPS_ACCESS_KEY",
        "ROCKETMQ_OPS_SECRET_KEY",
        "ROCKETMQ_OPS_TLS",
        "ROCKETMQ_OPS_ADDRESS_MAP",
        "ROCKETMQ_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROCKETMQ_OPS_PROFILES", str(tmp_path / "profiles.yaml"))


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The time zone of the recordings; commands print local times."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """`cli(transport, *arguments)` runs `mqadmin` with these arguments."""

    def call(transport: Any, *arguments: str) -> Ran:
        def admin(self: Run) -> MQAdmin:
            return MQAdmin(self.connection.name_servers, self.timeout_ms, transport=transport)

        monkeypatch.setattr(Run, "admin", admin)
        code = mqadmin.run(list(arguments))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call
