"""The metrics under the exporter's names, against the list that its source has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rocketmq_ops.housekeeping.probe.report import BrokerFigures, GroupState
from rocketmq_ops.mqadmin.render.exporter_names import Sample, samples_of_brokers, samples_of_group

GOLDEN = Path(__file__).parents[2] / "golden" / "rocketmq-exporter" / "metrics.json"
LABELS: dict[str, list[str]] = json.loads(GOLDEN.read_text("utf-8"))
ONE = "1.5 2.5 3.5"
#: As a broker of Apache's answers, with a value of its own in each figure that is looked at below.
FIGURES = {
    **dict.fromkeys(
        [
            "bootTimestamp",
            "brokerVersion",
            "commitLogDiskRatio",
            "commitLogMinOffset",
            "consumeQueueDiskRatio",
            "dispatchBehindBytes",
            "dispatchMaxBuffer",
            "earliestMessageTimeStamp",
            "getMessageEntireTimeMax",
            "msgGetTotalTodayMorning",
            "msgGetTotalTodayNow",
            "msgGetTotalYesterdayMorning",
            "msgPutTotalTodayMorning",
            "msgPutTotalTodayNow",
            "msgPutTotalYesterdayMorning",
            "pageCacheLockTimeMills",
            "pullThreadPoolQueueCapacity",
            "pullThreadPoolQueueHeadWaitTimeMills",
            "pullThreadPoolQueueSize",
            "putLatency99",
            "putLatency999",
            "putMessageAverageSize",
            "putMessageEntireTimeMax",
            "putMessageSizeTotal",
            "putMessageTimesTotal",
            "queryThreadPoolQueueCapacity",
            "queryThreadPoolQueueHeadWaitTimeMills",
            "queryThreadPoolQueueSize",
            "remainTransientStoreBufferNumbs",
            "sendThreadPoolQueueCapacity",
            "sendThreadPoolQueueHeadWaitTimeMills",
            "sendThreadPoolQueueSize",
            "startAcceptSendRequestTimeStamp",
        ],
        "7",
    ),
    **dict.fromkeys(["putTps", "getMissTps", "getTotalTps", "getFoundTps"], ONE),
    "brokerVersionDesc": "V5_3_3",
    "commitLogMaxOffset": "5000",
    "commitLogDirCapacity": "Total : 2.0 KiB, Free : 1.5 KiB.",
    "remainHowManyDataToFlush": "3.0 KiB",
    "putMessageDistributeTime": "[<=0ms]:1 [0~10ms]:2 [10~50ms]:3 [50~100ms]:4 [100~200ms]:5 [200~500ms]:6 "
    "[500ms~1s]:7 [1~2s]:8 [2~3s]:9 [3~4s]:10 [4~5s]:11 [5~10s]:12 [10s~]:13 ",
}
SLAVE = BrokerFigures("a#1", "C", "h:2", {**FIGURES, "commitLogMaxOffset": "4000"}, broker_id=1)


def master(transferred: str = "getTransferedTps") -> BrokerFigures:
    return BrokerFigures("a", "C", "h:1", {**FIGURES, transferred: ONE})


def samples(*brokers: BrokerFigures) -> list[Sample]:
    return list(samples_of_brokers(brokers))


@pytest.mark.parametrize("transferred", ["getTransferedTps", "getTransferredTps"], ids=["4.9", "5.x"])
def test_every_figure_of_a_broker_has_its_metric(transferred: str) -> None:
    made = samples(master(transferred), SLAVE)
    of_brokers = {name for name in LABELS if name.startswith(("rocketmq_broker_", "rocketmq_brokeruntime_"))}
    assert {name for name, *_ in made} == of_brokers
    assert len(made) == len(of_brokers), "one series each"


def test_names_and_labels_are_the_exporters() -> None:
    group = GroupState("G", "slow", 3, "", 2, {"T": 3, "%RETRY%G": 0, "unknown": None})
    made = [*samples(master(), SLAVE), *samples_of_group(group)]
    for name, _, labels, _ in made:
        assert [label for label, _ in labels] == LABELS[name]
    assert [(name, dict(labels)["topic"], value) for name, _, labels, value in made[-2:]] == [
        ("rocketmq_group_diff", "T", 3),
        ("rocketmq_group_retrydiff", "%RETRY%G", 0),
    ]
    assert dict(made[-1][2])["msgModel"] == "1", "CLUSTERING, by its place in MessageModel"


def test_units_are_the_exporters() -> None:
    values = {name: value for name, _, _, value in samples(master(), SLAVE)}
    assert values["rocketmq_brokeruntime_commitlogdir_capacity_total"] == 2048
    assert values["rocketmq_brokeruntime_commitlogdir_capacity_free"] == 1536
    assert values["rocketmq_brokeruntime_remain_howmanydata_toflush"] == 3072
    assert values["rocketmq_brokeruntime_pmdt_0ms"] == 1 and values["rocketmq_brokeruntime_pmdt_10stomore"] == 13
    assert values["rocketmq_broker_tps"] == values["rocketmq_brokeruntime_put_tps60"] == 2.5
    assert values["rocketmq_broker_commitlog_diff"] == 1000


def test_a_slave_has_no_series_of_its_masters() -> None:
    [(name, _, labels, value)] = [each for each in samples(master(), SLAVE) if ("brokerIP", "h:2") in each[2]]
    assert (name, dict(labels)["broker"], value) == ("rocketmq_broker_commitlog_diff", "a", 1000)
    assert not samples(SLAVE), "without its master's figures the difference is unknown"


def test_what_a_broker_does_not_report_is_left_out() -> None:
    names = {name for name, *_ in samples(BrokerFigures("a", "C", "h:1", {"putMessageDistributeTime": "null"}))}
    assert names == set()
