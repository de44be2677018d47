"""Which setting of TLS a command goes by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.connecting.profiles import resolve
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RocketMQBroker]:
    config = tmp_path_factory.mktemp("pair") / "broker.conf"
    config.write_text("tls.server.mode=disabled\n")
    with rocketmq_server(config=str(config)) as server:
        yield server


def test_the_option_the_profile_then_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve("h:1", None).tls is None
    monkeypatch.setenv("ROCKETMQ_OPS_TLS", "/etc/rocketmq/tls.properties")
    assert resolve("h:1", None).tls == "/etc/rocketmq/tls.properties"
    (tmp_path / "profiles.yaml").write_text("profiles: {p: {namesrv: 'h:1', tls: true}, q: {namesrv: 'h:1', tls: no}}")
    assert (resolve(None, "p").tls, resolve(None, "q").tls) == ("true", "false")
    assert resolve(None, "p", tls="false").tls == "false"


def test_commands_say_what_is_wrong(
    pair: RocketMQBroker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ["topicList", "-n", pair.namesrv]
    assert mqadmin.run([*line, "--tls", "true"]) == 3  # it takes none
    assert f"cannot connect to {pair.namesrv}: " in capsys.readouterr().err
    assert mqadmin.run([*line, "--tls", "/not/there"]) == 4
    assert "/not/there" in capsys.readouterr().err
    monkeypatch.setenv("ROCKETMQ_OPS_TLS", "true")
    assert mqadmin.run([*line, "--tls", "false"]) == 0


def test_a_server_that_takes_tls_alone_is_recognised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "broker.conf"
    config.write_text("tls.server.mode=enforcing\n")
    with rocketmq_server(config=str(config)) as server:
        assert mqadmin.run(["topicList", "-n", server.namesrv]) == 3
        said = capsys.readouterr().err
        assert f"connection to {server.namesrv} was closed before anything was answered" in said
        assert "where it takes TLS alone, connect with TLS" in said
        assert mqadmin.run(["topicList", "-n", server.namesrv, "--tls", "true"]) == 0
