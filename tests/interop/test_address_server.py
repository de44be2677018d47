"""Apache's client finds the name servers on our name server's page, with nothing but the page's host."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from tests.interop.ours import OurNameServer
from tests.interop.processes import free_port
from tests.interop.toolchain import VERSIONS, java_command

from rocketmq_ops.client.admin import MQAdmin


@pytest.mark.parametrize("version", VERSIONS)
def test_javas_client_fetches_from_our_name_server(version: str, scratch: Path) -> None:
    """A command without `-n`: `rocketmq.namesrv.domain` alone says where to ask (TopAddressing)."""
    port = free_port()
    folder = scratch / f"address-server-{version}"
    server = OurNameServer(folder, settings={"addressServerPort": str(port)})
    try:
        server.child.wait_for("boot success")
        command = java_command(
            version,
            "org.apache.rocketmq.tools.command.MQAdminStartup",
            ["updateKvConfig", "-s", "space", "-k", "key", "-v", "value"],
            scratch=folder / "java",
        )
        command.insert(1, f"-Drocketmq.namesrv.domain=127.0.0.1:{port}")
        environment = {key: value for key, value in os.environ.items() if key != "NAMESRV_ADDR"}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
        assert "success" in ended.stdout, ended

        async def kept() -> str | None:
            async with MQAdmin([f"http://127.0.0.1:{port}/rocketmq/nsaddr"], 20_000) as admin:
                return await admin.kv.get("space", "key")

        assert asyncio.run(kept()) == "value"
    finally:
        server.child.stop()
