"""The running configuration: what it shows, what an update changes, refuses and writes."""

import asyncio

import pytest

from rocketmq_ops.common.config import ConfigValueError, UnknownKeyError, load_config_file
from rocketmq_ops.common.configuration import Configuration, ForbiddenKeyError, StartOnlyKeyError
from rocketmq_ops.common.properties import parse_properties
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.store.config import MessageStoreConfig


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


def test_who_updates_from_elsewhere_is_not_told_where_files_lie_here():
    configuration, _, _ = make()
    with pytest.raises(UnknownKeyError) as refused:
        configuration.update({"quiteAnother": "1"}, "")
    assert refused.value.next_step == "the answer of getBrokerConfig or getNamesrvConfig has all"


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


#: A key of each kind, with what it is given so that it stays as it is, and what changes it.
OWN_VALUES = [
    ("useTLS", False, ("FALSE", "false"), ("true", "no")),
    ("listenPort", 9876, ("09876", "+9876"), ("9877", "", "x")),
    ("bindAddress", "127.0.0.1", (" 127.0.0.1 ",), ("127.0.0.2",)),
    ("storePathCommitLog", None, ("", " "), ("/logs", "null")),
    ("storePathRootDir", "/store", ("/store",), ("/other", "", "~")),
]


@pytest.mark.parametrize(("key", "value", "same", "other"), OWN_VALUES, ids=[row[0] for row in OWN_VALUES])
def test_a_key_of_the_start_may_be_given_the_value_it_has_however_it_is_written(tmp_path, key, value, same, other):
    store = MessageStoreConfig(storePathRootDir="/store")
    server = NettyServerConfig(listenPort=9876, bindAddress="127.0.0.1")
    configs = (server, NettyClientConfig(useTLS=False), store)
    configuration = Configuration(configs, start_only=frozenset(row[0] for row in OWN_VALUES))
    (owner,) = [each for each in configs if each.find_key(key)]
    for text in same:
        assert configuration.update({key: text, "fileReservedTime": "24"}, "") in ([], ["fileReservedTime"])
        assert owner.value(key) == value and store.fileReservedTime == 24
    for text in other:
        with pytest.raises(StartOnlyKeyError):
            configuration.update({key: text, "fileReservedTime": "48"}, "")
        assert owner.value(key) == value and store.fileReservedTime == 24
    # A start takes what is written.
    path = tmp_path / "broker.conf"
    asyncio.run(configuration.save({key: same[-1]}, str(path)))
    if value is None:
        assert not path.exists()
    else:
        read = type(owner)()
        load_config_file(str(path), [read])
        assert read.value(key) == value
