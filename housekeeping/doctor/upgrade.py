"""Rules about versions: known defects of running ones, and what a newer one will refuse, ignore or change (`--to`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rocketmq_ops.housekeeping.doctor.facts import Facts, Part, label
from rocketmq_ops.housekeeping.doctor.rule import rule
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.lint.keys import BROKER_CLASSES, COMPUTED, VERSIONS, defaults_of, keys_of
from rocketmq_ops.housekeeping.rules import Hit

_TO: Final = (Part.CONFIG, Part.RUNTIME, Part.TARGET)
_VERSION: Final = re.compile(r"V?(\d+)[._](\d+)[._](\d+)")
#: Longest group name of 5.4 and later, which brokers check themselves (Validators.CHARACTER_MAX_LENGTH before: 255).
_GROUP_NAME: Final = 120

Version = tuple[int, int, int]


def version_of(text: str | None) -> Version | None:
    """`V5_3_3` as (5, 3, 3); None where it is not known."""
    found = _VERSION.search(text or "")
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def _running(facts: Facts, address: str) -> Version | None:
    return version_of(facts.runtimes.get(address, {}).get("brokerVersionDesc"))


def _short(version: Version | None) -> str | None:
    """The column of the table of keys that a version is nearest to."""
    if version is None:
        return None
    return "4.9" if version < (5, 0, 0) else "5.3" if version < (5, 4, 0) else "5.5"


@rule(
    "upgrade.known-defect",
    Severity.CRITICAL,
    "A broker runs a version in which whoever reaches its port can run commands on it (CVE-2023-33246).",
    needs=(Part.RUNTIME,),
    remedy="upgrade to 4.9.7 or to 5.3.3; until then let only trusted hosts reach the broker's ports",
    false_alarms="A build with the fix that reports the old version.",
)
def known_defect(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        version = _running(facts, broker.address)
        if version is not None and (version < (4, 9, 6) or (5, 0, 0) <= version < (5, 1, 1)):
            told = facts.runtimes[broker.address]["brokerVersionDesc"]
            yield Hit(label(broker), f"it reports {told}; mended in 4.9.6 and 5.1.1")


@rule(
    "upgrade.mixed-versions",
    Severity.INFO,
    "Brokers of one cluster run different versions: what only the newer one can do fails on the others.",
    needs=(Part.NAME_SERVERS, Part.RUNTIME),
    remedy="finish the upgrade",
    false_alarms="An upgrade is under way.",
)
def mixed_versions(facts: Facts) -> Iterator[Hit]:
    for cluster in sorted({broker.cluster or "" for broker in facts.brokers}):
        told: dict[str, list[str]] = {}
        for broker in facts.brokers:
            version = facts.runtimes.get(broker.address, {}).get("brokerVersionDesc")
            if broker.cluster == cluster and version is not None:
                told.setdefault(version, []).append(label(broker))
        if len(told) > 1:
            yield Hit(cluster, "; ".join(f"{version}: {', '.join(names)}" for version, names in told.items()))


@rule(
    "upgrade.key-ignored",
    Severity.WARNING,
    "The new version does not have a key that is set: it will be ignored without a word.",
    needs=_TO,
    remedy="remove the line, and look for what replaces it in the new version's release notes",
    false_alarms="The key has its default: nothing changes then.",
)
def key_ignored(facts: Facts) -> Iterator[Hit]:
    target = facts.target or ""
    for broker in facts.brokers:
        short = _short(_running(facts, broker.address))
        if short is None or short == target:
            continue
        new = keys_of(target, BROKER_CLASSES)
        for key, value in facts.configs.get(broker.address, {}).items():
            defaults = defaults_of(key)
            if key not in new and defaults and value not in defaults:
                evidence = f"{key}={value} (default {defaults[0]}) is not a key of {VERSIONS[target]}"
                yield Hit(label(broker), evidence)


@rule(
    "upgrade.default-changes",
    Severity.INFO,
    "A key that has its default today has another default in the new version.",
    needs=_TO,
    remedy="write the value of today into the file, if it is wanted",
)
def default_changes(facts: Facts) -> Iterator[Hit]:
    target = facts.target or ""
    for broker in facts.brokers:
        short = _short(_running(facts, broker.address))
        if short is None or short == target:
            continue
        old, new = keys_of(short, BROKER_CLASSES[:2]), keys_of(target, BROKER_CLASSES[:2])
        for key, value in facts.configs.get(broker.address, {}).items():
            before = old[key].defaults[short] if key in old else None
            after = new[key].defaults[target] if key in new else None
            if after not in (None, COMPUTED) and value == before != after:
                yield Hit(label(broker), f"{key}: {value} becomes {after}")


@rule(
    "upgrade.acl-replaced",
    Severity.CRITICAL,
    "aclEnable and plain_acl.yml are not read by 5.3.3 and later: the broker would serve everybody, or start without.",
    needs=_TO,
    remedy="set authenticationEnabled and authorizationEnabled, and migrate with migrateAuthFromV1Enabled=true",
)
def acl_replaced(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        version = _running(facts, broker.address)
        if version is not None and version < (5, 3, 3) and facts.setting(broker.address, "aclEnable") == "true":
            yield Hit(label(broker), f"aclEnable is true, {VERSIONS[facts.target or '']} has users and ACLs instead")


@rule(
    "upgrade.group-name-too-long",
    Severity.CRITICAL,
    "A group's name is longer than 5.4 and later accept (120 characters): its settings cannot be changed any more.",
    needs=(Part.GROUPS, Part.TARGET),
    remedy="move its consumers to a group with a shorter name first: `mqadmin cloneGroupOffset`",
)
def group_name_too_long(facts: Facts) -> Iterator[Hit]:
    if facts.target == "5.5":
        for group in facts.user_groups():
            if len(group) > _GROUP_NAME:
                yield Hit(group, f"{len(group)} characters, {_GROUP_NAME} are accepted")


@rule(
    "upgrade.timer-recalls",
    Severity.WARNING,
    "Timer messages that were recalled under 5.3 and still wait are delivered after an upgrade to 5.5.",
    needs=_TO,
    remedy="set appendTopicForTimerDeleteKey=true in the new version's file until they are through",
    false_alarms="No message was recalled.",
)
def timer_recalls(facts: Facts) -> Iterator[Hit]:
    if facts.target != "5.5":
        return
    for broker in facts.masters():
        version = _running(facts, broker.address)
        recalls = facts.setting(broker.address, "recallMessageEnable") == "true"
        if recalls and version is not None and version < (5, 4, 0):
            yield Hit(label(broker), "recallMessageEnable is true")


@rule(
    "upgrade.dledger",
    Severity.CRITICAL,
    "A DLedger group keeps its log in its own form: brokers of both forms cannot be mixed while it is upgraded.",
    needs=_TO,
    remedy="upgrade one replica after the other with the same dLegerGroup; moving to controller mode needs a new store",
    false_alarms="The DLedger group stays one.",
)
def dledger(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        if facts.setting(broker.address, "enableDLegerCommitLog") == "true":
            yield Hit(
                label(broker),
                f"enableDLegerCommitLog is true, dLegerGroup is {facts.setting(broker.address, 'dLegerGroup')}",
            )
