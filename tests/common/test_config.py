"""Configuration classes: Apache's keys and defaults, conversion, what is reported."""

import json
from pathlib import Path

import pytest

from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.common.config import (
    ConfigClass,
    ConfigError,
    ConfigValueError,
    UnknownKeyError,
    apply_properties,
    load_config_file,
)
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.store.config import MessageStoreConfig

GOLDEN = Path(__file__).parents[1] / "golden" / "rocketmq"
CLASSES: dict[str, type[ConfigClass]] = {
    cls.__name__: cls for cls in (BrokerConfig, MessageStoreConfig, NamesrvConfig, NettyServerConfig, NettyClientConfig)
}
COMPUTED = "(depends on the machine)"
JAVA_TYPES = {
    "FlushDiskType": "ASYNC_FLUSH|SYNC_FLUSH",
    "BrokerRole": "ASYNC_MASTER|SYNC_MASTER|SLAVE",
    "MessageRequestMode": "PULL|POP",
    "MetricsExporterType": "DISABLE|OTLP_GRPC|PROM|LOG",
}


def golden(version: str) -> dict[str, dict[str, dict[str, object]]]:
    return json.loads((GOLDEN / version / "config-defaults.json").read_text())


def cases(version: str) -> list[tuple[str, str]]:
    return [(cls, key) for cls, keys in golden(version).items() for key in keys]


@pytest.mark.parametrize("name", CLASSES)
def test_every_key_has_apaches_type_and_default(name, monkeypatch):
    monkeypatch.delenv("NAMESRV_ADDR", raising=False)
    monkeypatch.delenv("ROCKETMQ_HOME", raising=False)
    config = CLASSES[name]()
    for key, fact in golden("5.3.3")[name].items():
        info = config.key_info(key)
        assert info.java_type == JAVA_TYPES.get(fact["type"], fact["type"]), key
        if fact["default"] == COMPUTED:
            assert getattr(config, key), key
        elif info.used is None or not info.used.because:
            assert getattr(config, key) == fact["default"], key


@pytest.mark.parametrize(("name", "key"), cases("4.9.7"))
def test_the_keys_of_4_9_7_are_known(name, key):
    assert CLASSES[name].find_key(key)


@pytest.mark.parametrize("name", CLASSES)
def test_defaults_survive_text(name):
    config, copy = CLASSES[name](), CLASSES[name]()
    for key, text in config.to_properties().items():
        assert copy.set(key, text) is False, key
    assert copy == config
    assert copy.diff() == {}


def test_set_converts():
    config = MessageStoreConfig()
    assert config.set("flushDiskType", "SYNC_FLUSH ")
    assert config.set("mappedFileSizeCommitLog", " 67108864")
    assert config.set("messageIndexEnable", "FALSE")
    assert config.set("logicalDiskSpaceCleanForciblyThreshold", "0.5")
    assert config.diff() == {
        "mappedFileSizeCommitLog": ("1073741824", "67108864"),
        "flushDiskType": ("ASYNC_FLUSH", "SYNC_FLUSH"),
        "messageIndexEnable": ("true", "false"),
        "logicalDiskSpaceCleanForciblyThreshold": ("0.8", "0.5"),
    }


@pytest.mark.parametrize(
    ("old", "key"),
    [
        ("mapedFileSizeCommitLog", "mappedFileSizeCommitLog"),
        ("mapedFileSizeConsumeQueue", "mappedFileSizeConsumeQueue"),
        ("destroyMappedFileIntervalForcibly", "destroyMapedFileIntervalForcibly"),
        ("isEnableBatchPush", "enableBatchPush"),
    ],
)
def test_other_spellings(old, key):
    assert MessageStoreConfig.find_key(old) == key


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("mappedFileSizeCommitLog", "1G", "whole number"),
        ("mappedFileSizeCommitLog", "0", "from 4096 to 2147483647"),
        ("maxHaTransferByteInSecond", "9223372036854775808", "64 bits"),
        ("haHousekeepingInterval", "2147483648", "32 bits"),
        ("haHousekeepingInterval", "9" * 5000, "32 bits"),
        ("flushDiskType", "SYNC", "ASYNC_FLUSH, SYNC_FLUSH"),
        ("messageIndexEnable", "yes", "true or false"),
        ("logicalDiskSpaceCleanForciblyThreshold", "much", "decimal"),
    ],
)
def test_a_wrong_value_names_key_value_and_expectation(key, text, expected):
    config = MessageStoreConfig()
    with pytest.raises(ConfigValueError) as caught:
        config.set(key, text)
    assert key in str(caught.value)
    assert text in str(caught.value)
    assert expected in caught.value.next_step
    assert config == MessageStoreConfig()


def test_an_unknown_key_names_the_nearest():
    with pytest.raises(UnknownKeyError) as caught:
        BrokerConfig().set("brokerip", "1.2.3.4")
    assert caught.value.nearest in ("brokerIP1", "brokerIP2")
    with pytest.raises(UnknownKeyError) as caught:
        BrokerConfig().set("xyzzy", "1")
    assert caught.value.nearest is None


def test_one_file_feeds_all_classes_and_reports(tmp_path):
    path = tmp_path / "broker.conf"
    path.write_text(
        "listenPort = 20911\nbrokerName=b\nflushDiskTyp=SYNC_FLUSH\nauthenticationEnabled=true\n"
        "sendMessageThreadPoolNums=64\nuseReentrantLockWhenPutMessage=true\n"
    )
    broker, store, server = BrokerConfig(), MessageStoreConfig(), NettyServerConfig()
    report = load_config_file(str(path), [broker, store, server])
    assert (broker.listenPort, server.listenPort, broker.brokerName) == (20911, 20911, "b")
    assert [(error.key, error.nearest) for error in report.unknown] == [("flushDiskTyp", "flushDiskType")]
    assert report.without_effect == ["authenticationEnabled", "sendMessageThreadPoolNums"]
    assert "did you mean 'flushDiskType'" in report.warnings()[0]


def test_a_wrong_value_in_a_file_names_the_file(tmp_path):
    path = tmp_path / "broker.conf"
    path.write_text("fileReservedTime=soon\n")
    with pytest.raises(ConfigError, match=r"broker\.conf: .*fileReservedTime.*soon"):
        load_config_file(str(path), [MessageStoreConfig()])


def test_a_key_reported_once_however_often_applied():
    report = apply_properties({"nonsenseKeyQ": "1"}, [BrokerConfig(), MessageStoreConfig()])
    assert [error.key for error in report.unknown] == ["nonsenseKeyQ"]
    assert apply_properties({}, [BrokerConfig()]).unknown == []
