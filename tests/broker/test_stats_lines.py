"""The lines of stats.log, and the level of the log while the broker runs."""

import logging

from rocketmq_ops.broker.stats.water_marks import write_water_marks
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from tests.broker.support import run, until


async def used(session):
    for _ in range(3):
        await session.send("T")
    assert (await session.pull("T", "g", maxMsgNums="2")).code == 0
    session.broker.offsets.commit("g", "T", 0, 1)
    session.broker.stats.add_send_back("g", "T")
    # Rates are of exactly ten seconds, however long this took.
    first = session.broker.stats.totals["BROKER_PUT_NUMS"].minute
    session.broker.stats.sample(first[0].timestamp + 10_000 if first else session.broker.clock())


def test_text_is_apaches(tmp_path, caplog):
    async def body(session):
        await used(session)
        session.broker.clock = lambda: 1_800_000_000_000  # a multiple of five minutes
        with caplog.at_level(logging.INFO, "rocketmq_ops.broker.stats.stats_lines"):
            await session.broker.stats_lines.write()
        lines = [record.getMessage() for record in caplog.records if record.name.endswith("stats_lines")]
        assert "[TOPIC_PUT_NUMS] [T] Stats In One Minute, SUM: 3 TPS: 0.30 AVGPT: 1.00" in lines
        assert "[GROUP_GET_NUMS] [T@g] Stats In One Minute, SUM: 2 TPS: 0.20 AVGPT: 2.00" in lines
        assert "[SNDBCK_PUT_NUMS] [T@g] Stats In One Minute, SUM: 1 TPS: 0.10 AVGPT: 1.00" in lines
        assert "[BROKER_PUT_NUMS] [DefaultCluster] Stats In One Minute, SUM: 3 TPS: 0.30 AVGPT: 0.00" in lines
        assert "[CHANNEL_ACTIVITY] [CONNECT] Stats In One Minute, SUM: 1 TPS: 0.10 AVGPT: 1.00" in lines
        assert any(line.startswith("[GROUP_GET_FALL_SIZE] [0@T@g] Stats Every 5 Minutes, Value: ") for line in lines)

    run(tmp_path, body)


def test_water_marks_are_apache_s(tmp_path, caplog):
    async def body(session):
        with caplog.at_level(logging.INFO, "rocketmq_ops.broker.stats.water_marks"):
            write_water_marks(session.broker)
        lines = [record.getMessage() for record in caplog.records if record.name.endswith("water_marks")]
        assert lines == ["[WATERMARK] Send Queue Size: 0 SlowTimeMills: 0"]

    run(tmp_path, body)


def test_objects_have_a_line_for_each_topic_and_group(tmp_path, caplog):
    async def body(session):
        await used(session)
        with caplog.at_level(logging.INFO, "rocketmq_ops.broker.stats.stats_lines"):
            await session.broker.stats_lines.write()
        fields = [record.fields for record in caplog.records if record.name.endswith("stats_lines")]
        topic, group = fields
        size = session.broker.stats.topics["T"].put_size
        common = {"cluster": "DefaultCluster", "broker": "broker-a", "topic": "T"}
        assert topic == common | {"putNums": 3, "putSize": size, "putTps": 0.3}
        assert group.pop("getSize") > 0
        assert group == common | {"group": "g", "getNums": 2, "getTps": 0.2, "sendBackNums": 1, "lag": 2}

    run(tmp_path, body, logFormat="json")


def test_nothing_is_written_without_log_files(tmp_path):
    async def body(session):
        assert not session.broker.stats_lines._jobs

    run(tmp_path, body)


def test_lines_are_written_at_the_full_minute(tmp_path, caplog):
    async def body(session):
        lines = session.broker.stats_lines
        lines.stop()
        session.broker.config.logDir = str(tmp_path / "logs")
        session.broker.clock = lambda: 1_800_000_059_999
        with caplog.at_level(logging.INFO, "rocketmq_ops.broker.stats.stats_lines"):
            lines.start()
            await until(lambda: any("BROKER_PUT_NUMS" in record.getMessage() for record in caplog.records))
            lines.stop()

    run(tmp_path, body)


def test_the_level_changes_while_the_broker_runs_and_the_folder_does_not(tmp_path):
    package, part = logging.getLogger("rocketmq_ops"), logging.getLogger("rocketmq_ops.remoting")
    before = package.level, part.level

    async def body(session):
        async def change(text):
            return await session.ask(RequestCode.UPDATE_BROKER_CONFIG, body=text.encode())

        assert (await change("logLevel=WARN;remoting=DEBUG")).code == 0
        assert (package.level, part.level) == (logging.WARNING, logging.DEBUG)
        assert (await change("logLevel=INFO")).code == 0
        assert (package.level, part.level) == (logging.INFO, logging.NOTSET)
        assert (await change("logLevel=LOUD")).code == ResponseCode.INVALID_PARAMETER
        assert (await change("logDir=/etc")).code == ResponseCode.NO_PERMISSION
        assert (await change("logFormat=json")).code == ResponseCode.INVALID_PARAMETER

    try:
        run(tmp_path, body)
    finally:
        package.setLevel(before[0])
        part.setLevel(before[1])
