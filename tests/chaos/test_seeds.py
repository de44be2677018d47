"""Four seeds: a cluster of ours is killed, stopped, paused and cut under load, and keeps its promises.

Two are with slaves; one is over TLS, with certificates that are renewed and handshakes that nobody ends.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.chaos.run import run_seed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs 127.0.0.2, which is there on Linux")


@pytest.mark.parametrize(
    ("seed", "slaves", "tls"), [(1, False, False), (2, True, False), (3, True, False), (4, False, True)]
)
def test_promises_hold(seed: int, slaves: bool, tls: bool, tmp_path: Path) -> None:
    told: list[str] = []
    verdict = asyncio.run(run_seed(seed, tmp_path, seconds=12.0, slaves=slaves, tls=tls, say=told.append))
    assert verdict.violations == [], "\n".join(told)
    counts = verdict.counts
    # The load was one, and went on through the faults.
    assert counts["faults"] >= 5 and counts["acknowledged"] > 20 and counts["consumed"] > 20, counts
