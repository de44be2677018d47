"""A cluster behind NAT: where commands and clients connect to when its addresses are not those from here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocketmq_ops.client.instance import ClientInstance
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.common.addresses import AddressError
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.connecting.profiles import resolve
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand

#: An address that no test reaches (TEST-NET-1).
INSIDE = "192.0.2.1:9876"


@pytest.fixture(scope="module")
def pair() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        yield server


def test_the_option_the_profile_then_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROCKETMQ_OPS_ADDRESS_MAP", "a:1=b:2, c:3=[::1]:4")
    assert resolve("h:1", None).address_map == {"a:1": "b:2", "c:3": "[::1]:4"}
    (tmp_path / "profiles.yaml").write_text(
        "profiles: {p: {namesrv: 'h:1', addressMap: {'a:1': 'd:5'}}, q: {namesrv: 'h:1', addressMap: 'a:1=e:6'}}"
    )
    assert resolve(None, "p").address_map == {"a:1": "d:5"}
    assert resolve(None, "q").address_map == {"a:1": "e:6"}
    assert resolve(None, "p", address_map={"a:1": "f:7"}).address_map == {"a:1": "f:7"}
    monkeypatch.setenv("ROCKETMQ_OPS_ADDRESS_MAP", "a:1")
    with pytest.raises(AddressError, match="invalid address pair 'a:1'"):
        resolve("h:1", None)


def test_commands_connect_by_the_map_and_errors_show_both(
    pair: RocketMQBroker, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    line = ["topicList", "-n", INSIDE, "--addressMap"]
    assert mqadmin.run([*line, f"{INSIDE}={pair.namesrv}"]) == 0
    assert "TBW102" in capsys.readouterr().out
    assert mqadmin.run([*line, f"{INSIDE}=127.0.0.1:9"]) == 3
    assert f"cannot connect to {INSIDE} at 127.0.0.1:9, as the address map says" in capsys.readouterr().err
    assert mqadmin.run([*line, "nonsense"]) == 2
    assert "expected HOST:PORT=HOST:PORT" in capsys.readouterr().err
    assert mqadmin.run(["profile", "add", "nat", "-n", INSIDE, "--addressMap", f"{INSIDE}={pair.namesrv}"]) == 0
    assert mqadmin.run(["profile", "test", "nat"]) == 0


def test_clients_connect_by_the_map(pair: RocketMQBroker) -> None:
    async def main() -> int:
        instance = ClientInstance(ClientOptions(name_servers=INSIDE, address_map={INSIDE: pair.namesrv}))
        await instance.start()
        try:
            request = RemotingCommand.request(RequestCode.GET_BROKER_CLUSTER_INFO)
            return (await instance.session.ask_name_servers(request)).code
        finally:
            await instance.stop()

    assert asyncio.run(main()) == 0
