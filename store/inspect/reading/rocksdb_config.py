"""A broker's configuration in RocksDB (`config/topics`, `config/subscriptionGroups`, `config/consumerOffsets`).

What brokers of `storeType=defaultRocksDB` keep instead of the JSON files: a database a table, each entry a name with
JSON (ConfigRocksDBStorage; the column family `kvDataVersion` has the data version). Nothing is written into the
broker's folder: the database is opened through a folder of links to its files, since the package puts a file of its own
beside them.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from rocketmq_ops.common.config_rocksdb import is_rocksdb, load_rocksdict
from rocketmq_ops.common.errors import CorruptDataError, NoSuchPathError
from rocketmq_ops.common.fastjson import loads

ConfigKind = Literal["topics", "subscriptionGroups", "consumerOffsets"]

#: The name of the table in the JSON file of the same broker's configuration.
TABLE_OF_KIND: Final[dict[ConfigKind, str]] = {
    "topics": "topicConfigTable",
    "subscriptionGroups": "subscriptionGroupTable",
    "consumerOffsets": "offsetTable",
}
_ENTRIES: Final = "default"
_VERSION: Final = "kvDataVersion"
_VERSION_KEY: Final = b"kvDataVersionKey"
#: A running broker may replace files between the listing of its folder and their opening.
_TRIES: Final = 3


class StoredConfig(msgspec.Struct):
    """One table: name -> JSON value, in the database's order (by bytes), and the data version where there is one."""

    kind: ConfigKind
    entries: dict[str, Any]
    data_version: Any = None

    def document(self) -> dict[str, Any]:
        """As the broker's JSON file of this table has it."""
        entries = self.entries
        if self.kind == "consumerOffsets":  # each value is an object with that table alone
            entries = {name: (value or {}).get("offsetTable") for name, value in entries.items()}
        version = {} if self.data_version is None else {"dataVersion": self.data_version}
        return {**version, TABLE_OF_KIND[self.kind]: entries}


def read_config(folder: Path, kind: ConfigKind) -> StoredConfig:
    """The table `kind` of the configuration folder of a store; of a running broker what it has written so far.

    Raises NoSuchPathError, NoReaderError, CorruptDataError for what is not such a database or holds no JSON.
    """
    path = folder / kind
    if not is_rocksdb(str(path)):
        raise NoSuchPathError(
            f"there is no RocksDB in {path}",
            "name the folder `config` of the store of a broker with storeType=defaultRocksDB",
        )
    families = _families(path)
    entries = {_text(path, name): _json(path, name, value) for name, value in families.get(_ENTRIES, [])}
    version = dict(families.get(_VERSION, [])).get(_VERSION_KEY)
    return StoredConfig(kind, entries, None if version is None else _json(path, _VERSION_KEY, version))


def _families(path: Path) -> dict[str, list[tuple[bytes, bytes]]]:
    """Every entry by column family."""
    rocksdict = load_rocksdict()
    for left in reversed(range(_TRIES)):
        with tempfile.TemporaryDirectory(prefix="rocketmq-rocksdb-") as links:
            for name in os.listdir(path):
                os.symlink((path / name).absolute(), Path(links, name))
            try:
                return _read(rocksdict, links)
            except Exception as error:  # the package raises Exception itself
                if not left:
                    raise CorruptDataError(f"{path} cannot be read as RocksDB: {error}", "stop the broker") from error
    raise AssertionError


def _read(rocksdict: Any, path: str) -> dict[str, list[tuple[bytes, bytes]]]:
    options = rocksdict.Options(raw_mode=True)
    names = rocksdict.Rdict.list_cf(path)
    database = rocksdict.Rdict(
        path,
        options=options,
        column_families=dict.fromkeys(names, options),
        access_type=rocksdict.AccessType.read_only(),
    )
    try:
        return {name: list(database.get_column_family(name).items()) for name in names}
    finally:
        database.close()


def _text(path: Path, name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise CorruptDataError(f"{path} has a name that is not UTF-8: {name!r}", "check the store") from None


def _json(path: Path, name: bytes, value: bytes) -> Any:
    try:
        return loads(value)
    except CorruptDataError as error:
        shown = name.decode("utf-8", "replace")
        raise CorruptDataError(f"{path}: the value of '{shown}' is not JSON: {error}", "check the store") from error
