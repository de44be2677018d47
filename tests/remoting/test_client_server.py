"""RemotingServer and RemotingClient over loopback."""

import asyncio

from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.remoting.server import RemotingServer


def test_echo():
    async def main():
        server = RemotingServer(NettyServerConfig(bindAddress="127.0.0.1", listenPort=0))
        server.register(105, None, lambda ch, req, header: req.reply(0, body=bytes(req.body), ext_fields=req.ext_fields))
        await server.start()
        async with RemotingClient(NettyClientConfig()) as client:
            addr = f"127.0.0.1:{server.port}"
            response = await client.invoke(addr, RemotingCommand.request(105, body=b"x" * 10, ext_fields={"topic": "T"}))
            assert (response.code, bytes(response.body), response.ext_fields) == (0, b"x" * 10, {"topic": "T"})
            assert (await client.invoke(addr, RemotingCommand.request(999))).code == 3
        await server.stop()

    asyncio.run(main())
