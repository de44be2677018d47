"""Apache's client finds the name servers on our name server's page, with nothing but the page's host."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.interop.apache import Driver
from tests.interop.ours import OurBroker, OurNameServer
from tests.interop.processes import free_port
from tests.interop.raw import wait_for_route
from tests.interop.toolchain import VERSIONS

from rocketmq_ops.client.admin import MQAdmin


@pytest.mark.parametrize("version", VERSIONS)
def test_javas_clients_fetch_from_our_name_server(version: str, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands without `-n`, a producer and a consumer: `rocketmq.namesrv.domain` alone says where to ask (TopAddressing)."""
    monkeypatch.delenv("NAMESRV_ADDR", raising=False)
    port, folder = free_port(), scratch / f"address-server-{version}"
    with ExitStack() as stack:
        server = OurNameServer(folder, settings={"addressServerPort": str(port)})
        stack.callback(server.child.kill)
        server.child.wait_for("boot success")
        broker = OurBroker(folder / "broker", server.address)
        stack.callback(broker.child.kill)
        driver = Driver(version, folder / "java", properties={"rocketmq.namesrv.domain": f"127.0.0.1:{port}"})
        stack.callback(driver.close)
        broker.wait_ready()
        wait_for_route(server.address, "TBW102", "broker-a")
        words = ("updateTopic", "-c", "DefaultCluster", "-t", "Found", "-r", "1", "-w", "1")
        assert "success" in driver.mqadmin(*words)
        assert "success" in driver.mqadmin("updateKvConfig", "-s", "space", "-k", "key", "-v", "value")
        (sent,) = driver.ask("send", group="finding", messages=[{"topic": "Found", "body": "m"}])
        assert sent["status"] == "SEND_OK"
        driver.ask("subscribe", name="finding", group="finding_group", topic="Found")
        (got,) = driver.ask("received", name="finding", count=1, timeoutMs=40_000)
        assert got["msgId"] == sent["msgId"]

        async def kept() -> str | None:
            async with MQAdmin([f"http://127.0.0.1:{port}/rocketmq/nsaddr"], 20_000) as admin:
                return await admin.kv.get("space", "key")

        assert asyncio.run(kept()) == "value"
