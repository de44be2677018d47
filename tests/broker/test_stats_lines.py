"""The lines of stats.log, and the level of the log while the broker runs."""

import logging
import re
import time
from pathlib import Path

import pytest

from rocketmq_ops.broker.stats.stats_item import Snapshot, StatsItem
from rocketmq_ops.broker.stats.stats_lines import moment_line, statistics_line
from rocketmq_ops.broker.stats.water_marks import write_water_marks
from rocketmq_ops.common.clock import steady_ms
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
    session.broker.stats.sample(first[0].timestamp + 10_000 if first else steady_ms(), session.broker.clock())


RECORDED = Path(__file__).parents[1] / "golden" / "stats_log"
STATISTIC = re.compile(
    r"\[(?P<name>\w+)\] \[(?P<key>\S+)\] Stats In One (?P<period>Minute|Hour|Day), "
    r"SUM: (?P<sum>\d+) TPS: (?P<tps>\d+\.\d\d) AVGPT: (?P<avgpt>\d+\.\d\d)"
)
MOMENT = re.compile(r"\[(?P<name>\w+)\] \[(?P<key>\S+)\] Stats Every 5 Minutes, Value: (?P<value>\d+)")
#: Not measured here, as docs/operations.md says; of puts where nobody waits.
NOT_HERE = {"GROUP_GET_LATENCY", "TOPIC_PUT_LATENCY"}


def recorded(version):
    """The texts of Apache's stats.log, without those of statistics that are not here."""
    lines = (RECORDED / f"{version}.log").read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO - \[", line) for line in lines)
    return [text for line in lines if (text := line[27:]).split("]")[0][1:] not in NOT_HERE]


class Filled(StatsItem):
    """A counter whose windows have what a line says."""

    def __init__(self, line):
        super().__init__()
        total, tps, avgpt = int(line["sum"]), float(line["tps"]), float(line["avgpt"])
        elapsed = round(total * 1000 / tps) if tps else 60_000
        last = Snapshot(elapsed, round(total / avgpt) if avgpt else 0, total, total)
        getattr(self, line["period"].lower()).extend([Snapshot(0, 0, 0, 0), last])


@pytest.mark.parametrize("version", ["5.3.3", "4.9.7"])
def test_lines_are_those_of_apaches_stats_log(version):
    texts = recorded(version)
    kinds = set()
    for text in texts:
        if line := STATISTIC.fullmatch(text):
            kinds.add(line["period"])
            assert statistics_line(line["name"], line["key"], Filled(line), line["period"]) == text
        else:
            line = MOMENT.fullmatch(text)
            assert line is not None, text
            kinds.add(line["name"])
            assert moment_line(line["name"], line["key"], int(line["value"])) == text
    assert kinds == {"Minute", "Hour", "Day", "GROUP_GET_FALL_SIZE", "GROUP_GET_FALL_TIME"}


def test_numbers_are_rounded_as_java_rounds_them():
    item = StatsItem()
    item.minute.extend([Snapshot(0, 0, 0, 0), Snapshot(8_000, 200, 201, 201)])  # 25.125 a second, 1.005 a time
    assert statistics_line("N", "k", item, "Minute").endswith("SUM: 201 TPS: 25.13 AVGPT: 1.01")


def test_every_statistic_has_its_lines(tmp_path, caplog):
    async def body(session):
        stats = session.broker.stats
        await used(session)
        stats.count_put("SCHEDULE_TOPIC_XXXX", 2, 1, 300)
        stats.count_delivery("%RETRY%g", 3, 300)
        stats.events.add("PRODUCER_REGISTER_TIME", "DefaultCluster")
        stats.events.add("CONSUMER_REGISTER_TIME", "DefaultCluster")
        session.broker.clock = lambda: 1_800_000_000_000  # a multiple of five minutes
        with caplog.at_level(logging.INFO, "rocketmq_ops.broker.stats.stats_lines"):
            await session.broker.stats_lines.write()
        lines = [record.getMessage() for record in caplog.records if record.name.endswith("stats_lines")]
        assert "[TOPIC_PUT_NUMS] [T] Stats In One Minute, SUM: 3 TPS: 0.30 AVGPT: 1.00" in lines
        assert "[GROUP_GET_NUMS] [T@g] Stats In One Minute, SUM: 2 TPS: 0.20 AVGPT: 2.00" in lines
        assert "[BROKER_PUT_NUMS] [DefaultCluster] Stats In One Minute, SUM: 3 TPS: 0.30 AVGPT: 0.00" in lines
        assert "[CHANNEL_ACTIVITY] [CONNECT] Stats In One Minute, SUM: 1 TPS: 0.10 AVGPT: 1.00" in lines
        found = {(match["name"], match["period"]) for line in lines if (match := STATISTIC.fullmatch(line))}
        moments = {match["name"] for line in lines if (match := MOMENT.fullmatch(line))}
        names = {text.split("]")[0][1:] for version in ("5.3.3", "4.9.7") for text in recorded(version)} - moments
        assert moments == {"GROUP_GET_FALL_SIZE", "GROUP_GET_FALL_TIME"}
        assert {(name, period) for name in names for period in ("Minute", "Hour", "Day")} <= found

    run(tmp_path, body)


def test_hours_days_and_falls_are_written_when_they_end(tmp_path, caplog):
    noon = int(time.mktime((2026, 1, 31, 12, 0, 0, 0, 0, -1)) * 1000)
    evening = int(time.mktime((2026, 1, 31, 23, 59, 0, 0, 0, -1)) * 1000)

    async def body(session):
        await used(session)
        lines = session.broker.stats_lines

        async def written(at):
            caplog.clear()
            session.broker.clock = lambda: at
            with caplog.at_level(logging.INFO, "rocketmq_ops.broker.stats.stats_lines"):
                await lines.write()
            texts = [record.getMessage() for record in caplog.records if record.name.endswith("stats_lines")]
            periods = {match["period"] for text in texts if (match := STATISTIC.fullmatch(text))}
            return periods, any(MOMENT.fullmatch(text) for text in texts)

        await written(noon - 120_000)
        assert await written(noon - 60_000) == ({"Minute"}, False)
        assert await written(noon) == ({"Minute", "Hour"}, True)
        assert await written(noon + 60_000) == ({"Minute"}, False)
        # What a halt of the machine has skipped is made up for.
        assert await written(noon + 61 * 60_000) == ({"Minute", "Hour"}, True)
        await written(evening)
        assert await written(evening + 60_000) == ({"Minute", "Hour", "Day"}, True)
        session.broker.store_config.diskFallRecorded = False
        assert await written(evening + 6 * 60_000) == ({"Minute"}, False)

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
