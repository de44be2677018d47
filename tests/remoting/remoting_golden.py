"""The recorded session and the fact tables, as the tests of this folder read them."""

import gzip
import json
from functools import cache
from pathlib import Path

GOLDEN = Path(__file__).parent.parent / "golden"
FACTS = GOLDEN / "rocketmq"


@cache
def session_frames() -> list[tuple[int, str, bytes]]:
    """(connection, "request" or "response", frame) in the order they were recorded."""
    with gzip.open(GOLDEN / "session" / "frames.jsonl.gz") as lines:
        return [(row["conn"], row["dir"], bytes.fromhex(row["hex"])) for row in map(json.loads, lines)]


def facts(name: str, version: str = "5.3.3"):
    """A fact table."""
    return json.loads((FACTS / version / f"{name}.json").read_text())
