"""Checks of a property file as a whole: its form, and settings that contradict each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rocketmq_ops.housekeeping.lint.file import PORTS, LineHit, Linted

_HOURS: Final = re.compile(r"([01]?\d|2[0-3])(;([01]?\d|2[0-3]))*;?")
_LEVELS: Final = re.compile(r"\d+[smhd]( \d+[smhd])*")
#: The fast port is so far below the port where a broker listens.
_FAST_PORT_BELOW: Final = 2


def _remarks(linted: Linted, kind: str) -> Iterator[LineHit]:
    for remark in linted.file.remarks:
        if remark.kind == kind:
            yield LineHit(f"{linted.path}:{remark.line}", remark.text, line=remark.line)


def repeated(linted: Linted) -> Iterator[LineHit]:
    return _remarks(linted, "repeated")


def byte_order_mark(linted: Linted) -> Iterator[LineHit]:
    return _remarks(linted, "byte order mark")


def not_ascii(linted: Linted) -> Iterator[LineHit]:
    return _remarks(linted, "not ASCII")


def schedule(linted: Linted) -> Iterator[LineHit]:
    for name, form, after in (
        ("deleteWhen", _HOURS, "expired files stay until the disk is nearly full"),
        ("messageDelayLevel", _LEVELS, "the broker does not start"),
    ):
        entry = linted.line(name)
        if entry is not None and name in linted.known and not form.fullmatch(entry.value.strip()):
            wanted = "hours from 00 to 23, as 04 or 04;16" if form is _HOURS else "numbers with s, m, h or d, as 1s 5s"
            yield linted.hit(entry, f"{name}={entry.value}: expected {wanted}; with it {after}")


def role_and_id(linted: Linted) -> Iterator[LineHit]:
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


def ports(linted: Linted) -> Iterator[LineHit]:
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


def disk_ratios(linted: Linted) -> Iterator[LineHit]:
    names = ("diskMaxUsedSpaceRatio", "diskSpaceCleanForciblyRatio", "diskSpaceWarningLevelRatio")
    lines = [linted.line(name) for name in names]
    values = [linted.value(name) for name in names]
    last = next((entry for entry in reversed(lines) if entry is not None), None)
    numbers = [int(value) for value in values if value is not None and value.isdecimal()]
    if last is not None and len(numbers) == len(names) and numbers != sorted(numbers):
        shown = ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
        yield linted.hit(last, f"sends are refused before files are deleted to make room: {shown}")


def advertised(linted: Linted) -> Iterator[LineHit]:
    for name in ("brokerIP1", "brokerIP2"):
        entry = linted.line(name)
        if entry is not None and entry.value.strip() in ("127.0.0.1", "localhost", "0.0.0.0", "::1", "::"):
            who = "clients" if name == "brokerIP1" else "slaves"
            yield linted.hit(entry, f"{who} of other machines would connect to {entry.value.strip()}")


def store_pool(linted: Linted) -> Iterator[LineHit]:
    entry = linted.line("transientStorePoolEnable")
    if entry is None or entry.value.strip().lower() != "true":
        return
    for name, value in (("flushDiskType", "SYNC_FLUSH"), ("brokerRole", "SLAVE")):
        if linted.value(name) == value and (name == "brokerRole" or linted.version == "4.9"):
            yield linted.hit(entry, f"transientStorePoolEnable has no effect with {name}={value}")


def refused_here(linted: Linted) -> Iterator[LineHit]:
    if linted.version == "ours":
        for entry, key in linted.set():
            if key.here == "refused" and entry.value.strip().lower() not in ("", "false", "default"):
                yield linted.hit(entry, f"{entry.key}={entry.value} asks for what the server here does not have")


def kept_here(linted: Linted) -> Iterator[LineHit]:
    if linted.version == "ours":
        for entry, key in linted.set():
            if key.here == "kept" and entry.value.strip() != key.defaults["5.3"]:
                yield linted.hit(entry, f"{entry.key}={entry.value} is accepted and shown, and changes nothing")
