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
STORES = ("5.3.3-clean", "4.9.7-clean", "5.3.3-killed")


@functools.cache
def _unpacked(name: str) -> Path:
    target = Path(tempfile.mkdtemp(prefix="rocketmq-golden-"))
    with tarfile.open(GOLDEN / name / "store.tar.xz") as archive:
        archive.extractall(target, filter="data")
    return target


def unpack_store(name: str, target: Path) -> Path:
    """A private copy of golden store `name` under `target`; the path of its storePathRootDir."""
    shutil.copytree(_unpacked(name) / "store", target / "store", ignore=shutil.ignore_patterns("timerwheel"))
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
