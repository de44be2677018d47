"""TLS on a broker's port beside plain connections: messages per second, broker CPU a message, and CPU a connection.

One broker, which takes both; each load runs plain and over TLS in turn, and the table has the medians and their ratio.
The load's own TLS costs as much as the broker's, so that the messages per second say little of the broker on two cores.

    python benchmarks/tls.py [--seconds 2] [--rounds 3] [--size 1024]
"""

from __future__ import annotations

import argparse
import socket
import ssl
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

from broker_profile import Broker, run_load

MODES = ("sync8", "async256", "batch", "drain")
CONNECTIONS = 300


def context() -> ssl.SSLContext:
    """Takes any certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


def used(broker: Broker) -> float:
    """CPU seconds that the broker has used, the kernel's for it included."""
    return sum(broker.cpu_seconds())


async def loads(broker: Broker, seconds: float, rounds: int, size: int) -> None:
    """Print a row for each mode."""
    rates: dict[tuple[str, bool], list[float]] = defaultdict(list)
    costs: dict[tuple[str, bool], list[float]] = defaultdict(list)
    for _ in range(rounds):
        for mode in MODES:
            for tls in (None, context()):
                before = used(broker)
                messages, elapsed = await run_load(broker, mode, seconds, size, tls=tls)
                rates[mode, tls is not None].append(messages / elapsed)
                costs[mode, tls is not None].append((used(broker) - before) / messages * 1e6)
    for mode in MODES:
        plain, secure = (statistics.median(rates[mode, tls]) for tls in (False, True))
        cheap, dear = (statistics.median(costs[mode, tls]) for tls in (False, True))
        print(f"| {mode} | {plain:.0f} | {secure:.0f} | {cheap:.1f} | {dear:.1f} | {dear / cheap:.2f} |")


def connections(broker: Broker, tls: ssl.SSLContext | None) -> float:
    """Microseconds of broker CPU for a connection: made, asked one thing, and closed."""
    from broker_profile import frame, request

    asked = frame(request(28, 1, {}))
    before = used(broker)
    for _ in range(CONNECTIONS):
        with socket.create_connection(("127.0.0.1", broker.port)) as plain:
            connection = plain if tls is None else tls.wrap_socket(plain)
            connection.sendall(asked)
            assert connection.recv(8)
            connection.close()
    return (used(broker) - before) / CONNECTIONS * 1e6


def main() -> None:
    """Print two markdown tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=2.0)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--size", type=int, default=1024, help="bytes of a message's body")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="rmq-tls-") as folder:
        broker = Broker(Path(folder), None, ["brokerFastFailureEnable=false"])
        try:
            import uvloop

            connections(broker, context())  # has the certificate made
            print(
                "| load | plain, msg/s | TLS, msg/s | plain, CPU us/msg | TLS, CPU us/msg | ratio |\n|---|---|---|---|---|---|"
            )
            uvloop.run(loads(broker, given.seconds, given.rounds, given.size))
            plain, secure = connections(broker, None), connections(broker, context())
            print(f"\n| a connection | {plain:.0f} us | {secure:.0f} us | {secure / plain:.1f} |\n|---|---|---|---|")
            print(f"memory: {broker.memory_mb():.0f} MB anonymous")
        finally:
            broker.stop()


if __name__ == "__main__":
    main()
