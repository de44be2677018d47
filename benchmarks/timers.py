"""Cost of a timer in the broker, in µs of CPU: taking it, letting it wait in the wheel, and delivering it.

Run: python benchmarks/timers.py [--count N] [--profile]. No network: one thread, the store and the timers of one broker
in a temporary folder. All messages are due within the same ten seconds.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time

from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.broker.send.inner_messages import encode_properties, schedule
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.inner_message import InnerMessage

BORN = bytes([127, 0, 0, 1, 0, 0, 0x80, 0])


def take(broker: BrokerController, count: int) -> None:
    """Take messages as a send does, which all wait."""
    now = broker.clock()
    for number in range(count):
        properties = {
            "KEYS": f"order-{number}",
            "UNIQ_KEY": f"FD0000000000000000000000000000021FAF30946E09{number:08X}",
            "WAIT": "true",
            "TAGS": "TagA",
            "TIMER_DELIVER_MS": str(now + 3_600_000 + number % 10_000),
        }
        message = InnerMessage("T", number % 8, b"x" * 1024, properties, encode_properties(properties), BORN, now)
        assert schedule(message, broker) is None
        broker.store.put_message(message)


def run(broker: BrokerController, now: int) -> None:
    """Do all that is to be done at a time."""
    while broker.timers.run(now):
        pass


def main() -> None:
    """Print one line for each step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--profile", action="store_true", help="which functions the time goes to")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store_config = MessageStoreConfig(storePathRootDir=folder, mappedFileSizeCommitLog=1 << 28)
        broker = BrokerController(
            BrokerConfig(brokerIP1="127.0.0.1"), store_config, NettyServerConfig(bindAddress="127.0.0.1"),
            NettyClientConfig(),
        )  # fmt: skip
        broker.store.load()
        now = broker.clock()
        profile = cProfile.Profile()
        for name, step in (
            ("taken", lambda: take(broker, options.count)),
            ("into the wheel", lambda: run(broker, now)),
            ("delivered", lambda: run(broker, now + 4_000_000)),
        ):
            began = time.process_time()
            if options.profile:
                profile.runcall(step)
            else:
                step()
            print(f"{name}: {(time.process_time() - began) / options.count * 1e6:.1f} µs a message")
        delivered = sum(broker.store.max_offset("T", queue_id) for queue_id in range(8))
        assert delivered == options.count, delivered
        if options.profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        broker.timers.files.close()
        broker.store.close()


if __name__ == "__main__":
    main()
