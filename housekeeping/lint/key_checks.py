"""Checks of the keys of a property file: known to which server of which version."""

from __future__ import annotations

from collections.abc import Iterator

from rocketmq_ops.common.foreign_keys import explanation, is_foreign
from rocketmq_ops.common.nearest import nearest_name
from rocketmq_ops.common.properties import Property
from rocketmq_ops.housekeeping.lint.file import TLS, LineHit, Linted
from rocketmq_ops.housekeeping.lint.keys import BROKER_CLASSES, NAMESRV_CLASSES, VERSIONS, keys_of, versions_with


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


def unknown_key(linted: Linted) -> Iterator[LineHit]:
    for entry, why in _unknown(linted):
        if why is None and not _is_elsewhere(entry.key):
            near = nearest_name(entry.key, linted.known)
            remedy = f"write {near}" if near else "remove the line"
            yield linted.hit(entry, f"no version has a key '{entry.key}'", remedy)


def old_key(linted: Linted) -> Iterator[LineHit]:
    for entry, why in _unknown(linted):
        if why is not None:
            yield linted.hit(entry, f"'{entry.key}' is ignored: {why}")


def other_version(linted: Linted) -> Iterator[LineHit]:
    for entry, why in _unknown(linted):
        if why is None and (versions := _versions_with(entry.key)):
            evidence = f"{VERSIONS[linted.version]} ignores '{entry.key}', which is a key of {', '.join(versions)}"
            near = nearest_name(entry.key, linted.known, cutoff=0.85)
            yield linted.hit(entry, evidence, f"remove the line, or see {near}" if near else "")


def other_server(linted: Linted) -> Iterator[LineHit]:
    for entry in linted.file.properties:
        if entry.key not in linted.known and entry.key in linted.others:
            if linted.server == TLS:
                yield linted.hit(entry, f"'{entry.key}' is a key of the servers, this is a file of TLS's keys")
                continue
            (other,) = {"broker", "name server"} - {linted.server}
            yield linted.hit(entry, f"'{entry.key}' is a key of a {other}, this is a {linted.server}'s file")
