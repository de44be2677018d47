"""Configuration classes: Apache's keys and defaults, conversion, what is reported."""

import json
from pathlib import Path

import pytest

from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.common.config import (
    ConfigClass,
    ConfigError,
    ConfigFileError,
    ConfigValueError,
    RefusedValueError,
    UnknownKeyError,
    apply_properties,
    load_config_file,
    override,
)
from rocketmq_ops.common.properties import Property
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
    assert config.set("flushDiskType", "SYNC_FLUSH")
    assert config.set("mappedFileSizeCommitLog", "67108864")
    assert config.set("messageIndexEnable", "FALSE")
    assert config.set("logicalDiskSpaceCleanForciblyThreshold", "0.5")
    assert config.diff() == {
        "mappedFileSizeCommitLog": ("1073741824", "67108864"),
        "flushDiskType": ("ASYNC_FLUSH", "SYNC_FLUSH"),
        "messageIndexEnable": ("true", "false"),
        "logicalDiskSpaceCleanForciblyThreshold": ("0.8", "0.5"),
    }


def test_other_spellings():
    # Java's setter leaves the `is` of the field out of the key.
    assert MessageStoreConfig.find_key("isEnableBatchPush") == "enableBatchPush"
    assert MessageStoreConfig.find_key("mapedFileSizeCommitLog") is None
    assert MessageStoreConfig.find_key("destroyMappedFileIntervalForcibly") is None


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("mappedFileSizeCommitLog", "1G", "whole number"),
        ("mappedFileSizeCommitLog", "0", "from 4096 to 2147483647"),
        ("maxSlaveResendLength", "9223372036854775808", "64 bits"),
        ("maxRecoveryCommitlogFiles", "2147483648", "32 bits"),
        ("maxRecoveryCommitlogFiles", "9" * 5000, "32 bits"),
        ("flushDiskType", "SYNC", "ASYNC_FLUSH, SYNC_FLUSH"),
        ("messageIndexEnable", "yes", "true or false"),
        ("logicalDiskSpaceCleanForciblyThreshold", "much", "decimal"),
        ("fileReservedTime", "168 ", "without the blanks around it"),
        ("messageIndexEnable", "true ", "without the blanks around it"),
        ("flushDiskType", "SYNC_FLUSH ", "without the blanks around it"),
        ("fileReservedTime", "", "whole number"),
        ("deleteWhen", "25", "hours from 00 to 23"),
        ("deleteWhen", "4;x", "hours from 00 to 23"),
        ("deleteWhen", "", "hours from 00 to 23"),
        ("messageDelayLevel", "1s 5x", "whole numbers with s, m, h or d"),
        ("messageDelayLevel", "1s  5s", "one blank between two"),
        ("storePathRootDir", "", "a path written out"),
        ("storePathRootDir", "~/store", "a path written out"),
        ("storePathRootDir", "${user.home}/store", "is not replaced"),
        ("storePathCommitLog", "/a/commitlog,/b/commitlog", "one path"),
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


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("brokerName", ""),
        ("brokerClusterName", " "),
        ("brokerIP1", ""),
        ("brokerIP1", "10.0.0.1, 10.0.0.2"),
        ("brokerIP1", "${POD_IP}"),
    ],
)
def test_a_text_of_a_wrong_form_is_refused(key, text):
    with pytest.raises(ConfigValueError, match=key):
        BrokerConfig().set(key, text)


@pytest.mark.parametrize("hours", ["04", "4", "00;23", "04;16;", "4;16"])
def test_hours(hours):
    MessageStoreConfig().set("deleteWhen", hours)


@pytest.mark.parametrize(
    ("cls", "key", "bad", "good"),
    [
        (BrokerConfig, "enableControllerMode", "true", "false"),
        (MessageStoreConfig, "enableDLegerCommitLog", "true", "false"),
        (MessageStoreConfig, "storeType", "defaultRocksDB", "default"),
        (MessageStoreConfig, "readOnlyCommitLogStorePaths", "/old", ""),
        (NamesrvConfig, "enableControllerInNamesrv", "true", "false"),
    ],
)
def test_what_would_silently_be_missing_is_refused(cls, key, bad, good):
    config = cls()
    config.set(key, good)
    before = config.to_properties()
    with pytest.raises(RefusedValueError, match=f"{key}={bad} is refused"):
        config.set(key, bad)
    assert config.to_properties() == before


@pytest.mark.parametrize(
    ("key", "bad", "good"),
    [
        ("authenticationEnabled", "true", "false"),
        ("authorizationEnabled", "TRUE ", "false"),
    ],
)
def test_so_is_a_key_of_no_class(key, bad, good):
    with pytest.raises(ConfigError, match=f"{key}={bad.strip()} is refused"):
        apply_properties([Property(key, bad)], [BrokerConfig()])
    report = apply_properties([Property(key, good)], [BrokerConfig()])
    assert report.without_effect == [key]


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
        "listenPort = 20911\nbrokerName=b\nflushDiskTyp=SYNC_FLUSH\ncontrollerType=jRaft\n"
        "sendMessageThreadPoolNums=64\nuseReentrantLockWhenPutMessage=true\n"
    )
    broker, store, server = BrokerConfig(), MessageStoreConfig(), NettyServerConfig()
    report = load_config_file(str(path), [broker, store, server])
    assert (broker.listenPort, server.listenPort, broker.brokerName) == (20911, 20911, "b")
    assert [(error.key, error.nearest) for error in report.unknown] == [("flushDiskTyp", "flushDiskType")]
    assert report.without_effect == ["controllerType", "sendMessageThreadPoolNums"]
    assert "did you mean 'flushDiskType'" in report.warnings()[0]


def test_a_wrong_value_in_a_file_names_the_file(tmp_path):
    path = tmp_path / "broker.conf"
    path.write_text("fileReservedTime=soon\n")
    with pytest.raises(ConfigError, match=r"broker\.conf line 1: .*fileReservedTime.*soon"):
        load_config_file(str(path), [MessageStoreConfig()])


def test_everything_wrong_in_a_file_is_said_with_its_line(tmp_path):
    path = tmp_path / "broker.conf"
    path.write_text(
        "storePathCommitLog=${storePathRootDir}/commitlog\nfileReservedTime = 168 \ntraceTopicEnable = true \n"
        "# \nenableControllerMode=true\n"
    )
    with pytest.raises(ConfigFileError) as caught:
        load_config_file(str(path), [BrokerConfig(), MessageStoreConfig()])
    places = [
        ("line 1", "storePathCommitLog"),
        ("line 2", "'168 '"),
        ("line 3", "'true '"),
        ("line 5", "enableControllerMode"),
    ]
    assert len(caught.value.errors) == len(places)
    for error, (place, word) in zip(caught.value.errors, places, strict=True):
        assert str(error).startswith(f"{path} {place}: ")
        assert word in str(error)
        assert word in str(caught.value)
        assert error.next_step


def test_only_blanks_of_ascii_are_blanks():
    config = BrokerConfig()
    config.set("brokerName", "\ta\u3000 ")
    assert config.brokerName == "a\u3000"


def test_blanks_around_a_text_are_noted(tmp_path):
    path = tmp_path / "broker.conf"
    path.write_text("brokerName = a \n")
    config = BrokerConfig()
    report = load_config_file(str(path), [config])
    assert config.brokerName == "a"
    assert len(report.warnings()) == 1
    assert report.warnings()[0].startswith(f"{path} line 1: the blanks around the value of 'brokerName'")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("mapedFileSizeCommitLog", "'mappedFileSizeCommitLog' since 4.5 and ignores this spelling"),
        ("mapedFileSizeConsumeQueue", "'mappedFileSizeConsumeQueue' since 4.5 and ignores this spelling"),
        ("destroyMappedFileIntervalForcibly", "spells it 'destroyMapedFileIntervalForcibly' and ignores"),
        ("mapedFileSizeTimerLog", "spells it 'mappedFileSizeTimerLog' and ignores"),
        ("storePathConsumeQueue", "dropped before RocketMQ 3.2.6: consumequeues always lie in `consumequeue`"),
        ("abortFile", "dropped before RocketMQ 3.2.6"),
        ("storeCheckpoint", "dropped before RocketMQ 3.2.6"),
        ("checkTransactionMessageEnable", "rejectTransactionMessage=true"),
        ("deletewhen", "upper and lower case count: it is 'deleteWhen'"),
        ("flushDiskTyp", "did you mean 'flushDiskType'?"),
    ],
)
def test_an_unknown_key_is_explained_and_ignored(key, words):
    broker, store = BrokerConfig(), MessageStoreConfig()
    report = apply_properties([Property(key, "1024", 7)], [broker, store])
    assert [error.key for error in report.unknown] == [key]
    assert len(report.warnings()) == 1
    assert report.warnings()[0].startswith("line 7: ")
    assert f"'{key}'" in report.warnings()[0]
    assert words in report.warnings()[0]
    assert report.warnings()[0].endswith("(ignored, as by Apache)")
    assert store == MessageStoreConfig()


def test_keys_of_newer_versions_and_other_classes_are_no_mistake():
    keys = ["writeWithoutMmap", "scanInactiveMasterInterval", "jRaftGroupId", "initAuthenticationUser"]
    report = apply_properties([Property(key, "1", 1) for key in keys], [BrokerConfig(), MessageStoreConfig()])
    assert report.unknown == []
    assert report.without_effect == keys


def test_words_count_more_than_the_file():
    broker = BrokerConfig()
    report = override(["autoCreateTopicEnable=false", "brokerName=a=b", "nonsenseKeyQ="], [broker])
    assert (broker.autoCreateTopicEnable, broker.brokerName) == (False, "a=b")
    assert report.warnings()[0].startswith("command line: unknown configuration key 'nonsenseKeyQ'")
    for words in (["autoCreateTopicEnable"], ["=1"]):
        with pytest.raises(ConfigError, match="neither an option nor KEY=VALUE"):
            override(words, [broker])
    with pytest.raises(ConfigError, match=r"command line: .*'maybe'"):
        override(["autoCreateTopicEnable=maybe"], [broker])


def test_a_key_reported_once_however_often_applied():
    report = apply_properties([Property("nonsenseKeyQ", "1")], [BrokerConfig(), MessageStoreConfig()])
    assert [error.key for error in report.unknown] == ["nonsenseKeyQ"]
    assert apply_properties([], [BrokerConfig()]).unknown == []
