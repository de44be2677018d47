"""Golden stores, and messages as the manifests tell them."""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.interop.apache import Driver

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
NAMES = ("5.3.3-clean", "4.9.7-clean", "5.3.3-killed", "5.5.0-clean")

# The golden stores' file sizes: a broker must be told, they are not in the files.
SIZES = {
    "mappedFileSizeCommitLog": "262144",
    "mappedFileSizeConsumeQueue": "6000",
    "maxHashSlotNum": "1000",
    "maxIndexNum": "4000",
    "maxMessageSize": "131072",
    # They are older than any age limit.
    "fileReservedTime": "1000000",
}

Message = dict[str, Any]


def manifest(name: str) -> list[Message]:
    """What Apache's Java client read from the store before its broker stopped."""
    with gzip.open(GOLDEN / name / "messages.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def unpack(name: str, folder: Path) -> Path:
    """A copy of a golden store that may be changed."""
    with tarfile.open(GOLDEN / name / "store.tar.xz") as tar:
        tar.extractall(folder, filter="data")
    return folder / "store"


def copy_store(store: Path, folder: Path) -> Path:
    """A copy of a stopped broker's store, as a file copy to another machine makes it."""
    return Path(shutil.copytree(store, folder / "store"))


def by_queue(messages: list[Message]) -> dict[tuple[str, int], list[Message]]:
    queues: dict[tuple[str, int], list[Message]] = defaultdict(list)
    for message in messages:
        queues[message["topic"], message["queueId"]].append(message)
    return dict(queues)


def comparable(message: Message) -> Message:
    """The fields that the store holds: without what the client adds on the way."""
    fields = {key: value for key, value in message.items() if key != "body"}
    fields["properties"] = {k: v for k, v in message["properties"].items() if k not in ("MIN_OFFSET", "MAX_OFFSET")}
    return fields


def read_queues(
    driver: Driver, namesrv: str, queues: dict[tuple[str, int], list[Message]], broker_name: str = "broker-a"
) -> dict[tuple[str, int], list[Message]]:
    """The whole of each queue as Apache's Java client pulls it."""
    return {
        (topic, queue): driver.ask("pull", namesrv=namesrv, topic=topic, queueId=queue, brokerName=broker_name)
        for topic, queue in queues
    }
