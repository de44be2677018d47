"""The running configuration: what it shows, what an update changes, refuses and writes."""

import asyncio

import pytest

from rocketmq_ops.common.config import ConfigValueError, UnknownKeyError
from rocketmq_ops.common.configuration import Configuration, ForbiddenKeyError
from rocketmq_ops.common.properties import parse_properties
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig


def make() -> tuple[Configuration, NamesrvConfig, NettyServerConfig]:
    namesrv, server = NamesrvConfig(), NettyServerConfig(listenPort=9876)
    return Configuration([namesrv, server], {"oddKey": "1", "listenPort": "1"}), namesrv, server


def test_text_has_every_key_sorted():
    configuration, _, _ = make()
    lines = configuration.text().splitlines()
    assert lines == sorted(lines)
    shown = parse_properties(configuration.text())
    assert shown["listenPort"] == "9876"
    assert shown["oddKey"] == "1"
    assert shown["clusterTest"] == "false"


def test_an_update_changes_and_writes(tmp_path):
    path = tmp_path / "namesrv.conf"
    path.write_text("# mine\norderMessageEnable=false\nother=1\n")
    configuration, namesrv, server = make()
    version = configuration.data_version.counter
    changes = {"orderMessageEnable": "true", "serverSocketBacklog": "7"}
    changed = configuration.update(changes, "listenPort")
    asyncio.run(configuration.save(changes, str(path)))
    assert sorted(changed) == ["orderMessageEnable", "serverSocketBacklog"]
    assert (namesrv.orderMessageEnable, server.serverSocketBacklog) == (True, 7)
    assert configuration.data_version.counter == version + 1
    assert path.read_text() == "# mine\norderMessageEnable=true\nother=1\nserverSocketBacklog=7\n"


def test_an_update_without_a_file_makes_one(tmp_path):
    path = tmp_path / "new" / "namesrv.properties"
    configuration, _, _ = make()
    changes = {"clusterTest": "true"}
    configuration.update(changes, "")
    asyncio.run(configuration.save(changes, str(path)))
    assert path.read_text() == "clusterTest=true\n"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"clusterTest": "true", "kvConfigPath": "/x"}, ForbiddenKeyError),
        ({"clusterTest": "true", "orderMessageEnabled": "true"}, UnknownKeyError),
        ({"clusterTest": "true", "serverSocketBacklog": "many"}, ConfigValueError),
    ],
)
def test_an_update_is_all_or_none(changes, error):
    configuration, namesrv, _ = make()
    with pytest.raises(error):
        configuration.update(changes, "configBlackList;kvConfigPath")
    assert namesrv.clusterTest is False


def test_updates_at_the_same_time_all_reach_the_file(tmp_path):
    path = tmp_path / "namesrv.conf"
    configuration, _, _ = make()
    changes = [{"clusterTest": "true"}, {"orderMessageEnable": "true"}, {"serverSocketBacklog": "7"}]

    async def all_at_once() -> None:
        for change in changes:
            configuration.update(change, "")
        await asyncio.gather(*(configuration.save(change, str(path)) for change in changes))

    asyncio.run(all_at_once())
    assert sorted(path.read_text().split()) == ["clusterTest=true", "orderMessageEnable=true", "serverSocketBacklog=7"]


def test_a_key_of_two_classes_changes_in_both():
    server, client = NettyServerConfig(), NettyClientConfig()
    Configuration([server, client]).update({"writeBufferHighWaterMark": "65536"}, "")
    assert (server.writeBufferHighWaterMark, client.writeBufferHighWaterMark) == (65536, 65536)
