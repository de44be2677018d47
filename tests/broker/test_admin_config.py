"""The configuration over the wire: shown whole, changed at once and in the file, all of it or nothing."""

import pytest

from rocketmq_ops.common.properties import parse_properties
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from tests.broker.admin_broker import with_broker
from tests.golden_data import facts

GET, UPDATE = RequestCode.GET_BROKER_CONFIG, RequestCode.UPDATE_BROKER_CONFIG


def test_every_key_of_the_four_classes_is_shown(tmp_path):
    async def scenario(broker):
        answer = await broker.ask(GET)
        shown = parse_properties(answer.body_bytes.decode())
        defaults = facts("5.3.3", "config-defaults")
        expected = {
            key
            for name in ("BrokerConfig", "MessageStoreConfig", "NettyServerConfig", "NettyClientConfig")
            for key, entry in defaults[name].items()
            if entry["default"] is not None
        }
        assert expected - set(shown) == set()
        assert shown["brokerName"] == "broker-a" and shown["mappedFileSizeCommitLog"] == "262144"
        assert '"counter":0' in answer.ext_fields["version"]
        lines = answer.body_bytes.decode().splitlines()
        assert lines == sorted(lines, key=lambda line: line.split("=")[0])

    with_broker(tmp_path, scenario)


def test_a_change_takes_effect_and_stands_in_the_file_beside_what_was_there(tmp_path):
    file = tmp_path / "broker.conf"
    file.write_text("# mine\nbrokerName=broker-a\nfileReservedTime = 48\nunknownToUs=1\n")

    async def scenario(broker):
        answer = await broker.ask(
            UPDATE, body=b"fileReservedTime=24\nautoCreateTopicEnable=false\nslaveReadEnable=true\n"
        )
        assert (answer.code, answer.remark) == (0, None)
        assert broker.controller.store_config.fileReservedTime == 24
        assert broker.controller.config.autoCreateTopicEnable is False
        assert (await broker.send("Fresh")).code == ResponseCode.TOPIC_NOT_EXIST
        assert '"counter":1' in (await broker.ask(GET)).ext_fields["version"]
        text = file.read_text()
        assert text.startswith("# mine\nbrokerName=broker-a\nfileReservedTime=24\nunknownToUs=1\n")
        assert parse_properties(text)["slaveReadEnable"] == "true"
        assert (
            (tmp_path / "broker.conf.bak").read_text().startswith("# mine\nbrokerName=broker-a\nfileReservedTime = 48")
        )

    with_broker(tmp_path / "store", scenario, brokerConfigPath=str(file))


@pytest.mark.parametrize(
    ("body", "code", "why"),
    [
        (b"fileReservedTme=24\n", ResponseCode.INVALID_PARAMETER, "did you mean 'fileReservedTime'?"),
        (b"fileReservedTime=soon\n", ResponseCode.INVALID_PARAMETER, "fileReservedTime"),
        (b"flushDiskType=NEVER\n", ResponseCode.INVALID_PARAMETER, "SYNC_FLUSH"),
        (b"listenPort=1\n", ResponseCode.INVALID_PARAMETER, "in the configuration file and restart"),
        (b"mappedFileSizeCommitLog=1048576\n", ResponseCode.INVALID_PARAMETER, "in the configuration file and restart"),
        (b"mapedFileSizeCommitLog=1048576\n", ResponseCode.INVALID_PARAMETER, "'mappedFileSizeCommitLog' since 4.5"),
        (
            b"brokerRole=SLAVE\n",
            ResponseCode.INVALID_PARAMETER,
            "a master becomes a slave, and a slave a master, at a start only",
        ),
        (b"isBrokerRole=SLAVE\n", ResponseCode.INVALID_PARAMETER, "a master becomes a slave"),
        (b"brokerHooks=none\n", ResponseCode.INVALID_PARAMETER, "counts at a start only"),
        (b"timerPrecisionMs=0\n", ResponseCode.INVALID_PARAMETER, "counts at a start only"),
        (b"namesrvAddr=10.0.0.1:9876;nowhere:port\n", ResponseCode.INVALID_PARAMETER, "namesrvAddr: "),
        (b"aclEnable=true\n", ResponseCode.INVALID_PARAMETER, "counts at a start only"),
        (b"enableControllerMode=true\n", ResponseCode.INVALID_PARAMETER, "enableControllerMode=true is refused"),
        (b"fileReservedTime=24 \n", ResponseCode.INVALID_PARAMETER, "without the blanks"),
        (b"brokerConfigPath=/etc/passwd\n", ResponseCode.NO_PERMISSION, "black list"),
        (b"configBlackList=x\n", ResponseCode.NO_PERMISSION, "black list"),
        (b"rocketmqHome=/tmp\n", ResponseCode.NO_PERMISSION, "black list"),
        (b"\xff\xfe=1\n", ResponseCode.SYSTEM_ERROR, "UTF-8"),
    ],
)
def test_what_is_refused_changes_nothing(tmp_path, body, code, why):
    async def scenario(broker):
        answer = await broker.ask(UPDATE, body=b"fileReservedTime=3\n" + body)
        assert answer.code == code
        assert why in answer.remark
        assert broker.controller.store_config.fileReservedTime == 72

    with_broker(tmp_path, scenario)


def test_without_a_file_the_answer_says_how_long_the_change_lasts(tmp_path):
    async def scenario(broker):
        answer = await broker.ask(UPDATE, body=b"fileReservedTime=24\n")
        assert answer.code == 0
        assert "until the next start" in answer.remark

    with_broker(tmp_path, scenario)


def test_a_file_that_cannot_be_written_is_an_error_but_the_change_holds(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")

    async def scenario(broker):
        answer = await broker.ask(UPDATE, body=b"messageDelayLevel=1s 2s\n")
        assert answer.code == ResponseCode.SYSTEM_ERROR
        assert "not kept" in answer.remark
        assert broker.controller.delay.max_delay_level == 2

    with_broker(tmp_path / "store", scenario, brokerConfigPath=str(blocked / "broker.conf"))


def test_new_delay_levels_count_at_once(tmp_path):
    async def scenario(broker):
        assert broker.controller.delay.max_delay_level == 18
        await broker.ask(UPDATE, body=b"messageDelayLevel=1s 5s 1m\n")
        assert broker.controller.delay.max_delay_level == 3

    with_broker(tmp_path, scenario)


def test_a_key_of_the_start_may_be_given_its_own_value(tmp_path):
    async def scenario(broker):
        assert (await broker.ask(UPDATE, body=b"brokerName=broker-a\nfileReservedTime=24\n")).code == 0
        assert broker.controller.store_config.fileReservedTime == 24

    with_broker(tmp_path, scenario)
