"""Four seeds: a cluster of ours is killed, stopped, paused and cut under load, and keeps its promises.

Two are with slaves; one is over TLS, with certificates that are renewed and handshakes that nobody ends. And brokers that
break a promise are found out.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.chaos.run import run_seed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs 127.0.0.2, which is there on Linux")


#: So many times half a second in which a client was not let run: then nothing is quiet for long enough to be judged.
STANDING_STILL = 20


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
    assert counts["timers consumed"] > 0 and (counts["messages from slaves"] > 0) == slaves, counts
    # What a fault excuses shortly after it was not all there was, unless the machine stood still again and again.
    judged = counts["deliveries judged"] > 20 and counts["looks judged"] > 20
    assert judged or counts["stalls"] > STANDING_STILL, counts
    # Offsets of a group without consumers are judged in the faults, too.
    assert counts["offsets read back"] > 20 and counts["read back in faults"] > 0, counts


#: A broker that keeps the offset before the last: sent once more, the last one changes nothing.
BEHIND = """
from rocketmq_ops.broker.offset.consumer_offset_manager import ConsumerOffsetManager
from rocketmq_ops.broker.startup import main
commit, last = ConsumerOffsetManager.commit, {}
def one_behind(self, group, topic, queue_id, offset):
    queue = group, topic, queue_id
    if offset != last.get(queue):
        commit(self, *queue, last.get(queue, 0))
        last[queue] = offset
ConsumerOffsetManager.commit = one_behind
main()
"""


def test_a_broker_that_forgets_offsets_is_found_out(tmp_path: Path) -> None:
    verdict = asyncio.run(run_seed(5, tmp_path, seconds=0.0, slaves=False, say=print, program=BEHIND))
    for found in ("without a cause", "its group stands at", "as the offset of witness, and says"):
        assert any(found in sentence for sentence in verdict.violations), verdict
