"""The RocketMQ remoting protocol: frames, commands, typed headers and bodies, and the asyncio server and client."""
