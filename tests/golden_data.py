"""Access to the recorded data under tests/golden: stores (unpacked once a run), manifests, frames and fact tables."""

from __future__ import annotations

import functools
import gzip
import json
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden"
STORES = ("5.3.3-clean", "4.9.7-clean", "5.3.3-killed", "5.5.0-clean")


@functools.cache
def _unpacked(name: str) -> tempfile.TemporaryDirectory[str]:
    """The files of a golden store, once a run: the folder goes when the interpreter ends."""
    folder = tempfile.TemporaryDirectory(prefix="rocketmq-golden-")
    with tarfile.open(GOLDEN / name / "store.tar.xz") as archive:
        if hasattr(tarfile, "data_filter"):  # from Python 3.11.4 on
            archive.extractall(folder.name, filter="data")
        else:
            archive.extractall(folder.name)
    return folder


def unpack_store(name: str, target: Path) -> Path:
    """A private copy of golden store `name` under `target`, last written just now; the path of its storePathRootDir.

    The archive's files carry the day of their recording: a broker started on them would delete what is older than
    fileReservedTime, so that a test would fail from the third day on.
    """
    source = Path(_unpacked(name).name) / "store"
    shutil.copytree(
        source, target / "store", ignore=shutil.ignore_patterns("timerwheel"), copy_function=shutil.copyfile
    )
    return target / "store"


@functools.cache
def manifest(name: str) -> list[dict[str, Any]]:
    """Every message that Apache's client pulled from the store, in file order."""
    with gzip.open(GOLDEN / name / "messages.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@functools.cache
def session_frames() -> list[dict[str, Any]]:
    """The recorded frames of the session: conn, link, dir, hex."""
    with gzip.open(GOLDEN / "session" / "frames.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def facts(version: str, name: str) -> Any:
    """A fact table, for example facts("5.3.3", "headers")."""
    return json.loads((GOLDEN / "rocketmq" / version / f"{name}.json").read_text("utf-8"))
