"""The rules of `mqadmin config lint`: each is declared with the function that looks for it in a file.

What lives here: the declarations. What does not: the functions, of keys (`key_checks.py`), of values
(`value_checks.py`), and of what stands in several lines (`setting_checks.py`).

What Apache's servers do with such a file was tried on 4.9.7, 5.3.3 and 5.5.0; see `docs/configuration.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.housekeeping.lint import key_checks, setting_checks, value_checks
from rocketmq_ops.housekeeping.lint.file import LineHit, Linted
from rocketmq_ops.housekeeping.lint.tls import contradictions, system_properties
from rocketmq_ops.housekeeping.rules import Declared


class LintRule(Declared, frozen=True, kw_only=True):
    """A rule about a property file."""

    check: Callable[[Linted], Iterator[LineHit]]


class LineFinding(Finding, frozen=True, kw_only=True):
    """A finding about a line of a file; `line` counts from 1."""

    line: int


def lint(linted: Linted) -> list[LineFinding]:
    """All findings of a file, in the order of its lines."""
    found = [
        LineFinding(**msgspec.structs.asdict(rule.finding(hit)), line=hit.line)
        for rule in RULES
        for hit in rule.check(linted)
    ]
    return sorted(found, key=lambda finding: finding.line)


W, C, I = Severity.WARNING, Severity.CRITICAL, Severity.INFO  # noqa: E741

RULES: Final[tuple[LintRule, ...]] = (
    LintRule(
        id="lint.unknown-key",
        severity=W,
        summary="No version has this key; servers ignore it without a word, so the default counts.",
        remedy="correct the key, or remove the line",
        false_alarms="Keys of plug-ins, and of versions that the table does not have.",
        check=key_checks.unknown_key,
    ),
    LintRule(
        id="lint.old-key",
        severity=W,
        summary="An old spelling (`maped…`, upper and lower case) or a dropped key (`abortFile`, `storeCheckpoint` …).",
        remedy="use the key that is named, or remove the line",
        check=key_checks.old_key,
    ),
    LintRule(
        id="lint.other-version",
        severity=W,
        summary="Another version has this key, the one given with `--for` ignores it.",
        remedy="remove the line",
        false_alarms="A file that brokers of several versions share.",
        check=key_checks.other_version,
    ),
    LintRule(
        id="lint.other-server",
        severity=W,
        summary="A key of a name server in a broker's file, or the reverse: it is ignored.",
        remedy="move the line to the other file",
        false_alarms="One file that both servers read.",
        check=key_checks.other_server,
    ),
    LintRule(
        id="lint.bad-number",
        severity=C,
        summary="A number that Java cannot read (`4M`, `1e6`, nothing): the default counts without a word.",
        remedy="write the number in digits, in the key's unit",
        check=value_checks.bad_number,
    ),
    LintRule(
        id="lint.bad-boolean",
        severity=C,
        summary="Neither true nor false (`yes`, `on`, `1`, nothing): it counts as false.",
        remedy="write true or false",
        check=value_checks.bad_boolean,
    ),
    LintRule(
        id="lint.bad-choice",
        severity=C,
        summary="A value that the enumeration does not have (`SYNC` for a role): the default counts.",
        remedy="write one of the listed values",
        check=value_checks.bad_choice,
    ),
    LintRule(
        id="lint.blank-behind",
        severity=C,
        summary="A blank behind a number, a boolean or an enumeration: Apache's servers take the default, or false.",
        remedy="remove the blanks at the end of the line",
        false_alarms="An enumeration in a file for 5.x, which drops the blank.",
        check=value_checks.blanks,
    ),
    LintRule(
        id="lint.comment-behind",
        severity=C,
        summary="A comment behind a value: property files have none there, so it belongs to the value.",
        remedy="put the comment on a line of its own",
        false_alarms="A name or a path with a blank and a `#` in it.",
        check=value_checks.comment,
    ),
    LintRule(
        id="lint.name-servers",
        severity=C,
        summary="Name servers that are separated by something else than `;`: the broker registers nowhere.",
        remedy="separate them by `;`",
        check=value_checks.name_servers,
    ),
    LintRule(
        id="lint.wrong-unit",
        severity=W,
        summary="The number is far from what is plausible in the key's unit of bytes, ms or hours.",
        remedy="convert the value to the unit of the key",
        false_alarms="Very small files and times in tests.",
        check=value_checks.wrong_unit,
    ),
    LintRule(
        id="lint.out-of-range",
        severity=W,
        summary="A count, percentage or bit field outside of what the server works with.",
        remedy="give a value within the range",
        check=value_checks.out_of_range,
    ),
    LintRule(
        id="lint.not-expanded",
        severity=C,
        summary="`${…}` or `~` in a value: no server replaces them.",
        remedy="write the path out in full",
        check=value_checks.not_expanded,
    ),
    LintRule(
        id="lint.empty-value",
        severity=C,
        summary="An empty name, address or folder, which Apache's servers take as it is.",
        remedy="give a value, or remove the line",
        check=value_checks.empty,
    ),
    LintRule(
        id="lint.repeated-key",
        severity=W,
        summary="A key twice with two values: the last counts.",
        remedy="remove the line that is not meant",
        check=setting_checks.repeated,
    ),
    LintRule(
        id="lint.byte-order-mark",
        severity=C,
        summary="A byte order mark: Apache's servers do not see the key of the first line.",
        remedy="save the file as UTF-8 without a byte order mark",
        check=setting_checks.byte_order_mark,
    ),
    LintRule(
        id="lint.not-ascii",
        severity=W,
        summary="Characters beyond ASCII, which Apache's servers read as ISO-8859-1.",
        remedy="write them as \\uXXXX",
        check=setting_checks.not_ascii,
    ),
    LintRule(
        id="lint.schedule",
        severity=C,
        summary="`deleteWhen` or `messageDelayLevel` in a form that the broker cannot read.",
        remedy="write it in the expected form",
        check=setting_checks.schedule,
    ),
    LintRule(
        id="lint.role-and-id",
        severity=C,
        summary="`brokerRole` and `brokerId` contradict each other.",
        remedy="a master has the id 0, a slave a higher one",
        check=setting_checks.role_and_id,
    ),
    LintRule(
        id="lint.ports",
        severity=C,
        summary="Two listeners of the broker have one port.",
        remedy="give each its own port; replication usually has listenPort + 1",
        check=setting_checks.ports,
    ),
    LintRule(
        id="lint.disk-ratios",
        severity=W,
        summary="The three marks of the disk are not in the order expire early, delete at once, refuse.",
        remedy="keep diskMaxUsedSpaceRatio < diskSpaceCleanForciblyRatio < diskSpaceWarningLevelRatio",
        check=setting_checks.disk_ratios,
    ),
    LintRule(
        id="lint.advertised-address",
        severity=W,
        summary="The broker announces an address that leads clients or slaves to their own machine.",
        remedy="set it to an address that they reach",
        false_alarms="Everything runs on one machine.",
        check=setting_checks.advertised,
    ),
    LintRule(
        id="lint.store-pool",
        severity=W,
        summary="`transientStorePoolEnable` where it has no effect.",
        remedy="remove the line, or use ASYNC_FLUSH on a master",
        check=setting_checks.store_pool,
    ),
    LintRule(
        id="lint.system-property",
        severity=C,
        summary="A key of TLS where Apache's servers do not read it: it is ignored, and plain connections are taken.",
        remedy="give it in JAVA_OPT as -DKEY=VALUE, or in the file of tls.config.file",
        false_alarms="The start script hands the file's keys on.",
        check=system_properties,
    ),
    LintRule(
        id="lint.tls",
        severity=C,
        summary="Keys of TLS that together do not do what one of them says.",
        remedy="correct one of them",
        check=contradictions,
    ),
    LintRule(
        id="lint.refused-here",
        severity=C,
        summary="With `--for ours`: the server does not start with this value.",
        remedy="remove the line, or run Apache's server",
        check=setting_checks.refused_here,
    ),
    LintRule(
        id="lint.kept-here",
        severity=I,
        summary="With `--for ours`: the key has no effect in the servers here.",
        remedy="nothing, unless its effect is needed",
        check=setting_checks.kept_here,
    ),
)
