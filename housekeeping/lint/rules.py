"""The rules of `mqadmin config lint`: each is declared with the function that looks for it in a file.

What Apache's servers do with such a file was tried on 4.9.7, 5.3.3 and 5.5.0; see `docs/configuration.md`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from rocketmq_ops.common.addresses import split_addresses
from rocketmq_ops.common.foreign_keys import explanation, is_foreign
from rocketmq_ops.common.nearest import nearest_name
from rocketmq_ops.common.properties import Property
from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.housekeeping.lint.file import PORTS, TLS, LineHit, Linted
from rocketmq_ops.housekeeping.lint.keys import BROKER_CLASSES, NAMESRV_CLASSES, VERSIONS, Key, keys_of, versions_with
from rocketmq_ops.housekeeping.lint.sane import SANE, implausible
from rocketmq_ops.housekeeping.lint.tls import contradictions, system_properties
from rocketmq_ops.housekeeping.rules import Declared

_TEXTS: Final = ("String",)
#: Enumerations of which upper and lower case do not count.
_ANY_CASE: Final = ("tls.server.need.client.auth",)
_WHOLE: Final = {"int": 31, "long": 63}
_HOURS: Final = re.compile(r"([01]?\d|2[0-3])(;([01]?\d|2[0-3]))*;?")
_LEVELS: Final = re.compile(r"\d+[smhd]( \d+[smhd])*")
#: Names that a server registers under, or addresses that it announces: an empty one is taken as it is.
_NOT_EMPTY: Final = ("brokerName", "brokerClusterName", "brokerIP1", "brokerIP2", "storePathRootDir", "bindAddress")
#: The fast port is so far below the port where a broker listens.
_FAST_PORT_BELOW: Final = 2
#: What is meant as a comment behind a value: a `#` or `!` begins one at the begin of a line only.
_COMMENT: Final = re.compile(r"[ \t]+[#!][ \t#!]*\S.*|[ \t]+#\s*")


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


def _unknown(linted: Linted) -> Iterator[tuple[Property, str | None]]:
    """The lines whose key the version does not have, with what is known to have become of the key."""
    for entry in linted.file.properties:
        if not any(entry.key in keys for keys in (linted.known, linted.others, linted.system_properties)):
            yield entry, explanation(entry.key, linted.known)


def _versions_with(key: str) -> list[str]:
    """The versions that have the key; the servers here only where none of Apache's knows it."""
    here = not is_foreign(key) and key in keys_of("ours", (*BROKER_CLASSES, *NAMESRV_CLASSES))
    return versions_with(key) or (["ours"] if here else [])


def _is_elsewhere(key: str) -> bool:
    """Whether another version has the key, or a class that the lint has no table of."""
    return bool(_versions_with(key)) or is_foreign(key)


def _unknown_key(linted: Linted) -> Iterator[LineHit]:
    for entry, why in _unknown(linted):
        if why is None and not _is_elsewhere(entry.key):
            near = nearest_name(entry.key, linted.known)
            remedy = f"write {near}" if near else "remove the line"
            yield linted.hit(entry, f"no version has a key '{entry.key}'", remedy)


def _old_key(linted: Linted) -> Iterator[LineHit]:
    for entry, why in _unknown(linted):
        if why is not None:
            yield linted.hit(entry, f"'{entry.key}' is ignored: {why}")


def _other_version(linted: Linted) -> Iterator[LineHit]:
    for entry, why in _unknown(linted):
        if why is None and (versions := _versions_with(entry.key)):
            evidence = f"{VERSIONS[linted.version]} ignores '{entry.key}', which is a key of {', '.join(versions)}"
            near = nearest_name(entry.key, linted.known, cutoff=0.85)
            yield linted.hit(entry, evidence, f"remove the line, or see {near}" if near else "")


def _other_server(linted: Linted) -> Iterator[LineHit]:
    for entry in linted.file.properties:
        if entry.key not in linted.known and entry.key in linted.others:
            if linted.server == TLS:
                yield linted.hit(entry, f"'{entry.key}' is a key of the servers, this is a file of TLS's keys")
                continue
            (other,) = {"broker", "name server"} - {linted.server}
            yield linted.hit(entry, f"'{entry.key}' is a key of a {other}, this is a {linted.server}'s file")


def _fits(key: Key, value: str) -> bool:
    if key.type in _WHOLE:
        bits = _WHOLE[key.type]
        return re.fullmatch(r"[+-]?\d{1,20}", value) is not None and -(1 << bits) <= int(value) < 1 << bits
    if key.type == "double":
        try:
            float(value)
        except ValueError:
            return False
    if key.type == "boolean":
        return value.lower() in ("true", "false")
    choices = key.type.split("|")
    return len(choices) == 1 or value in choices or (key.name in _ANY_CASE and value.lower() in choices)


def _before_comment(value: str) -> str | None:
    """What is left of a value without the comment behind it; None where there is none."""
    found = _COMMENT.search(value)
    return None if found is None else value[: found.start()]


def _comment(linted: Linted) -> Iterator[LineHit]:
    for entry, key in linted.set():
        meant = _before_comment(entry.value)
        if meant is not None and _fits(key, meant.strip()):
            evidence = f"{entry.key}={entry.value}: a comment behind a value is part of it"
            yield linted.hit(entry, evidence, f"write {entry.key}={meant.strip()}, and the comment on its own line")


def _name_servers(linted: Linted) -> Iterator[LineHit]:
    entry = linted.line("namesrvAddr")
    if entry is None or linted.version == "ours" or linted.server != "broker":
        return
    value = entry.value if (meant := _before_comment(entry.value)) is None else meant
    listed = ";".join(split_addresses(value))
    if listed and listed != value.strip().strip(";"):
        evidence = f"namesrvAddr={value}: Apache's broker separates name servers by ';' alone, and reaches none"
        yield linted.hit(entry, evidence, f"write namesrvAddr={listed}")


def _wrong(linted: Linted, kinds: Callable[[str], bool]) -> Iterator[tuple[Property, Key]]:
    """The lines of keys of these types whose value is another even without the blanks around it."""
    for entry, key in linted.set():
        meant = _before_comment(entry.value)
        if meant is not None and _fits(key, meant.strip()):
            continue  # which is said as it is
        if kinds(key.type) and not _fits(key, entry.value.strip()):
            yield entry, key


def _default(key: Key, version: str) -> str:
    default = key.defaults.get(version)
    return f"the default {default} counts" if default not in (None, "", "*") else "the default counts"


def _bad_number(linted: Linted) -> Iterator[LineHit]:
    for entry, key in _wrong(linted, lambda kind: kind in _WHOLE or kind == "double"):
        wanted = "a decimal number" if key.type == "double" else f"a whole number of {_WHOLE[key.type] + 1} bits"
        default = _default(key, linted.version)
        evidence = f"{entry.key}='{entry.value}': expected {wanted}; Apache's servers say nothing, and {default}"
        yield linted.hit(entry, evidence)


def _bad_boolean(linted: Linted) -> Iterator[LineHit]:
    for entry, _ in _wrong(linted, lambda kind: kind == "boolean"):
        evidence = f"{entry.key}='{entry.value}': expected true or false; Apache's servers take it as false"
        yield linted.hit(entry, evidence)


def _bad_choice(linted: Linted) -> Iterator[LineHit]:
    for entry, key in _wrong(linted, lambda kind: "|" in kind):
        choices = key.type.split("|")
        near = nearest_name(entry.value, choices, cutoff=0.4)
        default = _default(key, linted.version)
        evidence = f"{entry.key}='{entry.value}': expected one of {', '.join(choices)}; {default}"
        yield linted.hit(entry, evidence, f"write {entry.key}={near}" if near else "")


def _blanks(linted: Linted) -> Iterator[LineHit]:
    for entry, key in linted.set():
        if key.type not in _TEXTS and entry.value != entry.value.strip() and _fits(key, entry.value.strip()):
            after = "false counts" if key.type == "boolean" else _default(key, linted.version)
            yield linted.hit(entry, f"a blank behind {entry.key}={entry.value.strip()}: in Apache's, {after}")


def _implausible(linted: Linted, *, unit: bool) -> Iterator[LineHit]:
    for entry, _ in linted.set():
        why = implausible(entry.key, entry.value)
        if why is not None and _is_unit(entry.key) == unit:
            yield linted.hit(entry, why)


def _is_unit(key: str) -> bool:
    """Whether a value out of range is likely to be counted in another unit: bytes, times and hours."""
    return SANE[key].unit.partition(" ")[0].rstrip(",") in ("bytes", "ms", "hours")


def _wrong_unit(linted: Linted) -> Iterator[LineHit]:
    return _implausible(linted, unit=True)


def _out_of_range(linted: Linted) -> Iterator[LineHit]:
    return _implausible(linted, unit=False)


def _not_expanded(linted: Linted) -> Iterator[LineHit]:
    for entry, key in linted.set():
        if key.type in _TEXTS and ("${" in entry.value or entry.value.startswith("~")):
            evidence = f"{entry.key}={entry.value} is taken literally: a folder of that very name is made"
            yield linted.hit(entry, evidence)


def _empty(linted: Linted) -> Iterator[LineHit]:
    for entry, _ in linted.set():
        if entry.key in _NOT_EMPTY and not entry.value.strip():
            yield linted.hit(entry, f"{entry.key} is empty, and Apache's servers take the empty text")


def _remarks(linted: Linted, kind: str) -> Iterator[LineHit]:
    for remark in linted.file.remarks:
        if remark.kind == kind:
            yield LineHit(f"{linted.path}:{remark.line}", remark.text, line=remark.line)


def _repeated(linted: Linted) -> Iterator[LineHit]:
    return _remarks(linted, "repeated")


def _byte_order_mark(linted: Linted) -> Iterator[LineHit]:
    return _remarks(linted, "byte order mark")


def _not_ascii(linted: Linted) -> Iterator[LineHit]:
    return _remarks(linted, "not ASCII")


def _schedule(linted: Linted) -> Iterator[LineHit]:
    for name, form, after in (
        ("deleteWhen", _HOURS, "expired files stay until the disk is nearly full"),
        ("messageDelayLevel", _LEVELS, "the broker does not start"),
    ):
        entry = linted.line(name)
        if entry is not None and name in linted.known and not form.fullmatch(entry.value.strip()):
            wanted = "hours from 00 to 23, as 04 or 04;16" if form is _HOURS else "numbers with s, m, h or d, as 1s 5s"
            yield linted.hit(entry, f"{name}={entry.value}: expected {wanted}; with it {after}")


def _role_and_id(linted: Linted) -> Iterator[LineHit]:
    role, broker_id = linted.value("brokerRole"), linted.value("brokerId")
    entry = linted.line("brokerId") or linted.line("brokerRole")
    if entry is None or role is None or broker_id is None:
        return
    if role == "SLAVE" and broker_id == "0":
        evidence = "brokerRole=SLAVE with brokerId=0: Apache's broker does not start, a slave's id is above 0"
        yield linted.hit(entry, evidence, "set brokerId=1, or the next free number of this brokerName")
    elif role in ("ASYNC_MASTER", "SYNC_MASTER") and broker_id.isdecimal() and broker_id != "0":
        if linted.value("enableControllerMode") == "true" or linted.value("enableDLegerCommitLog") == "true":
            return
        evidence = f"brokerRole={role} with brokerId={broker_id}: a master's id is 0, and 0 counts"
        yield linted.hit(entry, evidence, "set brokerId=0, or brokerRole=SLAVE")


def _ports(linted: Linted) -> Iterator[LineHit]:
    if linted.server != "broker":
        return
    listen = linted.line("listenPort")
    port = int(listen.value) if listen is not None and listen.value.isdecimal() else int(PORTS["broker"])
    taken = {port: "listenPort", port - _FAST_PORT_BELOW: "the fast port, 2 below listenPort"}
    for name in ("haListenPort", "metricsPromExporterPort"):
        entry = linted.line(name)
        if entry is not None and entry.value.isdecimal() and int(entry.value) in taken:
            evidence = f"{name}={entry.value} is also {taken[int(entry.value)]}: the broker does not start"
            yield linted.hit(entry, evidence)


def _disk_ratios(linted: Linted) -> Iterator[LineHit]:
    names = ("diskMaxUsedSpaceRatio", "diskSpaceCleanForciblyRatio", "diskSpaceWarningLevelRatio")
    lines = [linted.line(name) for name in names]
    values = [linted.value(name) for name in names]
    last = next((entry for entry in reversed(lines) if entry is not None), None)
    numbers = [int(value) for value in values if value is not None and value.isdecimal()]
    if last is not None and len(numbers) == len(names) and numbers != sorted(numbers):
        shown = ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
        yield linted.hit(last, f"sends are refused before files are deleted to make room: {shown}")


def _advertised(linted: Linted) -> Iterator[LineHit]:
    for name in ("brokerIP1", "brokerIP2"):
        entry = linted.line(name)
        if entry is not None and entry.value.strip() in ("127.0.0.1", "localhost", "0.0.0.0", "::1", "::"):
            who = "clients" if name == "brokerIP1" else "slaves"
            yield linted.hit(entry, f"{who} of other machines would connect to {entry.value.strip()}")


def _store_pool(linted: Linted) -> Iterator[LineHit]:
    entry = linted.line("transientStorePoolEnable")
    if entry is None or entry.value.strip().lower() != "true":
        return
    for name, value in (("flushDiskType", "SYNC_FLUSH"), ("brokerRole", "SLAVE")):
        if linted.value(name) == value and (name == "brokerRole" or linted.version == "4.9"):
            yield linted.hit(entry, f"transientStorePoolEnable has no effect with {name}={value}")


def _refused_here(linted: Linted) -> Iterator[LineHit]:
    if linted.version == "ours":
        for entry, key in linted.set():
            if key.here == "refused" and entry.value.strip().lower() not in ("", "false", "default"):
                yield linted.hit(entry, f"{entry.key}={entry.value} asks for what the server here does not have")


def _kept_here(linted: Linted) -> Iterator[LineHit]:
    if linted.version == "ours":
        for entry, key in linted.set():
            if key.here == "kept" and entry.value.strip() != key.defaults["5.3"]:
                yield linted.hit(entry, f"{entry.key}={entry.value} is accepted and shown, and changes nothing")


W, C, I = Severity.WARNING, Severity.CRITICAL, Severity.INFO  # noqa: E741

RULES: Final[tuple[LintRule, ...]] = (
    LintRule(
        id="lint.unknown-key",
        severity=W,
        summary="No version has this key; servers ignore it without a word, so the default counts.",
        remedy="correct the key, or remove the line",
        false_alarms="Keys of plug-ins, and of versions that the table does not have.",
        check=_unknown_key,
    ),
    LintRule(
        id="lint.old-key",
        severity=W,
        summary="An old spelling (`maped…`, upper and lower case) or a dropped key (`abortFile`, `storeCheckpoint` …).",
        remedy="use the key that is named, or remove the line",
        check=_old_key,
    ),
    LintRule(
        id="lint.other-version",
        severity=W,
        summary="Another version has this key, the one given with `--for` ignores it.",
        remedy="remove the line",
        false_alarms="A file that brokers of several versions share.",
        check=_other_version,
    ),
    LintRule(
        id="lint.other-server",
        severity=W,
        summary="A key of a name server in a broker's file, or the reverse: it is ignored.",
        remedy="move the line to the other file",
        false_alarms="One file that both servers read.",
        check=_other_server,
    ),
    LintRule(
        id="lint.bad-number",
        severity=C,
        summary="A number that Java cannot read (`4M`, `1e6`, nothing): the default counts without a word.",
        remedy="write the number in digits, in the key's unit",
        check=_bad_number,
    ),
    LintRule(
        id="lint.bad-boolean",
        severity=C,
        summary="Neither true nor false (`yes`, `on`, `1`, nothing): it counts as false.",
        remedy="write true or false",
        check=_bad_boolean,
    ),
    LintRule(
        id="lint.bad-choice",
        severity=C,
        summary="A value that the enumeration does not have (`SYNC` for a role): the default counts.",
        remedy="write one of the listed values",
        check=_bad_choice,
    ),
    LintRule(
        id="lint.blank-behind",
        severity=C,
        summary="A blank behind a number, a boolean or an enumeration: Apache's servers take the default, or false.",
        remedy="remove the blanks at the end of the line",
        false_alarms="An enumeration in a file for 5.x, which drops the blank.",
        check=_blanks,
    ),
    LintRule(
        id="lint.comment-behind",
        severity=C,
        summary="A comment behind a value: property files have none there, so it belongs to the value.",
        remedy="put the comment on a line of its own",
        false_alarms="A name or a path with a blank and a `#` in it.",
        check=_comment,
    ),
    LintRule(
        id="lint.name-servers",
        severity=C,
        summary="Name servers that are separated by something else than `;`: the broker registers nowhere.",
        remedy="separate them by `;`",
        check=_name_servers,
    ),
    LintRule(
        id="lint.wrong-unit",
        severity=W,
        summary="The number is far from what is plausible in the key's unit of bytes, ms or hours.",
        remedy="convert the value to the unit of the key",
        false_alarms="Very small files and times in tests.",
        check=_wrong_unit,
    ),
    LintRule(
        id="lint.out-of-range",
        severity=W,
        summary="A count, percentage or bit field outside of what the server works with.",
        remedy="give a value within the range",
        check=_out_of_range,
    ),
    LintRule(
        id="lint.not-expanded",
        severity=C,
        summary="`${…}` or `~` in a value: no server replaces them.",
        remedy="write the path out in full",
        check=_not_expanded,
    ),
    LintRule(
        id="lint.empty-value",
        severity=C,
        summary="An empty name, address or folder, which Apache's servers take as it is.",
        remedy="give a value, or remove the line",
        check=_empty,
    ),
    LintRule(
        id="lint.repeated-key",
        severity=W,
        summary="A key twice with two values: the last counts.",
        remedy="remove the line that is not meant",
        check=_repeated,
    ),
    LintRule(
        id="lint.byte-order-mark",
        severity=C,
        summary="A byte order mark: Apache's servers do not see the key of the first line.",
        remedy="save the file as UTF-8 without a byte order mark",
        check=_byte_order_mark,
    ),
    LintRule(
        id="lint.not-ascii",
        severity=W,
        summary="Characters beyond ASCII, which Apache's servers read as ISO-8859-1.",
        remedy="write them as \\uXXXX",
        check=_not_ascii,
    ),
    LintRule(
        id="lint.schedule",
        severity=C,
        summary="`deleteWhen` or `messageDelayLevel` in a form that the broker cannot read.",
        remedy="write it in the expected form",
        check=_schedule,
    ),
    LintRule(
        id="lint.role-and-id",
        severity=C,
        summary="`brokerRole` and `brokerId` contradict each other.",
        remedy="a master has the id 0, a slave a higher one",
        check=_role_and_id,
    ),
    LintRule(
        id="lint.ports",
        severity=C,
        summary="Two listeners of the broker have one port.",
        remedy="give each its own port; replication usually has listenPort + 1",
        check=_ports,
    ),
    LintRule(
        id="lint.disk-ratios",
        severity=W,
        summary="The three marks of the disk are not in the order expire early, delete at once, refuse.",
        remedy="keep diskMaxUsedSpaceRatio < diskSpaceCleanForciblyRatio < diskSpaceWarningLevelRatio",
        check=_disk_ratios,
    ),
    LintRule(
        id="lint.advertised-address",
        severity=W,
        summary="The broker announces an address that leads clients or slaves to their own machine.",
        remedy="set it to an address that they reach",
        false_alarms="Everything runs on one machine.",
        check=_advertised,
    ),
    LintRule(
        id="lint.store-pool",
        severity=W,
        summary="`transientStorePoolEnable` where it has no effect.",
        remedy="remove the line, or use ASYNC_FLUSH on a master",
        check=_store_pool,
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
        check=_refused_here,
    ),
    LintRule(
        id="lint.kept-here",
        severity=I,
        summary="With `--for ours`: the key has no effect in the servers here.",
        remedy="nothing, unless its effect is needed",
        check=_kept_here,
    ),
)
