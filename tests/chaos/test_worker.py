"""Clients of the load whose life begins while a broker is away."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.chaos.events import ACK, ORDERED, read_events
from tests.chaos.worker import Worker, send_ordered
from tests.client.client_cluster import broker_of, cluster, until


def test_chains_are_sent_to_the_queues_of_a_broker_that_comes_later(tmp_path: Path) -> None:
    async def main() -> None:
        async with cluster(tmp_path, **{ORDERED: 2}) as c:
            namesrv = c.options.name_servers[0]
            worker = Worker("chain1", namesrv, tmp_path)
            worker.options.poll_name_server_interval_ms = 50
            sending = asyncio.create_task(send_ordered(worker))

            def sent_to() -> set[tuple[str, int]]:
                return {(event.broker, event.queue) for event in read_events(tmp_path) if event.what == ACK}

            await until(lambda: sent_to() == {("broker-a", 0), ("broker-a", 1)})
            second = broker_of(tmp_path / "second", namesrv, "broker-b")
            await second.start()
            try:
                second.topics.table.update(c.broker.topics.table)
                await second.register_all()
                await until(lambda: sent_to() >= {("broker-b", 0), ("broker-b", 1)})
                worker.ending.set()
                await sending
            finally:
                await second.stop()

    asyncio.run(main())
