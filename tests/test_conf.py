"""The shipped property files load, name only keys that are known, and show true defaults."""

import re
from pathlib import Path

import pytest

from rocketmq_ops.broker.startup import BrokerSettings
from rocketmq_ops.common.config import load_config_file
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.remoting.config import NettyServerConfig

CONF = Path(__file__).parents[1] / "conf"
BROKER_FILES = sorted([CONF / "broker.conf", *CONF.glob("2m-*/*.properties")])


def settings_of(path: Path) -> BrokerSettings:
    settings = BrokerSettings.default()
    # Nothing that Apache's broker takes otherwise, or that has no effect in this one.
    assert settings.load(str(path)).warnings() == []
    return settings


@pytest.mark.parametrize("path", BROKER_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_broker_files_load(path):
    settings = settings_of(path)
    assert settings.check() == []
    assert (settings.broker.brokerId > 0) == (settings.store.brokerRole == "SLAVE")


def test_the_name_servers_file_loads():
    configs = [NamesrvConfig(), NettyServerConfig()]
    report = load_config_file(str(CONF / "namesrv.conf"), configs)
    assert report.warnings() == []


@pytest.mark.parametrize("layout", ["2m-2s-sync", "2m-2s-async", "2m-noslave"])
def test_the_brokers_of_a_layout_fit_on_one_machine(layout):
    all_settings = [settings_of(path) for path in sorted((CONF / layout).glob("*.properties"))]
    ports = [
        port
        for settings in all_settings
        for port in (settings.server.listenPort - 2, settings.server.listenPort, settings.store.haListenPort)
    ]
    assert len(set(ports)) == len(ports)
    assert len({settings.store.storePathRootDir for settings in all_settings}) == len(all_settings)
    assert {settings.broker.brokerName for settings in all_settings} == {"broker-a", "broker-b"}


@pytest.mark.parametrize("name", ["broker.conf", "namesrv.conf"])
def test_commented_keys_take_effect_and_show_the_default(name):
    settings = BrokerSettings.default()
    configs = settings.all() if name == "broker.conf" else [NamesrvConfig(), NettyServerConfig()]
    shown = re.findall(r"^#(\w+)=(.*)$", (CONF / name).read_text(), re.MULTILINE)
    assert shown
    for key, text in shown:
        owners = [config for config in configs if config.find_key(key) == key]
        assert any(config.key_info(key).used is not None for config in owners), key
        for config in owners:
            assert not config.set(key, text), key
