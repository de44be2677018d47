"""Configuration that Apache's brokers of storeType=defaultRocksDB wrote: 5.3.3 copied while it ran, 5.5.0 after its end."""

from __future__ import annotations

import functools
import tarfile
import tempfile
from pathlib import Path

_FILES = Path(__file__).parent / "files"
#: Not what a test that is running has made of it.
_TEMPORARY = tempfile.gettempdir()


@functools.cache
def _unpacked(version: str) -> tempfile.TemporaryDirectory[str]:
    """The files, once a run: the folder goes when the interpreter ends."""
    folder = tempfile.TemporaryDirectory(prefix="rocketmq-rocksdb-", dir=_TEMPORARY)
    with tarfile.open(_FILES / f"rocksdb-{version}.tar.xz") as archive:
        if hasattr(tarfile, "data_filter"):  # from Python 3.11.4 on
            archive.extractall(folder.name, filter="data")
        else:
            archive.extractall(folder.name)
    return folder


def rocksdb_config(version: str) -> Path:
    """The folder `config` of such a store."""
    return Path(_unpacked(version).name) / "config"
