"""Rules about the configuration of running brokers. Those about a file alone are the lint's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rocketmq_ops.housekeeping.doctor.facts import Facts, Part, label
from rocketmq_ops.housekeeping.doctor.rule import rule
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.lint.keys import start_only
from rocketmq_ops.housekeeping.lint.sane import SANE, implausible
from rocketmq_ops.housekeeping.rules import Hit

#: Keys that belong to one broker or its machine, or change by themselves.
OWN: Final = frozenset(
    (
        "brokerConfigPath", "brokerId", "brokerIP1", "brokerIP2", "brokerName", "bindAddress", "haListenPort",
        "haMasterAddress", "listenPort", "metricsPromExporterPort", "rocketmqHome", "startAcceptSendRequestTimeStamp",
        "dLegerSelfId", "storePathRootDir", "storePathCommitLog", "storePathDLedgerCommitLog", "storePathEpochFile",
        "storePathBrokerIdentity", "brokerRole", "messageDelayLevel", "brokerElectionPriority",
        "readOnlyCommitLogStorePaths",
    )
)  # fmt: skip
#: Keys that a broker sizes by the number of its processors.
_BY_PROCESSORS: Final = ("ThreadPoolNums", "Threads", "threadNums")
_SHOWN: Final = 8


@rule(
    "config.differs-in-cluster",
    Severity.WARNING,
    "Masters of one cluster have different settings: clients meet other limits on each of them.",
    needs=(Part.NAME_SERVERS, Part.CONFIG),
    remedy="`mqadmin updateBrokerConfig -c CLUSTER -k KEY -v VALUE`, and the same in every file; a key that counts at "
    "a start only: in the files, then restart",
    false_alarms="The machines differ, or a change is being rolled out.",
)
def differs_in_cluster(facts: Facts) -> Iterator[Hit]:
    for cluster, masters in facts.clusters().items():
        configs = {m.broker_name or m.address: facts.configs[m.address] for m in masters if m.address in facts.configs}
        if len(configs) < 2:
            continue
        shared = set.intersection(*(set(config) for config in configs.values())) - OWN
        for key in sorted(key for key in shared if not key.endswith(_BY_PROCESSORS)):
            values: dict[str, list[str]] = {}
            for name, config in configs.items():
                values.setdefault(config[key], []).append(name)
            if len(values) > 1:
                shown = "; ".join(f"{', '.join(names)}: {value!r}" for value, names in values.items())
                yield Hit(
                    cluster,
                    f"{key} is not the same: {shown}",
                    "the key counts at a start only: write the same value into every broker's file, and restart them"
                    if key in start_only()
                    else "`mqadmin updateBrokerConfig -c CLUSTER -k KEY -v VALUE`, and the same in every file",
                )


@rule(
    "config.differs-from-file",
    Severity.WARNING,
    "A running broker has another value than the file: the next start changes it.",
    needs=(Part.CONFIG, Part.FILE),
    remedy="write the running value into the file, or set the file's with `mqadmin updateBrokerConfig`; a key that "
    "counts at a start only: with a restart",
    false_alarms="The file is another broker's.",
)
def differs_from_file(facts: Facts) -> Iterator[Hit]:
    if facts.file is None:
        return
    name = facts.file.values.get("brokerName")
    for broker in facts.brokers:
        config = facts.configs.get(broker.address)
        if config is None or (name is not None and config.get("brokerName") != name):
            continue
        for key, value in facts.file.values.items():
            if key in config and config[key].strip() != value.strip():
                yield Hit(
                    label(broker),
                    f"{key} is {config[key]!r}, {facts.file.path} says {value!r}",
                    "the key counts at a start only: write the running value into the file, or restart the broker"
                    if key in start_only()
                    else "write the running value into the file, or set the file's with `mqadmin updateBrokerConfig`",
                )


@rule(
    "config.file-of-nobody",
    Severity.WARNING,
    "No running broker has the brokerName of the file: nothing could be compared.",
    needs=(Part.CONFIG, Part.FILE),
    remedy="give the file of a broker of this cluster",
)
def file_of_nobody(facts: Facts) -> Iterator[Hit]:
    name = facts.file.values.get("brokerName") if facts.file is not None else None
    names = sorted({config.get("brokerName", "") for config in facts.configs.values()})
    if facts.file is not None and name is not None and name not in names:
        yield Hit(facts.file.path, f"brokerName is {name}, running are {', '.join(names) or 'none'}")


@rule(
    "config.implausible",
    Severity.WARNING,
    "A running broker has a number that is hardly meant so: another unit, or outside of what works.",
    needs=(Part.CONFIG,),
    remedy="convert it to the unit of the key: `mqadmin updateBrokerConfig -b ADDR -k KEY -v VALUE`; a key that counts "
    "at a start only: in the file, then restart",
    false_alarms="Small files and short times in tests.",
)
def implausible_value(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        config = facts.configs.get(broker.address, {})
        for key in SANE:
            why = implausible(key, config.get(key, ""))
            if why is not None and key != "brokerPermission":
                yield Hit(
                    label(broker),
                    why,
                    "the key counts at a start only: convert it to its unit in the broker's file, and restart it"
                    if key in start_only()
                    else "convert it to the unit of the key: `mqadmin updateBrokerConfig -b ADDR -k KEY -v VALUE`",
                )


@rule(
    "config.long-polling-off",
    Severity.WARNING,
    "longPollingEnable is false: consumers ask again every shortPollingTimeMills, and messages wait for it.",
    needs=(Part.CONFIG,),
    remedy="`mqadmin updateBrokerConfig -b ADDR -k longPollingEnable -v true`",
)
def long_polling_off(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        if facts.setting(broker.address, "longPollingEnable") == "false":
            wait = facts.setting(broker.address, "shortPollingTimeMills")
            yield Hit(label(broker), f"longPollingEnable is false, shortPollingTimeMills is {wait}")


@rule(
    "config.fast-failure-off",
    Severity.WARNING,
    "brokerFastFailureEnable is false: a slow broker lets requests wait until clients give up, instead of refusing.",
    needs=(Part.CONFIG,),
    remedy="`mqadmin updateBrokerConfig -b ADDR -k brokerFastFailureEnable -v true`",
)
def fast_failure_off(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        if facts.setting(broker.address, "brokerFastFailureEnable") == "false":
            yield Hit(label(broker), "brokerFastFailureEnable is false")


@rule(
    "config.index-off",
    Severity.INFO,
    "messageIndexEnable is false: no message can be found by its key or unique key.",
    needs=(Part.CONFIG,),
    remedy="set messageIndexEnable=true in its file and restart it, if messages are looked for by key",
)
def index_off(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        if facts.setting(broker.address, "messageIndexEnable") == "false":
            yield Hit(label(broker), "messageIndexEnable is false")


@rule(
    "config.delay-levels-differ",
    Severity.CRITICAL,
    "Brokers have different messageDelayLevel: the same level is another time, depending on the broker.",
    needs=(Part.CONFIG,),
    remedy="write the same messageDelayLevel into every broker's file, and restart them",
)
def delay_levels_differ(facts: Facts) -> Iterator[Hit]:
    levels: dict[str, list[str]] = {}
    for broker in facts.brokers:
        told = facts.setting(broker.address, "messageDelayLevel")
        if told is not None:
            levels.setdefault(" ".join(told.split()), []).append(label(broker))
    if len(levels) > 1:
        shown = "; ".join(f"{', '.join(names[:_SHOWN])}: {value!r}" for value, names in levels.items())
        yield Hit("messageDelayLevel", shown)
