"""A broker's configuration in RocksDB, read from its files: of exportMetadataInRocksDB and rocksDBConfigToJson."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.mqadmin.errors import CommandError

if TYPE_CHECKING:
    from rocketmq_ops.store.inspect.reading.rocksdb_config import ConfigKind, StoredConfig


def read_stored_config(folder: str, kind: ConfigKind) -> StoredConfig:
    """The table of a store's configuration folder. Without its reader: how to have the broker export it instead."""
    from rocketmq_ops.common.config_rocksdb import NoReaderError
    from rocketmq_ops.store.inspect.reading.rocksdb_config import read_config

    try:
        return read_config(Path(folder), kind)
    except NoReaderError as error:
        raise CommandError(
            error.cause,
            f"{error.next_step}; or, while the broker runs, have it write the JSON file itself: "
            f"`mqadmin rocksDBConfigToJson -b HOST:PORT -t {kind}`",
        ) from error


def pretty(value: object) -> str:
    """JSON over several lines."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def entry_lines(config: StoredConfig) -> list[str]:
    """`1, Key: name, Value: {...}` for each entry."""
    return [
        f"{place}, Key: {name}, Value: {msgspec.json.encode(value).decode()}"
        for place, (name, value) in enumerate(config.entries.items(), 1)
    ]
