"""A table that Apache's brokers keep in a RocksDB: names with JSON values, the folder `config/<table>` of a store.

Mirrors ConfigRocksDBStorage and ConfigHelper: the same files, which a broker of Apache's opens as its own. RocksDB is
reached by the package `rocksdict`, which `load_rocksdict` alone imports, when it is needed.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Mapping
from typing import Any, Final

from rocketmq_ops.common.errors import RocketMQError

#: Apache's RocksDB reads tables of this format; what comes after it, it does not.
_FORMAT_VERSION: Final = 5
_BLOCK_BYTES: Final = 32 * 1024
#: Apache's is 64 MiB, for tables of millions of offsets.
_WRITE_BUFFER_BYTES: Final = 1024 * 1024
_LOGS_KEPT: Final = 2
_LOG_BYTES: Final = 1024 * 1024
_DEFAULT_FAMILY: Final = "default"


class NoReaderError(RocketMQError):
    """The package that reads RocksDB is not installed."""


def load_rocksdict() -> Any:
    """The package. Raises NoReaderError."""
    try:
        import rocksdict
    except ImportError as error:
        raise NoReaderError(
            "reading RocksDB needs the package rocksdict, which is not installed",
            "install it with: pip install 'rocketmq-ops[rocksdb]'",
        ) from error
    return rocksdict


def is_rocksdb(folder: str) -> bool:
    """Whether there is a RocksDB in a folder."""
    return os.path.isfile(os.path.join(folder, "CURRENT"))


class ConfigRocksDBStorage:
    """One open database; nobody else can open it for writing meanwhile.

    A write is on the disk when it returns. May be used from any thread, one call at a time.
    """

    def __init__(self, folder: str) -> None:
        """Open it; one that is not there yet is made, for the eyes of this account alone.

        Raises NoReaderError, and RocketMQError naming the folder when it cannot be opened.
        """
        rocksdict = load_rocksdict()
        self.folder = folder
        self._lock = threading.Lock()
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            with contextlib.suppress(PermissionError):  # it is another account's
                os.chmod(folder, 0o700)
            options = _options(rocksdict)
            families = rocksdict.Rdict.list_cf(folder) if is_rocksdb(folder) else [_DEFAULT_FAMILY]
            self._database = rocksdict.Rdict(folder, options=options, column_families=dict.fromkeys(families, options))
            self._batch = rocksdict.WriteBatch
            self._synced = rocksdict.WriteOptions()
            self._synced.sync = True
            self._written = dict(self._database.items())
        except Exception as error:  # the package raises Exception itself
            raise RocketMQError(
                f"cannot open the RocksDB in {folder}: {error}",
                "stop the broker that has it open, or check the folder and its permissions",
            ) from error

    def entries(self) -> dict[bytes, bytes]:
        """All names with their values, as they are on the disk."""
        with self._lock:
            return dict(self._written)

    def replace(self, entries: Mapping[bytes, bytes]) -> None:
        """Make these the entries: what differs is written, at once or not at all. Raises RocketMQError."""
        with self._lock:
            batch = self._batch(raw_mode=True)
            for name in self._written.keys() - entries.keys():
                batch.delete(name)
            for name, value in entries.items():
                if self._written.get(name) != value:
                    batch.put(name, value)
            if batch.is_empty():
                return
            try:
                self._database.write(batch, self._synced)
            except Exception as error:
                raise RocketMQError(
                    f"cannot write the RocksDB in {self.folder}: {error}",
                    "check free space and permissions of its directory",
                ) from error
            self._written = dict(entries)

    def close(self) -> None:
        """Let others open it."""
        with self._lock:
            self._database.close()


def _options(rocksdict: Any) -> Any:
    """Small tables: little memory and few threads, and files that Apache's RocksDB reads."""
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    options.set_write_buffer_size(_WRITE_BUFFER_BYTES)
    options.set_max_background_jobs(2)
    options.set_keep_log_file_num(_LOGS_KEPT)
    options.set_max_log_file_size(_LOG_BYTES)
    options.set_compression_type(rocksdict.DBCompressionType.none())
    options.set_paranoid_checks(True)
    tables = rocksdict.BlockBasedOptions()
    tables.set_format_version(_FORMAT_VERSION)
    tables.set_block_size(_BLOCK_BYTES)
    tables.set_bloom_filter(16, False)
    options.set_block_based_table_factory(tables)
    return options
