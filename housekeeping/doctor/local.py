"""Facts of this machine: a store directory, and a property file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.properties import read_property_file
from rocketmq_ops.housekeeping.doctor.facts import Facts, FileFacts, Missing, Part, StoreFacts, StoreFile
from rocketmq_ops.housekeeping.host.changes import root_of
from rocketmq_ops.housekeeping.host.items import Item, is_for_broker_to_judge, items_of
from rocketmq_ops.housekeeping.host.rules import State
from rocketmq_ops.remoting.certificates import file_valid_until_ms
from rocketmq_ops.store.inspect.reading.running import running_broker
from rocketmq_ops.store.inspect.reading.scan import first_store_time
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory


def file_facts(path: str) -> FileFacts:
    """The keys of a property file. Raises PropertiesError."""
    return FileFacts(path, {entry.key: entry.value for entry in read_property_file(path).properties})


def add_certificates(facts: Facts, tls: str | None) -> None:
    """Add the certificates of this client, which the property file of `--tls` names. Raises PropertiesError."""
    if tls in (None, "true", "false"):
        return
    values = {entry.key: entry.value for entry in read_property_file(tls).properties}
    for path in filter(None, map(values.get, ("tls.client.certPath", "tls.client.trustCertPath"))):
        try:
            until = file_valid_until_ms(path)
        except RocketMQError as error:
            facts.missing.append(Missing(Part.CERTIFICATES, path, error.cause))
        else:
            if until is not None:
                facts.certificates[path] = until


def add_host(facts: Facts, items: Sequence[Item] | None = None) -> None:
    """Add the settings of this machine, or these; what could not be judged is put down as missing."""
    facts.host = list(items_of(root_of(None)) if items is None else items)
    facts.asked.append(Part.HOST)
    facts.missing += [
        Missing(Part.HOST, item.id, f"{item.current}, wanted is {item.wanted}")
        for item in facts.host
        if item.state is State.UNKNOWN and not is_for_broker_to_judge(item)
    ]


def store_facts(directory: str, proc: Path = Path("/proc")) -> StoreFacts:
    """What a store directory shows from outside, and who maps its files. Raises RocketMQError for no store.

    `proc` is Linux's; processes that may not be looked at are passed over.
    """
    store = StoreDirectory(directory)
    root = Path(directory).resolve()
    try:
        files = [
            StoreFile(file.path.name, file.size, file.modified_ms, first_store_time(file))
            for file in store.commitlog.files
        ]
    finally:
        store.close()
    deleted: list[tuple[int, str]] = []
    used = running_broker(store) is not None
    for pid, path, gone in _mapped(root, proc):
        used = True
        if gone and (pid, path) not in deleted:
            deleted.append((pid, path))
    space = os.statvfs(root)
    return StoreFacts(
        path=str(root),
        files=files,
        deleted=deleted,
        abort=(root / "abort").exists(),
        used=used,
        free=space.f_bavail * space.f_frsize,
        total=(space.f_blocks - space.f_bfree + space.f_bavail) * space.f_frsize,
    )


def _mapped(root: Path, proc: Path) -> Iterator[tuple[int, str, bool]]:
    """(pid, path, whether it was deleted) of every mapping of a file below `root`."""
    begin, end = f"{root}/", " (deleted)"
    for folder in sorted(proc.glob("[0-9]*")):
        try:
            text = (folder / "maps").read_text(errors="replace")
        except OSError:
            continue
        for line in text.splitlines():
            path = line.partition("/")[2]
            if path and f"/{path}".startswith(begin):
                yield int(folder.name), f"/{path}".removesuffix(end), path.endswith(end)
